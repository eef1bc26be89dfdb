//! Steps of a reconcile, as data.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use ace_api::MigrationReason;

use super::{
    assessment::{Assessment, Unassessed},
    backup::Request,
    candidate::Candidate,
    state::{Observation, Owner, StoredPlan},
};
use crate::{
    kinds::platform::DatabaseFailure,
    reconcile::kind,
    sql::{File, Script, ScriptError, Version},
};

#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// Reads identity, ledgers and schema of the database; writes nothing.
    Observe,
    Read(Vec<File>),
    /// Judges the risks of the pending files; reads and writes nothing.
    Assess(Unassessed),
    /// Has the server check the syntax of statements that our parser can't read; writes nothing.
    CheckSyntax(Vec<String>),
    /// Opens the session that runs migrations, takes the database's lock and observes again under it.
    Begin,
    /// Observes again under the lock, after our own writes.
    ObserveAgain,
    /// Creates schema `ace_ops` and claims the database for this set.
    Claim,
    /// Records the digests of files that were applied outside this operator.
    Adopt(Vec<File>),
    /// Records files without running them.
    Baseline(Vec<File>),
    /// The live schema becomes the reference.
    SetReference {
        /// Only if it still has this digest.
        digest: String,
        /// Schemas whose objects keep the reference that they have.
        keep: Vec<String>,
    },
    /// Has a Backup made that a plan waits for. One that is there already is the same one.
    MakeBackup(Request),
    /// Reads the Backup of this name again, under the lock.
    CheckBackup(String),
    /// Stores the plan of a run, and how the schema differs from its reference before it.
    Prepare(StoredPlan),
    /// Runs one file. Exactly once: its rows in the ledgers are in its transaction.
    Run {
        file: File,
        script: Arc<Script>,
        /// It was applied before and is missing from the ledger; its second run is approved.
        again: bool,
        /// Name of the Backup after which it runs, if it needs one: looked at once more before the first statement.
        after: Option<String>,
    },
    /// Takes a schema snapshot after a run: what the run changed enters the reference.
    SnapshotAfterRun,
}

/// The server's syntax check of a statement.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum SyntaxCheck {
    /// Its grammar takes it; whether it means something there is another question.
    Parses,
    Fault {
        /// Number of lines of the statement before the one with the error.
        line: u32,
        /// The server's words, as far as they are its own or the statement's.
        message: String,
    },
}

impl kind::Step for Step {
    fn name(&self) -> &'static str {
        match self {
            Self::Observe => "Observe",
            Self::Read(_) => "Read",
            Self::Assess(_) => "Assess",
            Self::CheckSyntax(_) => "CheckSyntax",
            Self::Begin => "Begin",
            Self::ObserveAgain => "ObserveAgain",
            Self::Claim => "Claim",
            Self::Adopt(_) => "Adopt",
            Self::Baseline(_) => "Baseline",
            Self::SetReference { .. } => "SetReference",
            Self::MakeBackup(_) => "MakeBackup",
            Self::CheckBackup(_) => "CheckBackup",
            Self::Prepare(_) => "Prepare",
            Self::Run { .. } => "Run",
            Self::SnapshotAfterRun => "SnapshotAfterRun",
        }
    }

    /// The status is written before this step, so that a spec that was changed meanwhile is noticed.
    fn records_first(&self) -> bool {
        matches!(
            self,
            Self::Claim
                | Self::Adopt(_)
                | Self::Baseline(_)
                | Self::SetReference { .. }
                | Self::MakeBackup(_)
                | Self::Prepare(_)
                | Self::Run { .. }
        )
    }
}

/// The result of a step.
#[derive(Debug)]
pub enum StepResult {
    /// Identity, ledgers and schema of the database.
    Observed(Box<Observation>),
    /// Parsed files by digest.
    Read(BTreeMap<String, Result<Arc<Script>, ScriptError>>),
    /// The risks of the pending files.
    Assessed(Arc<Assessment>),
    /// The server's syntax check by statement.
    SyntaxChecked(BTreeMap<String, SyntaxCheck>),
    /// The step wrote to `ace_ops` or the ledger.
    Written,
    /// This Backup is there.
    BackupMade(Box<Candidate>),
    /// The Backup as it is now; `None` if there is none of its name.
    BackupChecked(Option<Box<Candidate>>),
    /// The plan is stored, and the schema snapshot before the run was taken.
    Prepared,
    /// The file was run.
    Ran(Ran),
}

