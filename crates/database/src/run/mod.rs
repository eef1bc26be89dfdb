//! Runs a file so that it happened once or not at all, whoever dies when.
//!
//! A file of one transactional segment is one transaction on the connection that holds the lock, with its rows in both ledgers:
//! that is the whole proof. A file with statements that can't run in a transaction is run segment by segment; each has a row in
//! `ace_ops.step` before it begins (or, if transactional, with it), and what an interrupted one has done is asked of the
//! catalogue.
//!
//! **Cancels.** The watchdog ends a statement by `pg_cancel_backend` from its own session, whose answer comes when the signal is
//! delivered; the main session says nothing before that answer is there, and a backend that is not at work ignores the signal. So a
//! cancel hits the statement that it was meant for or nothing. (A cancel request of the protocol is answered by nothing, and one
//! that is late could hit the next statement.) Once a cancel was asked for, the file is given up even if its statement was
//! quicker. COMMIT is never watched.

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

use crate::{Session, redact::Text};

pub(crate) use error::MESSAGE;
pub use error::RunError;

/// What a run is doing.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Progress {
    /// The statement at this line is sent.
    Statement {
        /// From 1.
        line: u32,
    },
    /// It waits for a lock.
    Waiting {
        /// Those who have it, or stand before us.
        blockers: Vec<Blocker>,
    },
}

/// Whoever wants to know.
pub type Watcher<'a> = &'a (dyn Fn(Progress) + Sync);

/// One file on its way through a session.
struct Run<'a> {
    session: &'a Session,
    file: &'a File,
    /// What is in it.
    script: &'a Script,
    /// Our own ledger may have the version: a person has allowed that it runs again.
    again: bool,
    watcher: Watcher<'a>,
    began: Instant,
    warnings: Mutex<Vec<String>>,
    /// The file's, made when the server has something to say.
    text: OnceLock<Text>,
}

impl Session {
    /// Runs a file, which holds this script. The session must hold the lock, and the tables be prepared. Dropping the future ends the
    /// session.
    pub async fn run(&mut self, file: &File, script: &Script, watcher: Watcher<'_>) -> Result<Ran, RunError> {
        self.run_as(file, script, false, watcher).await
    }

    /// Runs a file that our own ledger may have, and the CLI's has not: its rows were taken out there, or the database was restored,
    /// and a person has allowed that it runs again. Its old row goes in the transaction that writes the new one.
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
        // Nothing of a file is left for the next one, or for whoever looks at the schema.
        if self.refresh().await.is_ok() {
            abandoned.disarm();
            // A row that stood in the way and is gone with the transaction was the file's own.
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
            [Segment::Together(sentences)] => self.whole(sentences).await?,
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
            let sentences = self.script.sentences();
            Text::of(sentences.map(|sentence| sentence.text.as_str()))
        })
    }

    /// Goes on behind the segments that are done.
    async fn segments(&self, segments: &[Segment]) -> Result<(), RunError> {
        let ledger = self.look().await?;
        self.restore(&ledger).await?;
        for (number, segment) in segments.iter().enumerate() {
            let step = ledger.steps.iter().find(|step| step.segment == number);
            match segment {
                _ if step.is_some_and(|step| step.done) => {}
                Segment::Together(sentences) => self.part(number, sentences, segments.len()).await?,
                Segment::Alone(sentence, alone) => {
                    self.alone(number, sentence, alone, step).await?;
                    self.finish(number, segments.len()).await?;
                }
            }
        }
        Ok(())
    }
}

/// Ends the session when it is dropped: a run that was given up leaves a transaction behind.
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
