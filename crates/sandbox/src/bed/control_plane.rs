//! etcd, kube-apiserver and kube-controller-manager.

use std::fs;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::process::Signal;
use tokio::net::TcpStream;
use tokio::task::spawn_blocking;

use super::assets::Assets;
use super::certificates::Certificates;
use super::cluster::Cluster;
use super::error::BedError;
use super::file::{self, Memory};
use super::node::{self, NAME as NODE};
use super::ports;
use super::process::{Child, Program};
use super::progress::Progress;

/// Measured: 3 s on two idle cores; the rest is for a machine that is compiling meanwhile.
const PATIENCE: Duration = Duration::from_mins(2);

/// Measured: etcd ends within 0.1 s. The others keep nothing that an orderly end would save (the audit log is written
/// before a request is answered), and take a second for it: they are killed.
const PARTING: Duration = Duration::from_secs(5);

/// How often a part that is starting is asked.
const LOOK: Duration = Duration::from_millis(25);

/// Who did what to which object, without bodies. What the API server does to itself is left out.
const AUDIT_POLICY: &str = "apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules:
- level: None
  users: [\"system:apiserver\"]
- level: None
  nonResourceURLs: [\"/readyz*\", \"/livez*\", \"/healthz*\"]
- level: Metadata
";

/// What a cluster of objects needs: garbage, namespaces and their accounts are looked after.
const CONTROLLERS: &str = "garbage-collector-controller,namespace-controller,serviceaccount-controller";

/// What pods need besides.
const FOR_PODS: &str = "deployment-controller,replicaset-controller,disruption-controller,pod-garbage-collector-controller,\
                        node-lifecycle-controller,root-ca-certificate-publisher-controller,clusterrole-aggregation-controller";

/// Port of the service `kubernetes`.
const HTTPS: u16 = 443;

/// What a control plane is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// Objects alone: nothing runs.
    Objects,
    /// Pods on a node, in a network of the bed's own.
    Pods,
}

/// A control plane that is up.
pub(super) struct ControlPlane {
    pub(super) cluster: Cluster,
    pub(super) kubectl: PathBuf,
    pub(super) audit_log: PathBuf,
    /// In the order in which they are taken down.
    pub(super) children: Vec<Child>,
    pub(super) certificates: Certificates,
}

/// Starts etcd and the API server, waits until that is ready, and starts the controllers. `purpose`: what for.
pub(super) async fn start(
    directory: &Path,
    memory: &mut Memory,
    purpose: Purpose,
    progress: Progress,
) -> Result<ControlPlane, BedError> {
    let assets = blocking(move || Assets::ensure(progress).map_err(BedError::from)).await?;
    let started = Instant::now();
    let paths = Paths::prepare(directory, memory)?;
    let etcd_port = ports::free(memory.ports.etcd).map_err(listen("etcd", 0))?;
    memory.ports.etcd = Some(etcd_port);
    let port = match purpose {
        Purpose::Objects => {
            let port = ports::free(memory.ports.kubernetes).map_err(listen("kube-apiserver", 0))?;
            memory.ports.kubernetes = Some(port);
            port
        }
        // There is no kube-proxy: it is where pods look for it.
        Purpose::Pods => HTTPS,
    };

    let launch = |name, arguments, end| launch(name, assets.program(name), arguments, directory, end);
    let mut etcd = launch("etcd", etcd_arguments(directory, etcd_port), Signal::TERM)?;
    // An API server that finds no etcd tries again a second later; etcd is there after 0.2 s.
    accepts(etcd_port, &mut etcd).await?;
    let mut apiserver = launch(
        "kube-apiserver",
        apiserver_arguments(&paths, purpose, port, etcd_port),
        Signal::KILL,
    )?;

    let authority = fs::read_to_string(&paths.certificates.authority)
        .map_err(BedError::file("read", &paths.certificates.authority))?;
    let server = format!("https://127.0.0.1:{port}");
    let cluster = Cluster::new(server.clone(), &authority, memory.admin_token.clone())?;
    ready(&cluster, [&mut etcd, &mut apiserver]).await?;
    progress.took("Kubernetes API", started, &server);

    let mut children = vec![apiserver, etcd];
    if assets.has_controllers() {
        let kubeconfig = directory.join("control-plane/controllers.kubeconfig");
        file::write(
            &kubeconfig,
            file::kubeconfig("controllers", &server, &authority, &memory.controllers_token),
        )?;
        let arguments = controllers_arguments(&kubeconfig, &paths, purpose);
        children.insert(0, launch("kube-controller-manager", arguments, Signal::KILL)?);
    } else {
        progress.say(
            "  KUBEBUILDER_ASSETS has no kube-controller-manager: deleted namespaces stay, and so do objects whose owner is gone",
        );
    }
    Ok(ControlPlane {
        cluster,
        kubectl: assets.program("kubectl"),
        audit_log: paths.audit_log,
        certificates: paths.certificates,
        children,
    })
}

/// Takes everything down: controllers, API server, etcd.
pub(super) fn stop(children: Vec<Child>) {
    for child in children {
        child.stop(PARTING);
    }
}

struct Paths {
    certificates: Certificates,
    tokens: PathBuf,
    audit_policy: PathBuf,
    audit_log: PathBuf,
}

impl Paths {
    fn prepare(directory: &Path, memory: &Memory) -> Result<Paths, BedError> {
        let own = directory.join("control-plane");
        let paths = Paths {
            certificates: Certificates::ensure(&own)?,
            tokens: own.join("tokens.csv"),
            audit_policy: own.join("audit-policy.yaml"),
            audit_log: directory.join("audit.log"),
        };
        // The controllers share the administrator's group, but not his name: the audit log tells them apart.
        let tokens = format!(
            "{},admin,admin,system:masters\n{},system:kube-controller-manager,controllers,system:masters\n\
             {},system:node:{NODE},{NODE},system:nodes\n{},system:kube-scheduler,scheduler,\n",
            memory.admin_token, memory.controllers_token, memory.kubelet_token, memory.scheduler_token
        );
        file::write(&paths.tokens, tokens)?;
        file::write(&paths.audit_policy, AUDIT_POLICY)?;
        Ok(paths)
    }
}

fn etcd_arguments(directory: &Path, port: u16) -> Vec<String> {
    let url = format!("http://127.0.0.1:{port}");
    vec![
        option("data-dir", directory.join("etcd").display()),
        option("listen-client-urls", &url),
        option("advertise-client-urls", &url),
        option("listen-peer-urls", "http://127.0.0.1:0"),
        option("log-level", "warn"),
        // A bed that lost power is thrown away; a bed that is killed keeps what it wrote.
        option("unsafe-no-fsync", true),
    ]
}

fn apiserver_arguments(paths: &Paths, purpose: Purpose, port: u16, etcd_port: u16) -> Vec<String> {
    let certificates = &paths.certificates;
    let mut all = vec![
        option("etcd-servers", format_args!("http://127.0.0.1:{etcd_port}")),
        option("secure-port", port),
        option("tls-cert-file", certificates.server.display()),
        option("tls-private-key-file", certificates.server_key.display()),
        option("token-auth-file", paths.tokens.display()),
        option("service-account-issuer", "https://kubernetes.default.svc"),
        option("service-account-key-file", certificates.service_accounts.display()),
        option(
            "service-account-signing-key-file",
            certificates.service_accounts_key.display(),
        ),
        option("service-cluster-ip-range", "10.0.0.0/24"),
        option("endpoint-reconciler-type", "none"),
        option("audit-policy-file", paths.audit_policy.display()),
        option("audit-log-path", paths.audit_log.display()),
        option("audit-log-maxsize", 100),
        option("audit-log-maxbackup", 3),
        option("profiling", false),
    ];
    all.extend(match purpose {
        Purpose::Objects => vec![
            option("bind-address", "127.0.0.1"),
            option("advertise-address", "127.0.0.1"),
            option("authorization-mode", "RBAC"),
            // No pod runs here that could need a token mounted, and nothing reaches the service's address.
            option("disable-admission-plugins", "ServiceAccount"),
        ],
        Purpose::Pods => vec![
            option("bind-address", "0.0.0.0"),
            option("advertise-address", node::ADDRESS),
            option("authorization-mode", "Node,RBAC"),
            option("enable-admission-plugins", "NodeRestriction"),
            // Nobody knows the name of the node.
            option("kubelet-preferred-address-types", "InternalIP"),
            option("kubelet-client-certificate", certificates.kubelet_client.display()),
            option("kubelet-client-key", certificates.kubelet_client_key.display()),
        ],
    });
    all
}

fn controllers_arguments(kubeconfig: &Path, paths: &Paths, purpose: Purpose) -> Vec<String> {
    let controllers = match purpose {
        Purpose::Objects => CONTROLLERS.to_owned(),
        Purpose::Pods => format!("{CONTROLLERS},{FOR_PODS}"),
    };
    vec![
        option("kubeconfig", kubeconfig.display()),
        option("controllers", controllers),
        option("root-ca-file", paths.certificates.authority.display()),
        option("leader-elect", false),
        option("secure-port", 0),
        option(
            "service-account-private-key-file",
            paths.certificates.service_accounts_key.display(),
        ),
        option("profiling", false),
    ]
}

pub(super) fn option(name: &str, value: impl std::fmt::Display) -> String {
    format!("--{name}={value}")
}

pub(super) fn launch(
    name: &'static str,
    path: PathBuf,
    arguments: Vec<String>,
    directory: &Path,
    end: Signal,
) -> Result<Child, BedError> {
    let log = directory.join("logs").join(format!("{name}.log"));
    Child::start(Program {
        name,
        path,
        arguments,
        user: None,
        log,
        end,
    })
    .map_err(|source| BedError::Start { name, source })
}

/// Waits until a part listens.
pub(super) async fn accepts(port: u16, child: &mut Child) -> Result<(), BedError> {
    let deadline = Instant::now() + PATIENCE;
    while TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await.is_err() {
        child.check()?;
        if Instant::now() > deadline {
            return Err(child.not_ready(PATIENCE));
        }
        tokio::time::sleep(LOOK).await;
    }
    Ok(())
}

/// Waits until the API server is ready; a part that ends meanwhile is reported at once.
async fn ready(cluster: &Cluster, mut parts: [&mut Child; 2]) -> Result<(), BedError> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if cluster.is_ready().await {
            return Ok(());
        }
        for part in &mut parts {
            part.check()?;
        }
        if Instant::now() > deadline {
            let [_, apiserver] = parts;
            return Err(apiserver.not_ready(PATIENCE));
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// Runs what would block the executor: a build may take minutes.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, BedError> + Send + 'static,
) -> Result<T, BedError> {
    spawn_blocking(work)
        .await
        .unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()))
}

/// For `map_err` at a listener.
pub(super) fn listen(name: &'static str, port: u16) -> impl FnOnce(std::io::Error) -> BedError {
    move |source| BedError::Listen { name, port, source }
}
