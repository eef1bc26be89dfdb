use std::{
    io,
    pin::Pin,
    task::{Context, Poll, ready},
};

use tokio::{
    io::{AsyncRead, ReadBuf},
    process::ChildStdout,
};

use super::{ClientError, Clients, Environment, Input, process::Running};
use crate::{Access, Snapshot, redact::Text};

const PROGRAM: &str = "pg_dump";

/// The size of the pipe, in bytes: 64 KiB of it are waited for 16 times as often.
#[cfg(target_os = "linux")]
const PIPE: usize = 1 << 20;

/// The signal that a program gets which writes what nobody reads: SIGPIPE.
const UNREAD: i32 = 13;

/// A dump of a snapshot that runs, in PostgreSQL's custom format without compression. It is read as its output comes; it is
/// whole only after [`Dump::finish`]. Dropped, it is killed.
pub struct Dump {
    running: Running,
    stdout: ChildStdout,
    ended: bool,
    version: String,
    names: Text,
}

impl Dump {
    /// Starts a dump by a client of exactly the server's major. `application` is the name of its session:
    /// `ace-backup/<uid>`.
    pub async fn start(
        clients: &Clients,
        access: &Access,
        application: &str,
        snapshot: &Snapshot,
    ) -> Result<Self, ClientError> {
        let major = snapshot.point().server_major;
        let program = clients.program(PROGRAM, major).await?;
        let environment = Environment::of(access, application, PROGRAM, major).await?;
        let mut arguments: Vec<String> = ["-Fc", "-Z0", "--no-password", "--lock-wait-timeout=60s"]
            .map(String::from)
            .into();
        arguments.extend(snapshot.arguments());
        let (running, mut pipes) = program.start(&arguments, environment, Input::None)?;
        let stdout = pipes.stdout.take().ok_or(ClientError::CutShort { program: PROGRAM })?;
        // Where the system allows less it works, too.
        #[cfg(target_os = "linux")]
        let _ = rustix::pipe::fcntl_setpipe_size(&stdout, PIPE);
        let tables = snapshot.tables().counted.keys();
        let tables: Vec<String> = tables
            .flat_map(|table| [table.schema.clone(), table.name.clone()])
            .collect();
        Ok(Self {
            running,
            stdout,
            ended: false,
            version: program.version,
            names: Text::of(tables.iter().map(String::as_str)),
        })
    }

    /// Version of the client: `15.18`.
    pub fn client(&self) -> &str {
        &self.version
    }

    /// Number of its process; `None` when it has ended.
    pub fn process(&self) -> Option<u32> {
        self.running.id()
    }

    /// Waits for the end of the program. What was read is a dump only if this succeeds.
    pub async fn finish(self) -> Result<(), ClientError> {
        let Self {
            running,
            stdout,
            ended,
            names,
            ..
        } = self;
        // A program that still writes fails, and says so.
        drop(stdout);
        match running.end(&names).await {
            Ok(()) if ended => Ok(()),
            Ok(()) | Err(ClientError::Killed { signal: UNREAD, .. }) => Err(ClientError::CutShort { program: PROGRAM }),
            failed => failed,
        }
    }
}

impl AsyncRead for Dump {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, out: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let (before, room) = (out.filled().len(), out.remaining());
        ready!(Pin::new(&mut self.stdout).poll_read(context, out))?;
        self.ended |= room > 0 && out.filled().len() == before;
        Poll::Ready(Ok(()))
    }
}
