use std::{os::unix::process::ExitStatusExt, path::PathBuf, process::Stdio};

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::{
    io::{AsyncRead, AsyncReadExt},
    process::{Child, ChildStdin, ChildStdout, Command},
};
use tokio_util::task::AbortOnDropHandle;

use super::{ClientError, Environment};
use crate::redact::Text;

/// How much is kept of what a program writes to its standard error, in bytes: the beginning has the first error.
const STDERR: usize = 64 << 10;

/// A program of PostgreSQL.
pub(crate) struct Program {
    pub(crate) name: &'static str,
    pub(super) path: PathBuf,
    /// `15.18`.
    pub(crate) version: String,
}

/// What a program reads and writes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Input {
    None,
    Piped,
}

/// A program that runs. Dropped, it is killed, with whatever it has started.
pub(crate) struct Running {
    program: &'static str,
    child: Child,
    stderr: AbortOnDropHandle<Vec<u8>>,
    _environment: Environment,
}

/// The ends of its pipes that are ours.
pub(crate) struct Pipes {
    pub(crate) stdin: Option<ChildStdin>,
    pub(crate) stdout: Option<ChildStdout>,
}

impl Program {
    /// Starts it with nothing of our own environment.
    pub(crate) fn start(
        &self,
        arguments: &[String],
        environment: Environment,
        input: Input,
    ) -> Result<(Running, Pipes), ClientError> {
        let mut command = Command::new(&self.path);
        command
            .args(arguments)
            .env_clear()
            .envs(environment.variables.iter().map(|(name, value)| (*name, value)))
            .current_dir("/")
            .stdin(match input {
                Input::None => Stdio::null(),
                Input::Piped => Stdio::piped(),
            })
            .stdout(match input {
                Input::None => Stdio::piped(),
                Input::Piped => Stdio::null(),
            })
            .stderr(Stdio::piped())
            .process_group(0)
            .kill_on_drop(true);
        let mut child = command.spawn().map_err(|error| ClientError::NotStarted {
            program: self.name,
            kind: error.kind(),
        })?;
        let pipes = Pipes {
            stdin: child.stdin.take(),
            stdout: child.stdout.take(),
        };
        let stderr = tokio::spawn(beginning(child.stderr.take()));
        let running = Running {
            program: self.name,
            child,
            stderr: AbortOnDropHandle::new(stderr),
            _environment: environment,
        };
        Ok((running, pipes))
    }
}

impl Running {
    /// Its number; `None` when it has ended.
    pub(super) fn id(&self) -> Option<u32> {
        self.child.id()
    }

    /// Waits for its end. `names`: what may be shown of its error.
    pub(crate) async fn end(mut self, names: &Text) -> Result<(), ClientError> {
        let program = self.program;
        let ended = self.child.wait().await;
        let ended = ended.map_err(|error| ClientError::Unreadable {
            program,
            kind: error.kind(),
        })?;
        if ended.success() {
            return Ok(());
        }
        if let Some(signal) = ended.signal() {
            return Err(ClientError::Killed { program, signal });
        }
        let stderr = (&mut self.stderr).await.unwrap_or_default();
        Err(ClientError::failed(program, &String::from_utf8_lossy(&stderr), names))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // A process that has ended and was waited for has no number.
        let group = self
            .child
            .id()
            .and_then(|id| i32::try_from(id).ok())
            .and_then(Pid::from_raw);
        if let Some(group) = group {
            let _ = kill_process_group(group, Signal::KILL);
        }
    }
}

/// Reads to the end, and keeps the beginning.
async fn beginning(stderr: Option<impl AsyncRead + Unpin>) -> Vec<u8> {
    let mut kept = Vec::new();
    let Some(mut stderr) = stderr else { return kept };
    let mut chunk = [0; 4096];
    while let Ok(length @ 1..) = stderr.read(&mut chunk).await {
        let room = STDERR.saturating_sub(kept.len()).min(length);
        kept.extend_from_slice(chunk.get(..room).unwrap_or_default());
    }
    kept
}

/// What it says is its version: `pg_dump (PostgreSQL) 15.18 (Debian 15.18-1)`.
pub(super) async fn version(program: &Program) -> Result<String, ClientError> {
    let (running, mut pipes) = program.start(&["--version".to_owned()], Environment::of_none(), Input::None)?;
    let mut said = String::new();
    if let Some(stdout) = pipes.stdout.take() {
        // What is no text has no version.
        let _ = stdout.take(1024).read_to_string(&mut said).await;
    }
    running.end(&Text::of([])).await?;
    let version = said
        .split_once("(PostgreSQL) ")
        .and_then(|(_, version)| version.split_whitespace().next());
    Ok(version.unwrap_or_default().to_owned())
}

pub(crate) fn major(version: &str) -> Option<u32> {
    let digits = version
        .find(|character: char| !character.is_ascii_digit())
        .unwrap_or(version.len());
    version.get(..digits)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::major;

    #[test]
    fn the_major_of_a_version_is_its_first_number() {
        for (version, expected) in [
            ("15.18", Some(15)),
            ("18beta1", Some(18)),
            ("17", Some(17)),
            ("", None),
            ("devel", None),
        ] {
            assert_eq!(major(version), expected, "{version}");
        }
    }
}
