//! The bed of a test binary.

use std::{
    path::{Path, PathBuf},
    sync::OnceLock,
    thread,
};

use ace_sandbox::bed::{Bed, testing};
use kube::{
    Client, Config,
    config::{KubeConfigOptions, Kubeconfig},
};
use tokio::runtime::Runtime;

use crate::Kubectl;

/// A running bed with our definitions and rights installed. It ends with the process.
pub struct TestBed {
    /// What runs.
    pub bed: &'static Bed,
    /// kubectl as the cluster's administrator.
    pub kubectl: Kubectl,
}

/// The bed of this test binary, started by whoever asks first.
///
/// # Panics
/// If it can't be started.
pub fn bed() -> &'static TestBed {
    static BED: OnceLock<TestBed> = OnceLock::new();
    // On a thread of its own, because a test that asks is within a runtime, and may be over before the bed is.
    BED.get_or_init(|| thread::spawn(TestBed::start).join().expect("the bed starts"))
}

/// Root of the repository.
pub fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

impl TestBed {
    fn start() -> Self {
        let bed = testing::shared();
        let kubectl = Kubectl {
            program: bed.kubectl(),
            kubeconfig: bed.file().kubeconfig.clone(),
        };
        let started = Self { bed, kubectl };
        Runtime::new()
            .expect("threads can be started")
            .block_on(started.install());
        started
    }

    async fn install(&self) {
        let deploy = repository().join("deploy");
        let deploy = deploy.to_str().expect("the path of the checkout is UTF-8");
        self.kubectl
            .run(&["apply", "--server-side", "-k", deploy])
            .await
            .expect("deploy/ is applied");
        let established = ["wait", "--for=condition=Established", "crd", "--all", "--timeout=60s"];
        self.kubectl
            .run(&established)
            .await
            .expect("the definitions are served");
    }

    /// A client with the administrator's rights. It belongs to the runtime of the caller, so each test makes its own.
    ///
    /// # Panics
    /// If the bed's kubeconfig can't be used.
    pub async fn client(&self) -> Client {
        let kubeconfig = Kubeconfig::read_from(&self.kubectl.kubeconfig).expect("the bed wrote a kubeconfig");
        let config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default())
            .await
            .expect("the kubeconfig is complete");
        Client::try_from(config).expect("the bed's certificates are sound")
    }
}
