//! An installation from its first day to its last.

use std::{fs, path::PathBuf};

use ace_tests::chart;
use serde_json::Value;
use xtask::rights;

use super::{
    bed::{NEXT, World, eventually},
    pods::{self, process},
    project::Managed,
};

const RELEASE: &str = "ace-ops";

/// A release of the chart.
pub struct Release<'a> {
    world: &'a World,
    values: PathBuf,
    /// For the values.
    _folder: tempfile::TempDir,
}

impl<'a> Release<'a> {
    /// The namespace of the release, which admits what is `restricted`; nothing is installed.
    pub async fn prepare(world: &'a World, values: &Value) -> Self {
        world.kubectl(&format!("create namespace {}", rights::NAMESPACE)).await;
        let label = "pod-security.kubernetes.io/enforce=restricted";
        world
            .kubectl(&format!("label namespace {} {label}", rights::NAMESPACE))
            .await;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("values.json");
        fs::write(&path, values.to_string()).unwrap();
        Self {
            world,
            values: path,
            _folder: folder,
        }
    }

    /// Runs Helm on it; `verb` is `install` or `upgrade`.
    pub fn helm(&self, verb: &str, arguments: &[&str]) -> String {
        let (chart, values) = (chart(), self.values.to_str().unwrap());
        let what = [
            verb,
            RELEASE,
            chart.to_str().unwrap(),
            "--namespace",
            rights::NAMESPACE,
            "--values",
            values,
        ];
        self.world.helm(&[&what, arguments].concat())
    }

    fn other(&self, arguments: &[&str]) -> String {
        self.world
            .helm(&[arguments, &["--namespace", rights::NAMESPACE]].concat())
    }
}

const AND_WAIT: [&str; 2] = ["--wait", "--timeout=5m"];

pub async fn lives(world: &World) {
    let managed = Managed::create(world).await;
    let release = Release::prepare(world, &managed.values()).await;
    release.helm("install", &AND_WAIT);
    is_confined(world).await;
    managed.apply().await;
    managed.ready().await;
    eprintln!("{}", release.other(&["test", RELEASE, "--logs"]));

    let known = managed.known().await;
    let next = format!("--set=image.tag={NEXT}");
    release.helm("upgrade", &[&AND_WAIT[..], &[&next]].concat());
    let upgraded = world.operator().await;
    assert_eq!(
        upgraded["spec"]["containers"][0]["image"],
        format!("ace-operator:{NEXT}")
    );
    managed.is_left_alone(&known, "an upgrade").await;

    let known = managed.known().await;
    release.helm("upgrade", &["--set=image.tag=missing"]);
    let waiting = async || {
        let pods = world.operators().await;
        let reason = pods.iter().find_map(|pod| pods::waits(pod).map(str::to_owned));
        reason.filter(|reason| reason.contains("ImagePull"))
    };
    let reason = eventually("a pod waits for an image that is missing", waiting).await;
    let pods = world.operators().await;
    let old = pods.iter().find(|pod| pods::name(pod) == pods::name(&upgraded));
    assert!(old.is_some_and(pods::is_ready), "{reason}: {:?}", pods::names(&pods));
    managed.looks("the old pod goes on", "missing").await;
    release.other(&["rollback", RELEASE, "--wait", "--timeout=5m"]);
    assert_eq!(
        uid(&world.operator().await),
        uid(&upgraded),
        "the pod went on through the roll-back"
    );
    managed
        .is_left_alone(&known, "an upgrade to a missing image and its roll-back")
        .await;

    let (known, definitions) = (managed.known().await, world.list("crd").await.len());
    release.other(&["uninstall", RELEASE, "--wait"]);
    let gone = async || world.operators().await.is_empty().then_some(());
    eventually("no pod is left of the removed release", gone).await;
    assert_eq!(world.list("crd").await.len(), definitions, "the definitions stay");
    release.helm("install", &AND_WAIT);
    managed.is_left_alone(&known, "a removal and a new installation").await;

    let (known, since, pod) = (managed.known().await, world.audit_log().lines(), world.operator().await);
    release.helm("upgrade", &AND_WAIT);
    managed.is_left_alone(&known, "the same upgrade again").await;
    assert_eq!(uid(&world.operator().await), uid(&pod));
    assert_eq!(world.written(since), [], "writes of the operator and its worker");
    eprintln!("after the same upgrade again: 0 writes to the API server");
    eprintln!("{}", release.other(&["test", RELEASE, "--logs"]));
}

fn uid(pod: &Value) -> &Value {
    &pod["metadata"]["uid"]
}

/// The node sees the process as the chart promises it.
async fn is_confined(world: &World) {
    let process = process(&world.operator().await);
    let user = "65532 65532 65532 65532";
    assert_eq!(
        (process.says("Uid").as_str(), process.says("Gid").as_str()),
        (user, user)
    );
    for capabilities in ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"] {
        assert_eq!(process.says(capabilities), "0000000000000000", "{capabilities}");
    }
    assert_eq!(process.says("NoNewPrivs"), "1");
    assert_eq!(process.says("Seccomp"), "2", "a filter");
    assert!(process.root_is_read_only(), "the root can't be written to");
    eprintln!("user 65532, no capabilities, no new privileges, seccomp, a root that is read-only");
}
