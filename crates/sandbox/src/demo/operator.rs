//! The operator's processes. The bed has no kubelet, so they run beside it, each with the rights of its ServiceAccount and no
//! others.

use std::fs::{self, File};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use ace_sandbox::bed::{self, BedFile};
use rustix::process::{Pid, Signal, kill_process};
use tokio::process::{Child, Command};

use super::environment;
use super::error::DemoError;

/// Namespace of each `ServiceAccount` in `deploy/`.
const NAMESPACE: &str = "ace-system";

/// A process, as `deploy/` has it.
#[derive(Clone, Copy)]
pub(super) struct Process {
    /// Its ServiceAccount.
    pub(super) account: &'static str,
    /// What it reconciles.
    kinds: &'static str,
    /// Where it logs, in the bed's directory.
    log: &'static str,
}

/// What watches and decides.
pub(super) const OPERATOR: Process = Process {
    account: "ace-operator",
    kinds: "Platform,EdgeFunction,MigrationSet,AlertRule,NotificationChannel,Silence,BackupDestination,BackupSchedule",
    log: "operator.log",
};

/// What makes backups.
pub(super) const WORKER: Process = Process {
    account: "ace-worker",
    kinds: "Backup,Restore",
    log: "worker.log",
};

/// Until it has filled its caches; it takes less than a second.
const PATIENCE: Duration = Duration::from_mins(1);
/// It ends passes in flight first.
const PARTING: Duration = Duration::from_secs(30);
/// Between two looks at a process that starts.
const LOOK: Duration = Duration::from_millis(100);

/// A process of the operator, running. It is killed when this is dropped.
pub(super) struct Operator {
    child: Child,
    log: PathBuf,
    metrics: String,
}

/// The program: what was named, else what lies beside our own.
pub(super) fn program(named: Option<PathBuf>) -> Result<PathBuf, DemoError> {
    let beside = || {
        let own = std::env::current_exe().map_err(DemoError::file("find", "ace-dev"))?;
        Ok::<_, DemoError>(own.with_file_name("ace-operator"))
    };
    let path = named.map_or_else(beside, Ok)?;
    if path.is_file() {
        Ok(path)
    } else {
        Err(DemoError::NoOperator(path))
    }
}

impl Process {
    pub(super) fn log(self, directory: &Path) -> PathBuf {
        directory.join(self.log)
    }
}

impl Operator {
    /// Starts it, and returns when it is ready. Its ServiceAccount has to exist.
    pub(super) async fn start(
        program: &Path,
        process: Process,
        bed: &BedFile,
        directory: &Path,
    ) -> Result<Operator, DemoError> {
        let kubeconfig = bed::service_account_kubeconfig(directory, NAMESPACE, process.account).await?;
        let address = free_address().map_err(DemoError::file("find a port for", process.account))?;
        let (host, port, _) = environment::database(bed)?;
        let log = process.log(directory);
        if log.exists() {
            fs::rename(&log, log.with_extension("previous.log")).map_err(DemoError::file("rename", &log))?;
        }
        let file = File::create(&log).map_err(DemoError::file("create", &log))?;
        let mut command = guarded(program);
        command
            .args([
                "--allow-api-host",
                &bed.api_url,
                "--allow-gateway-host",
                &bed.functions_url,
            ])
            .args(["--allow-database-host", &format!("postgres://{host}:{port}")])
            .arg("--allow-insecure-database")
            .args(["--allow-source-host", &bed.artifacts_url])
            .args(["--allow-notify-host", &bed.receivers_url])
            .args(["--allow-notify-host", &bed.mail_url])
            .args(["--allow-store-host", &bed.store_url])
            .args(["--kinds", process.kinds])
            .args(["--listen", &address.to_string(), "--log-format", "human"])
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("KUBECONFIG", kubeconfig)
            .env("SSL_CERT_FILE", &bed.mail_authority)
            .env("NO_COLOR", "1")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(file)
            // Ctrl-C goes to the terminal's foreground group: this one is ended in order.
            .process_group(0)
            .kill_on_drop(true);
        let child = command.spawn().map_err(|source| DemoError::Run {
            program: program.display().to_string(),
            source,
        })?;
        let mut operator = Operator {
            child,
            log,
            metrics: format!("http://{address}/metrics"),
        };
        operator.ready(&format!("http://{address}/readyz")).await?;
        Ok(operator)
    }

    async fn ready(&mut self, url: &str) -> Result<(), DemoError> {
        let began = Instant::now();
        let client = client()?;
        while began.elapsed() < PATIENCE {
            if let Ok(Some(status)) = self.child.try_wait() {
                return Err(self.gone(&status.to_string()));
            }
            if client
                .get(url)
                .send()
                .await
                .is_ok_and(|answer| answer.status().is_success())
            {
                return Ok(());
            }
            tokio::time::sleep(LOOK).await;
        }
        Err(DemoError::OperatorNotReady {
            patience: PATIENCE,
            last_words: last_lines(&self.log),
        })
    }

    /// Where its metrics are served.
    pub(super) fn metrics(&self) -> &str {
        &self.metrics
    }

    /// Returns when it has ended by itself.
    pub(super) async fn ended(&mut self) -> DemoError {
        let status = match self.child.wait().await {
            Ok(status) => status.to_string(),
            Err(error) => error.to_string(),
        };
        self.gone(&status)
    }

    /// Asks it to end, and waits.
    pub(super) async fn stop(mut self) {
        let pid = self.child.id().and_then(|id| Pid::from_raw(i32::try_from(id).ok()?));
        // Without an id it has ended already.
        if let Some(pid) = pid
            && kill_process(pid, Signal::TERM).is_ok()
        {
            // One that does not is killed by the drop.
            let _ = tokio::time::timeout(PARTING, self.child.wait()).await;
        }
    }

    fn gone(&self, status: &str) -> DemoError {
        DemoError::OperatorEnded {
            status: status.to_owned(),
            last_words: last_lines(&self.log),
        }
    }
}

/// The operator must not outlive us, however we end: where `setpriv` can do it (not busybox's), the kernel sees to it.
/// That goes by the thread that starts the process, which is the main one here: it runs the demo.
fn guarded(program: &Path) -> Command {
    const GUARD: [&str; 3] = ["--pdeathsig", "TERM", "--"];
    let mut probe = std::process::Command::new("setpriv");
    probe.args(GUARD).arg("true").stdin(Stdio::null());
    let works = probe.stdout(Stdio::null()).stderr(Stdio::null()).status();
    if !works.is_ok_and(|status| status.success()) {
        return Command::new(program);
    }
    let mut command = Command::new("setpriv");
    command.args(GUARD).arg(program);
    command
}

/// A client for addresses on this machine.
fn client() -> Result<reqwest::Client, DemoError> {
    // An error says that there is a provider already, which is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = reqwest::Client::builder().no_proxy().timeout(PATIENCE).build();
    client.map_err(DemoError::Client)
}

/// A port that is free now.
fn free_address() -> std::io::Result<SocketAddr> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()
}

fn last_lines(log: &Path) -> String {
    let text = fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    let last = &lines[lines.len().saturating_sub(8)..];
    last.iter().flat_map(|line| ["\n  | ", line]).collect()
}
