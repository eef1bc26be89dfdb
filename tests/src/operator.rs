//! The operator as it runs in life: its own process, under its ServiceAccount.

mod options;

use std::{
    fs,
    fs::File,
    net::{Ipv4Addr, SocketAddr, TcpListener},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    sync::{
        OnceLock,
        atomic::{AtomicU32, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use tokio::runtime::Runtime;
use xtask::rights;

use crate::{Account, Pod, TestBed, bed, built, http::http};

pub use self::options::OperatorOptions;

/// How long a start may take on a machine that compiles meanwhile.
const PATIENCE: Duration = Duration::from_mins(1);
/// Lines of a log that are shown where a test fails.
const LAST_LINES: usize = 40;
/// Between two looks at a process that is starting.
const LOOK: Duration = Duration::from_millis(20);

/// What an operator must not find in its environment, unless a test puts it there.
const OF_THE_MACHINE: [&str; 9] = [
    "RUST_LOG",
    "HTTPS_PROXY",
    "https_proxy",
    "HTTP_PROXY",
    "http_proxy",
    "ALL_PROXY",
    "all_proxy",
    "NO_PROXY",
    "no_proxy",
];

/// An operator that runs. Dropped, and also when this process ends in whatever way, it is killed.
pub struct Operator {
    process: Child,
    /// Kills the operator when this process is gone: a static is never dropped.
    watchdog: Child,
    address: SocketAddr,
    log: PathBuf,
}

impl Operator {
    /// The operator of this test binary, started by whoever asks first.
    ///
    /// # Panics
    /// If it can't be started.
    pub fn shared() -> &'static Self {
        static OPERATOR: OnceLock<Operator> = OnceLock::new();
        OPERATOR.get_or_init(|| Self::start_apart(OperatorOptions::default()))
    }

    /// The worker of this test binary, started by whoever asks first.
    ///
    /// # Panics
    /// If it can't be started.
    pub fn shared_worker() -> &'static Self {
        static WORKER: OnceLock<Operator> = OnceLock::new();
        WORKER.get_or_init(|| Self::start_apart(OperatorOptions::worker()))
    }

    /// On a thread of its own, because a test that asks is within a runtime.
    fn start_apart(options: OperatorOptions) -> Self {
        let start = move || {
            let runtime = Runtime::new().expect("threads can be started");
            runtime.block_on(Self::start(bed(), &options))
        };
        thread::spawn(start).join().expect("the operator starts")
    }

    /// Starts an operator, and returns when it is ready.
    ///
    /// # Panics
    /// If it does not become ready: with its log.
    pub async fn start(bed: &TestBed, options: &OperatorOptions) -> Self {
        Self::start_in(bed, options, None).await
    }

    /// The same within the limits of a pod.
    ///
    /// # Panics
    /// If it does not become ready: with its log.
    pub async fn start_in(bed: &TestBed, options: &OperatorOptions, pod: Option<&Pod>) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let program = program();
        let kubeconfig = match &options.kubeconfig {
            Some(path) => path.clone(),
            None => bed
                .bed
                .service_account_kubeconfig(rights::NAMESPACE, options.process.name())
                .await
                .expect("the ServiceAccount has a token"),
        };
        let log = bed.bed.directory().join(format!(
            "logs/{}-{}.log",
            options.process.name(),
            COUNT.fetch_add(1, Ordering::Relaxed)
        ));
        let instance = options.instance.unwrap_or(options.process.name());
        let kinds: Vec<&str> = options.process.kinds().map(|kind| kind.name).collect();
        let address = free_address();
        let mut command = match pod {
            Some(pod) => pod.command(program),
            None if options.in_pod => with_account(program, &Account::read(&kubeconfig)),
            None => Command::new(program),
        };
        if !options.in_pod {
            command.env("KUBECONFIG", kubeconfig);
        }
        if options.insecure_database {
            command.arg("--allow-insecure-database");
        }
        if let Some(host) = options.api_host {
            command.args(["--allow-api-host", host]);
        }
        if let Some(host) = &options.notify_host {
            command.args(["--allow-notify-host", host]);
        }
        for variable in OF_THE_MACHINE {
            command.env_remove(variable);
        }
        if let Some(runs) = options.runs_at_once {
            command.args(["--runs-at-once", &runs.to_string()]);
        }
        let process = command
            .args(["--allow-api-host", "127.0.0.1", "--allow-gateway-host", "127.0.0.1"])
            .args(["--allow-database-host", "127.0.0.1"])
            .args(["--allow-scratch-host", "127.0.0.1"])
            .args(["--allow-source-host", &bed.bed.file().artifacts_url])
            .args(["--allow-notify-host", &bed.bed.file().receivers_url])
            .args(["--allow-notify-host", &bed.bed.file().mail_url])
            .args(["--allow-store-host", "127.0.0.1"])
            .args(["--kinds", &kinds.join(","), "--instance", instance])
            .args(
                options
                    .clients
                    .iter()
                    .flat_map(|clients| ["--postgres-clients", clients]),
            )
            .args([
                "--test-time-scale",
                &options.scale.to_string(),
                "--listen",
                &address.to_string(),
            ])
            .args(["--leader-elect", &options.leader_elect.to_string()])
            .args(["--test-lease-scale", &options.lease_scale.to_string()])
            .args(["--shards", &options.shards.to_string()])
            .args(["--log", &options.log])
            .args(&options.flags)
            .env("SSL_CERT_FILE", &bed.bed.file().mail_authority)
            .envs(options.environment.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(File::create(&log).expect("the bed's directory can be written to"))
            .spawn()
            .expect("the operator can be run");
        let watchdog = watchdog(&process);
        let mut operator = Self {
            process,
            watchdog,
            address,
            log,
        };
        operator.become_ready().await;
        operator
    }

    async fn become_ready(&mut self) {
        let deadline = Instant::now() + PATIENCE;
        let url = format!("http://{}/readyz", self.address);
        loop {
            if http()
                .get(&url)
                .send()
                .await
                .is_ok_and(|answer| answer.status().is_success())
            {
                return;
            }
            let ended = self.process.try_wait().expect("the process is ours");
            assert!(
                ended.is_none() && Instant::now() < deadline,
                "the operator is not ready:\n{}",
                self.log()
            );
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Kills it as a crash does: nothing of its own runs afterwards.
    ///
    /// # Panics
    /// If there is nothing to kill.
    pub fn kill(&mut self) {
        // It comes first, so that it never kills a later process of the same number.
        self.watchdog.kill().expect("the watchdog runs");
        self.watchdog.wait().expect("the watchdog is ours");
        self.process.kill().expect("the operator runs");
        self.process.wait().expect("the operator is ours");
    }

    /// How it ended, if it did.
    ///
    /// # Panics
    /// If the system does not say.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.process.try_wait().expect("the process is ours")
    }

    /// Whether it calls itself alive, as the kubelet asks it.
    pub async fn is_alive(&self, deadline: Duration) -> bool {
        let url = format!("http://{}/healthz", self.address);
        let answer = http().get(url).timeout(deadline).send().await;
        answer.is_ok_and(|answer| answer.status().is_success())
    }

    /// The number under which signals reach it.
    pub fn process_id(&self) -> u32 {
        self.process.id()
    }

    /// Everything that it has logged.
    ///
    /// # Panics
    /// If the log can't be read.
    pub fn log(&self) -> String {
        String::from_utf8_lossy(&fs::read(&self.log).expect("the operator's log is there")).into_owned()
    }

    /// The lines of the log that have `word` in them.
    pub fn log_of(&self, word: &str) -> String {
        let log = self.log();
        log.lines()
            .filter(|line| line.contains(word))
            .collect::<Vec<_>>()
            .join("\n")
    }

    /// What it serves under `/metrics`.
    ///
    /// # Panics
    /// If it does not answer.
    pub async fn metrics(&self) -> String {
        let answer = http().get(format!("http://{}/metrics", self.address)).send().await;
        answer
            .expect("metrics are served")
            .text()
            .await
            .expect("metrics are text")
    }

    /// Sum of the series of a metric that have all these labels.
    ///
    /// # Panics
    /// If it does not answer, or with something else than numbers.
    pub async fn metric(&self, name: &str, labels: &[(&str, &str)]) -> f64 {
        let text = self.metrics().await;
        let has = |series: &str| {
            labels
                .iter()
                .all(|(key, value)| series.contains(&format!("{key}=\"{value}\"")))
        };
        text.lines()
            .filter_map(|line| line.rsplit_once(' '))
            .filter(|(series, _)| series.split('{').next() == Some(name) && has(series))
            .map(|(_, value)| value.parse::<f64>().expect("a metric is a number"))
            .sum()
    }
}

impl Drop for Operator {
    fn drop(&mut self) {
        let _ = self.watchdog.kill();
        let _ = self.watchdog.wait();
        let _ = self.process.kill();
        let _ = self.process.wait();
        if thread::panicking() {
            eprintln!("the end of {}:\n{}", self.log.display(), last_lines(&self.log()));
        }
    }
}

/// A program that finds a ServiceAccount where a pod has it, and no kubeconfig: `/run` is its own.
fn with_account(program: &Path, account: &Account) -> Command {
    let folder = tempfile::tempdir().expect("a folder can be made").keep();
    account.mounted_in(&folder.join("serviceaccount"));
    let mount =
        "mount -t tmpfs tmpfs /run && mkdir -p /run/secrets && mv \"$0\" /run/secrets/kubernetes.io && exec \"$@\"";
    let mut command = Command::new("unshare");
    let address = account.address();
    command
        .args(["--user", "--map-root-user", "--mount", "sh", "-c", mount])
        .args([folder.as_path(), program])
        .env_remove("KUBECONFIG")
        .env("HOME", "/run")
        .env("KUBERNETES_SERVICE_HOST", address.ip().to_string())
        .env("KUBERNETES_SERVICE_PORT", address.port().to_string());
    command
}

fn program() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| built("ace-operator", "ace-operator"))
}

/// Kills a process when this one is gone: a static is never dropped.
pub(crate) fn watchdog(process: &Child) -> Child {
    Command::new("sh")
        .args(["-c", "read -r _; kill -9 \"$0\" 2>/dev/null", &process.id().to_string()])
        .stdin(Stdio::piped())
        .spawn()
        .expect("sh can be run")
}

/// What helps to find out why a test failed, of what a process has logged.
pub fn last_lines(log: &str) -> String {
    let lines: Vec<&str> = log.lines().collect();
    lines[lines.len().saturating_sub(LAST_LINES)..].join("\n")
}

/// An address that was free just now.
pub(crate) fn free_address() -> SocketAddr {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .and_then(|listener| listener.local_addr())
        .expect("there is a free port")
}
