//! Child processes that end with this process, however it ends.
//!
//! Two things see to that when nobody is left to do it: `setpriv --pdeathsig` (util-linux) asks the kernel for a signal
//! at the parent's death, and our own control plane watches its standard input (`CONTROL_PLANE_PARENT=stdin`), which
//! works where there is no `setpriv`.

use std::collections::VecDeque;
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{self, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::{OnceLock, mpsc};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use super::error::BedError;

/// How often a process that was asked to end is looked at.
const LOOK: Duration = Duration::from_millis(10);

#[derive(Debug)]
pub(super) struct Program {
    /// As the reader knows it: `etcd`, `postgres`.
    pub(super) name: &'static str,
    pub(super) path: PathBuf,
    pub(super) arguments: Vec<String>,
    /// User and group to run as, when that is not us.
    pub(super) user: Option<(u32, u32)>,
    /// File for what it prints; what is there already is kept beside it as `.previous`.
    pub(super) log: PathBuf,
    /// Asks it to end in order.
    pub(super) end: Signal,
}

/// A running child. Dropping it kills it.
#[derive(Debug)]
pub(super) struct Child {
    name: &'static str,
    process: process::Child,
    log: PathBuf,
    end: Signal,
    /// The kernel closes it at our death.
    _lifeline: Option<ChildStdin>,
}

impl Child {
    pub(super) fn start(program: Program) -> io::Result<Child> {
        let log = File::create(fresh_log(&program.log)?)?;
        let mut command = guarded(&program.path, program.end);
        command
            .args(&program.arguments)
            .env("CONTROL_PLANE_PARENT", "stdin")
            .env_remove("KUBECONFIG")
            .stdin(Stdio::piped())
            .stdout(log.try_clone()?)
            .stderr(log)
            // Ctrl-C goes to the terminal's foreground group: the bed takes its parts down itself, in its own order.
            .process_group(0);
        if let Some((user, group)) = program.user {
            command.uid(user).gid(group).current_dir("/");
        }
        let mut process = spawn(command)?;
        let lifeline = process.stdin.take();
        Ok(Child {
            name: program.name,
            process,
            log: program.log,
            end: program.end,
            _lifeline: lifeline,
        })
    }

    /// How it ended, when it has.
    pub(super) fn ended(&mut self) -> io::Result<Option<ExitStatus>> {
        self.process.try_wait()
    }

    /// An error when it has ended.
    pub(super) fn check(&mut self) -> Result<(), BedError> {
        match self.ended() {
            Ok(None) => Ok(()),
            Ok(Some(status)) => Err(BedError::Ended {
                name: self.name,
                status: status.to_string(),
                last_words: self.last_words(),
            }),
            Err(error) => Err(BedError::Ended {
                name: self.name,
                status: error.to_string(),
                last_words: String::new(),
            }),
        }
    }

    /// The error that it was not ready in time.
    pub(super) fn not_ready(&self, patience: Duration) -> BedError {
        BedError::NotReady {
            name: self.name,
            patience,
            last_words: self.last_words(),
        }
    }

    /// The last lines that it printed.
    fn last_words(&self) -> String {
        last_lines(&self.log, 8)
    }

    /// Asks it to end, and kills it when it has not within `patience`.
    pub(super) fn stop(mut self, patience: Duration) {
        if matches!(self.process.try_wait(), Ok(Some(_))) {
            return;
        }
        self.signal(self.end);
        let deadline = Instant::now() + patience;
        while Instant::now() < deadline {
            if !matches!(self.process.try_wait(), Ok(None)) {
                return;
            }
            std::thread::sleep(LOOK);
        }
        tracing::warn!(name = self.name, "did not end when asked, and is killed");
    }

    /// Kills the processes that it has started itself, for which it waits.
    pub(super) fn kill_children(&self) {
        let id = self.process.id();
        let children = fs::read_to_string(format!("/proc/{id}/task/{id}/children")).unwrap_or_default();
        for child in children
            .split_whitespace()
            .filter_map(|child| Pid::from_raw(child.parse().ok()?))
        {
            // It may be gone already.
            let _ = kill_process(child, Signal::KILL);
        }
    }

    fn signal(&self, signal: Signal) {
        let pid = i32::try_from(self.process.id()).ok().and_then(Pid::from_raw);
        // It may be gone already: then there is nothing to end.
        let _ = pid.map(|pid| kill_process(pid, signal));
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        if matches!(self.process.try_wait(), Ok(Some(_))) {
            return;
        }
        // PostgreSQL's postmaster must not be killed outright: it would leave its children and its shared memory.
        if self.end == Signal::INT {
            self.signal(Signal::QUIT);
        } else {
            let _ = self.process.kill();
        }
        let _ = self.process.wait();
    }
}

/// A command that the kernel ends by `signal` (SIGKILL, where a graceful end saves nothing) when this process is gone.
pub(super) fn guarded(program: &Path, end: Signal) -> Command {
    let Some(setpriv) = setpriv() else {
        return Command::new(program);
    };
    let signal = if end == Signal::INT { "INT" } else { "KILL" };
    let mut command = Command::new(setpriv);
    command.args(["--pdeathsig", signal, "--"]).arg(program);
    command
}

/// Starts a command from a thread that lives as long as this process: the kernel's signal comes at the death of the
/// *thread* that started the child, and threads of an async runtime come and go.
pub(super) fn spawn(command: Command) -> io::Result<process::Child> {
    type Order = (Command, mpsc::Sender<io::Result<process::Child>>);
    static SPAWNER: OnceLock<mpsc::Sender<Order>> = OnceLock::new();
    let gone = || io::Error::other("the thread that starts processes is gone");

    let spawner = SPAWNER.get_or_init(|| {
        let (sender, orders) = mpsc::channel::<Order>();
        std::thread::spawn(move || {
            for (mut command, answer) in orders {
                // An asker that has given up drops the child, which is no reason to stop for the others.
                let _ = answer.send(command.spawn());
            }
        });
        sender
    });
    let (sender, answer) = mpsc::channel();
    spawner.send((command, sender)).map_err(|_| gone())?;
    answer.recv().map_err(|_| gone())?
}

/// `setpriv`, where it can do what is asked of it (util-linux 2.34 and newer; busybox's can't).
fn setpriv() -> Option<&'static Path> {
    static SETPRIV: OnceLock<Option<PathBuf>> = OnceLock::new();
    SETPRIV
        .get_or_init(|| {
            let path = super::tools::on_path("setpriv")?;
            let probe = Command::new(&path)
                .args(["--pdeathsig", "KILL", "--", "true"])
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .status();
            probe.is_ok_and(|status| status.success()).then_some(path)
        })
        .as_deref()
}

fn fresh_log(path: &Path) -> io::Result<&Path> {
    if path.exists() {
        fs::rename(path, path.with_extension("previous.log"))?;
    }
    Ok(path)
}

fn last_lines(path: &Path, count: usize) -> String {
    let Ok(file) = File::open(path) else {
        return String::new();
    };
    let mut lines = VecDeque::new();
    for line in BufReader::new(file).lines().map_while(Result::ok) {
        if lines.len() == count {
            lines.pop_front();
        }
        lines.push_back(format!("\n  | {line}"));
    }
    lines.into_iter().collect()
}
