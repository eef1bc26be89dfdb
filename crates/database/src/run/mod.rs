//! Runs a file exactly once or not at all, even if the operator or the server crashes.
//!
//! A file of one transactional segment is one transaction on the connection that holds the lock, with its rows in both ledgers:
//! that alone guarantees it. A file with statements that can't run in a transaction is run segment by segment; each has a row
//! in `ace_ops.step` before it begins (or, if transactional, with it), and the effect of an interrupted one is read from the
//! catalogue.
//!
//! **Round trips.** The statements of a transaction are sent ahead of the answers to those before them (`ahead`). Nothing else is:
//! COMMIT above all is sent when everything before it was answered.
//!
//! **Cancels.** The watchdog ends a statement by `pg_cancel_backend` from its own session, whose answer comes when the signal
//! is delivered; the main session sends nothing before that answer, and an idle backend ignores the signal. So a cancel hits
//! the intended statement, one that was sent ahead behind it in the same transaction, or none. (A cancel request of the protocol has no response, and a late one could hit the next
//! statement.) After a cancel the file has failed even if its statement was quicker. COMMIT is never watched.

mod ahead;
mod alone;
mod error;
mod index;
mod journal;
mod transaction;
mod watch;

use std::{
    sync::{Mutex, OnceLock},
    time::Instant,
};

use ace_domain::{
    kinds::migration_set::{Blocker, Ran},
    sql::{File, Script, Segment},
};
use tokio::task::AbortHandle;

use self::transaction::FILES_PATH;
use crate::{Session, redact::Text};

pub use error::RunError;

/// Progress of a run.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Progress {
    /// The statement at this line is sent, and answered next.
    Statement {
        /// From 1.
        line: u32,
    },
    /// It waits for a lock.
    Waiting {
        /// The sessions that hold it or wait for it before us.
        blockers: Vec<Blocker>,
    },
}

/// Observer of a run's progress.
pub type Watcher<'a> = &'a (dyn Fn(Progress) + Sync);

/// The run of one file in a session.
struct Run<'a> {
    session: &'a Session,
    file: &'a File,
    /// What is in it.
    script: &'a Script,
    /// Our own ledger may have the version: its second run is approved.
    again: bool,
    watcher: Watcher<'a>,
    began: Instant,
    warnings: Mutex<Vec<String>>,
    /// The file's words, computed at the first message of the server.
    text: OnceLock<Text>,
}

impl Session {
    /// Runs a file, which holds this script. The session must hold the lock, and the tables be prepared. Dropping the future ends the
    /// session.
    pub async fn run(&mut self, file: &File, script: &Script, watcher: Watcher<'_>) -> Result<Ran, RunError> {
        self.run_as(file, script, false, watcher).await
    }

    /// Runs a file that our own ledger may have and the CLI's has not: its rows were deleted there, or the database was
    /// restored, and its second run is approved. Its old row is deleted in the transaction that writes the new one.
    pub async fn run_again(&mut self, file: &File, script: &Script, watcher: Watcher<'_>) -> Result<Ran, RunError> {
        self.run_as(file, script, true, watcher).await
    }

    async fn run_as(
        &mut self,
        file: &File,
        script: &Script,
        again: bool,
        watcher: Watcher<'_>,
    ) -> Result<Ran, RunError> {
        let abandoned = Abandon(Some(self.connection.abandoner()));
        let run = Run {
            session: self,
            file,
            script,
            again,
            watcher,
            began: Instant::now(),
            warnings: Mutex::default(),
            text: OnceLock::new(),
        };
        let outcome = run.run().await;
        // The file's settings must not affect the next file or the snapshot of the schema.
        if self.refresh().await.is_ok() {
            abandoned.disarm();
            // A conflicting row that disappears with the rollback was inserted by the file itself.
            if outcome == Err(RunError::AlreadyRecorded) && run.look().await.is_ok() {
                return Err(RunError::WritesLedger);
            }
        }
        outcome
    }
}

impl Run<'_> {
    async fn run(&self) -> Result<Ran, RunError> {
        match &self.script.segments[..] {
            [] => self.whole(&[]).await?,
            [Segment::Together(statements)] => self.whole(statements).await?,
            segments => self.segments(segments).await?,
        }
        Ok(Ran {
            duration: self.began.elapsed(),
            warnings: self.warned(),
        })
    }

    fn version(&self) -> &str {
        self.file.version.as_str()
    }

    fn text(&self) -> &Text {
        self.text.get_or_init(|| {
            let statements = self.script.executable_statements();
            Text::of(statements.map(|statement| statement.text.as_str()))
        })
    }

    /// Continues after the segments that are done.
    async fn segments(&self, segments: &[Segment]) -> Result<(), RunError> {
        let ledger = self.look().await?;
        self.session.connection.execute(FILES_PATH).await?;
        self.restore(&ledger).await?;
        for (number, segment) in segments.iter().enumerate() {
            let step = ledger.steps.iter().find(|step| step.segment == number);
            match segment {
                _ if step.is_some_and(|step| step.done) => {}
                Segment::Together(statements) => self.part(number, statements, segments.len()).await?,
                Segment::Alone(statement, alone) => {
                    self.alone(number, statement, alone, step).await?;
                    self.finish(number, segments.len()).await?;
                }
            }
        }
        Ok(())
    }
}

/// Ends the session when dropped: an aborted run leaves a transaction open.
struct Abandon(Option<AbortHandle>);

impl Abandon {
    fn disarm(mut self) {
        self.0 = None;
    }
}

impl Drop for Abandon {
    fn drop(&mut self) {
        if let Some(session) = &self.0 {
            session.abort();
        }
    }
}
