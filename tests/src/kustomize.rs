//! Flux's kustomize-controller, as a cluster has it.

use std::{
    fs::{self, File},
    process::{Child, Command, Stdio},
    sync::OnceLock,
    thread,
};

use ace_sandbox::bed::{self, Progress};
use tokio::runtime::Runtime;

use crate::{
    TestBed, bed,
    operator::{free_address, watchdog},
};

/// A kustomize-controller that runs, with the rights of an administrator. It ends with this process.
pub struct KustomizeController {
    _process: Child,
    /// Kills it when this process is gone: a static is never dropped.
    _watchdog: Child,
}

impl KustomizeController {
    /// The one of this test binary, started by whoever asks first; built, when it is not in the cache.
    ///
    /// # Panics
    /// If it can't be started.
    pub fn shared() -> &'static Self {
        static CONTROLLER: OnceLock<KustomizeController> = OnceLock::new();
        // On a thread of its own, because a test that asks is within a runtime.
        let start = || {
            let runtime = Runtime::new().expect("threads can be started");
            runtime.block_on(KustomizeController::start(bed()))
        };
        CONTROLLER.get_or_init(|| thread::spawn(start).join().expect("the kustomize-controller starts"))
    }

    async fn start(bed: &TestBed) -> Self {
        let built = bed::KustomizeController::ensure(Progress::Lines).expect("the kustomize-controller is built");
        bed.bed.install_flux_crds().await.expect("Flux's sources are installed");
        let definition = built.definition.to_str().expect("the cache's path is UTF-8");
        let kubectl = &bed.kubectl;
        kubectl
            .run(&["apply", "--server-side", "-f", definition])
            .await
            .expect("Kustomization is installed");
        let established = ["wait", "--for=condition=Established", "--timeout=60s", "-f", definition];
        kubectl.run(&established).await.expect("Kustomization is served");
        // Where it unpacks sources; it goes with the bed.
        let temporary = bed.bed.directory().join("kustomize-controller");
        fs::create_dir_all(&temporary).expect("the bed's directory can be written to");
        let log = bed.bed.directory().join("logs/kustomize-controller.log");
        let process = Command::new(&built.program)
            .args(["--watch-all-namespaces", "--metrics-addr=0", "--log-level=debug"])
            .arg(format!("--health-addr={}", free_address()))
            .env("KUBECONFIG", &kubectl.kubeconfig)
            .env("RUNTIME_NAMESPACE", "default")
            .env("TMPDIR", &temporary)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(File::create(&log).expect("the bed's directory can be written to"))
            .spawn()
            .expect("the kustomize-controller can be run");
        let watchdog = watchdog(&process);
        Self {
            _process: process,
            _watchdog: watchdog,
        }
    }
}