/// A file that was run, now or, as far as its parts that were done go, before.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Ran {
    /// How long it took this time.
    pub duration: Duration,
    /// What the server warned of this time, without values of rows: at most 8, of at most 200 characters.
    pub warnings: Vec<String>,
}

/// Why a step failed. No text contains a password or a value of a row.
#[derive(Clone, Debug, PartialEq)]
pub enum StepError {
    /// The database could not be observed.
    Database(DatabaseFailure),
    /// Another session is running migrations: this one, if it still does.
    Busy(Option<Blocker>),
    /// Other sessions hold a lock that a statement needs.
    Blocked {
        version: Version,
        /// The sessions that hold the lock.
        blockers: Vec<Blocker>,
    },
    /// The database refuses the file. Nothing of it was applied, or the parts that were are recorded in `ace_ops`.
    Refused(Refusal),
    /// The run of a file failed, and the next attempt may succeed. Nothing of it was applied, or the ledger will show it.
    Failed(Failure),
    /// It failed for a temporary reason. Nothing of it was applied, or the ledger will show it.
    Passing(String),
    /// Another MigrationSet has claimed the database.
    Claimed(Owner),
    /// The Backup after which a file runs is no longer there, or no longer stored anywhere. Nothing of the file ran, and the lock
    /// is still held.
    BackupLost {
        name: String,
        /// As it is now; `None` if there is none of its name.
        found: Option<Box<Candidate>>,
    },
    /// A Backup that was not made for the plan has the name of the one that would be.
    NameTaken(String),
    /// The operator lacks a right; a sentence with the command that grants it.
    AccessMissing(String),
}

impl kind::StepError for StepError {
    // Whether a transaction was committed is in the ledger, and the next pass reads it before anything else.
}

/// A session that holds a lock.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Blocker {
    /// Its backend's process; 0 for a prepared transaction.
    pub pid: i32,
    /// What it calls itself, or the kind of its process; `None` when it says nothing.
    pub application: Option<String>,
    /// How old its transaction is, or the session if it has none; unknown to a role without `pg_monitor`.
    pub age: Option<Duration>,
}

impl Blocker {
    /// Its process and `application_name`. Ours names an object, which other namespaces are not told.
    pub fn shown_in(&self, namespace: &str) -> String {
        format!("pid {} ({})", self.pid, self.name_in(namespace))
    }

    pub(super) fn name_in(&self, namespace: &str) -> &str {
        let name = self.application.as_deref().unwrap_or("unnamed");
        match name.split_once('/') {
            Some((program @ ("ace-operator" | "ace-worker"), of)) if !of.starts_with(&format!("{namespace}/")) => {
                program
            }
            _ => name,
        }
    }
}

/// What is said to whoever waits for the lock under which migrations run and snapshots are taken.
pub fn lock_held(by: Option<&Blocker>, namespace: &str) -> String {
    let who = by.map_or_else(
        || "a session that is just ending".to_owned(),
        |by| by.shown_in(namespace),
    );
    format!("another session has the lock of this database, for migrations or a backup: {who}")
}

/// A failed run of a file that may succeed when it is repeated.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Failure {
    pub version: Version,
    /// The statement's line in the file; `None` if it is not from the file.
    pub line: Option<u32>,
    pub kind: FailureKind,
    /// File, line, and what happened.
    pub message: String,
    /// What a person does when every attempt fails alike.
    pub advice: String,
}

/// Failures of one kind at one line of a file are alike.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum FailureKind {
    /// The server refused the statement with this SQLSTATE, and the session stands.
    Refused(String),
    /// The session ended during the statement.
    SessionLost,
    Other,
}

/// A failure that a person has to fix.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Refusal {
    pub version: Version,
    /// The file was changed after it had been applied in part: its SQL is not the cause.
    pub half: bool,
    /// One sentence: line, SQLSTATE and message.
    pub message: String,
}

impl Refusal {
    pub(super) fn reason(&self) -> MigrationReason {
        if self.half {
            MigrationReason::HalfApplied
        } else {
            MigrationReason::MigrationFailed
        }
    }
}
