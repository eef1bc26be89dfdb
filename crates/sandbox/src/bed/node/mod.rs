//! A node on which pods run: kubelet, scheduler and containerd.
//!
//! All of the bed is in a network of its own then, and the mounts of the node in a mount namespace: nothing of the machine's is
//! changed, and both are gone with the last process in them. [`ensure`] comes first, outside, where packages and modules can be
//! fetched; then [`namespaces`] has a program run where [`super::Bed::start`] can start a node.

mod assets;
mod cgroups;
mod ground;
mod pause;
mod settings;

use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use tokio::net::UnixStream;

use super::cluster::Cluster;
use super::control_plane::{ControlPlane, blocking, launch, option};
use super::error::BedError;
use super::file::{self, Memory, NodeFile};
use super::process::Child;
use super::progress::Progress;
use super::tools;

pub use assets::ensure;
pub use ground::{is_inside, namespaces};

use assets::Assets;
use ground::Ground;
pub(super) use ground::prepare;

/// Name of the Node.
pub(super) const NAME: &str = "ace-node";

/// The node's own address.
pub(super) const ADDRESS: Ipv4Addr = Ipv4Addr::new(10, 89, 0, 1);

/// Of the service `kubernetes`: the first address of the range of services.
pub(super) const SERVICE: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 1);

/// The namespace of containerd that the kubelet uses.
const IMAGES: &str = "k8s.io";

/// Measured: 6 s on two cores that compiled meanwhile.
const PATIENCE: Duration = Duration::from_mins(2);

/// Measured: 0.2 s, with two pods on it.
const PARTING: Duration = Duration::from_secs(10);

/// How often what starts is asked.
const LOOK: Duration = Duration::from_millis(50);

/// A node that is up. Dropping it ends it, with every pod on it.
pub(super) struct Node {
    /// In the order in which they end.
    pub(super) children: Vec<Child>,
    containerd: PathBuf,
    /// After the processes in it.
    _ground: Ground,
}

impl Node {
    /// Starts it beside the control plane, and returns when it takes pods.
    pub(super) async fn start(
        ground: Ground,
        memory: &Memory,
        control_plane: &ControlPlane,
        progress: Progress,
    ) -> Result<Node, BedError> {
        let assets = blocking(move || Ok(Assets::find(progress)?)).await?;
        let started = Instant::now();
        let place = ground.place.clone();
        let socket = place.join("containerd.sock");
        let containerd = settings::containerd(&place, &socket)?;
        let mut containerd = launch(
            "containerd",
            assets.unshare.clone(),
            // Whatever runs in a container ends with the first process of their PID namespace, which is containerd.
            [
                "--pid",
                "--fork",
                "--kill-child=KILL",
                "--mount-proc",
                "--propagation=slave",
                "--",
            ]
            .map(str::to_owned)
            .into_iter()
            .chain([assets.containerd.display().to_string()])
            .chain([option("config", containerd.display())])
            .collect(),
            &place,
            Signal::TERM,
        )?;
        listens(&socket, &mut containerd).await?;
        let image = place.join("pause.tar");
        file::write(&image, pause::archive(&assets.pause)?)?;
        let mut import = ctr(&assets.ctr, &socket);
        import.args(["images", "import"]).arg(&image);
        blocking(move || Ok(tools::run(&mut import).map(drop)?)).await?;

        let kubeconfig = |name: &str, token| {
            let path = place.join(format!("{name}.kubeconfig"));
            file::write(&path, control_plane.cluster.kubeconfig_for(name, token))?;
            Ok::<_, BedError>(path)
        };
        let scheduler = vec![
            "kube-scheduler".to_owned(),
            option(
                "kubeconfig",
                kubeconfig("kube-scheduler", &memory.scheduler_token)?.display(),
            ),
            option("leader-elect", false),
            option("secure-port", 0),
        ];
        let scheduler = launch("kube-scheduler", assets.node.clone(), scheduler, &place, Signal::KILL)?;
        let kubelet = settings::kubelet(&ground, &socket, &control_plane.certificates.authority)?;
        let kubelet = vec![
            "kubelet".to_owned(),
            option("config", kubelet.display()),
            option("kubeconfig", kubeconfig("kubelet", &memory.kubelet_token)?.display()),
            option("root-dir", ground::KUBELET),
            option("cert-dir", place.join("certificates").display()),
            option("hostname-override", NAME),
            option("node-ip", ADDRESS),
        ];
        let kubelet = launch("kubelet", assets.node.clone(), kubelet, &place, Signal::KILL)?;
        let mut node = Node {
            children: vec![kubelet, scheduler, containerd],
            containerd: socket,
            _ground: ground,
        };
        node.ready(&control_plane.cluster).await?;
        progress.took("node", started, format_args!("{NAME}, {ADDRESS}"));
        Ok(node)
    }

    /// Ends it, and returns when nothing of it is left.
    pub(super) fn stop(mut self) {
        let containerd = self.children.pop();
        self.children.clear();
        if let Some(containerd) = containerd {
            // Not the one that waits for it: who else would, on a machine whose first process does not?
            containerd.kill_children();
            containerd.stop(PARTING);
        }
    }

    /// What `bed.json` says of it.
    pub(super) fn file(&self) -> NodeFile {
        NodeFile {
            name: NAME.to_owned(),
            address: ADDRESS,
            network: PathBuf::from(format!("/proc/{}/ns/net", std::process::id())),
            containerd: self.containerd.clone(),
        }
    }

    /// Waits until the kubelet says that it takes pods.
    async fn ready(&mut self, cluster: &Cluster) -> Result<(), BedError> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let node = cluster.get(&format!("/api/v1/nodes/{NAME}")).await;
            let conditions = node
                .as_ref()
                .ok()
                .and_then(|node| node["status"]["conditions"].as_array());
            let is_ready =
                |condition: &serde_json::Value| condition["type"] == "Ready" && condition["status"] == "True";
            if conditions.is_some_and(|conditions| conditions.iter().any(is_ready)) {
                return Ok(());
            }
            for child in &mut self.children {
                child.check()?;
            }
            let [kubelet, ..] = &self.children[..] else {
                return Ok(());
            };
            if Instant::now() > deadline {
                return Err(kubelet.not_ready(PATIENCE));
            }
            tokio::time::sleep(LOOK).await;
        }
    }
}

/// containerd's own client, for the images of the kubelet.
pub fn ctr(program: &Path, socket: &Path) -> Command {
    let mut command = Command::new(program);
    command.arg("--address").arg(socket).args(["--namespace", IMAGES]);
    command
}

/// Waits until somebody listens on a socket.
async fn listens(socket: &Path, child: &mut Child) -> Result<(), BedError> {
    let deadline = Instant::now() + PATIENCE;
    while UnixStream::connect(socket).await.is_err() {
        child.check()?;
        if Instant::now() > deadline {
            return Err(child.not_ready(PATIENCE));
        }
        tokio::time::sleep(LOOK).await;
    }
    Ok(())
}
