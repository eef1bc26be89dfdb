//! The effects on a database, as data.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use ace_api::MigrationReason;

use super::state::{Observation, StoredPlan};
use crate::{
    kinds::platform::DatabaseFailure,
    reconcile::kind,
    sql::{File, Script, ScriptError, Version},
};

/// One effect. What it needs is in it.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// Asks the database what it is and has; writes nothing.
    Observe,
    /// Reads files.
    Read(Vec<File>),
    /// Asks the server whether it can parse what our parser can't; writes nothing.
    CheckSyntax(Vec<String>),
    /// Opens the session that runs migrations and takes the database's lock; looks again under it.
    Begin,
    /// Looks again under the lock, after our own writes.
    ObserveAgain,
    /// Makes our books, and takes the database for this set.
    Claim,
    /// Notes the bytes of what others have run.
    Adopt(Vec<File>),
    /// Records files without running them.
    Baseline(Vec<File>),
    /// The live schema becomes the reference.
    SetReference {
        /// If it still has this digest.
        digest: String,
        /// Schemas whose objects keep the reference that they have.
        keep: Vec<String>,
    },
    /// Stores the list of a run, and how the schema differs from its reference before it.
    Prepare(StoredPlan),
    /// Runs one file. Exactly once: its rows in the ledgers are in its transaction.
    Run {
        /// The file.
        file: File,
        /// What is in it.
        script: Arc<Script>,
        /// It was applied before and is gone from the ledger; a person allowed it.
        again: bool,
    },
    /// Looks at the schema behind a run: what the run changed enters the reference.
    SnapshotAfterRun,
}

/// What the server says of a statement.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum SyntaxCheck {
    /// Its grammar takes it; whether it means something there is another question.
    Parses,
    /// A syntax error.
    Fault {
        /// Lines of the statement before the one with the fault.
        line: u32,
        /// The server's words, as far as they are its own or the statement's.
        message: String,
    },
}

impl kind::Step for Step {
    fn name(&self) -> &'static str {
        match self {
            Self::Observe => "Look",
            Self::Read(_) => "Read",
            Self::CheckSyntax(_) => "Ask",
            Self::Begin => "Begin",
            Self::ObserveAgain => "LookAgain",
            Self::Claim => "Claim",
            Self::Adopt(_) => "Adopt",
            Self::Baseline(_) => "Baseline",
            Self::SetReference { .. } => "SetReference",
            Self::Prepare(_) => "Prepare",
            Self::Run { .. } => "Run",
            Self::SnapshotAfterRun => "LookBehind",
        }
    }

    /// The object is read afresh before this step runs: a person may have stopped it.
    fn records_first(&self) -> bool {
        matches!(
            self,
            Self::Claim
                | Self::Adopt(_)
                | Self::Baseline(_)
                | Self::SetReference { .. }
                | Self::Prepare(_)
                | Self::Run { .. }
        )
    }
}

/// What a step taught.
#[derive(Debug)]
pub enum StepResult {
    /// What the database is and has.
    Observed(Box<Observation>),
    /// What is in files, by digest.
    Read(BTreeMap<String, Result<Arc<Script>, ScriptError>>),
    /// What the server says of statements.
    SyntaxChecked(BTreeMap<String, SyntaxCheck>),
    /// It is written.
    Written,
    /// The list is stored and the schema was looked at.
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

/// Why a step taught nothing. None of it holds a password or a value of a row.
#[derive(Clone, Debug, PartialEq)]
pub enum StepError {
    /// The database could not be asked.
    Database(DatabaseFailure),
    /// Another session runs migrations: who, in words.
    Busy(String),
    /// Others hold what a statement needs.
    Blocked {
        /// The file's version.
        version: Version,
        /// Who they are.
        blockers: Vec<Blocker>,
    },
    /// The database refuses the file; nothing of it was kept, or what was kept is in the books.
    Refused(Refusal),
    /// It failed for a reason that passes; nothing of it was kept, or the ledger will show it.
    Passing(String),
    /// Another set was faster: `namespace/name`.
    Claimed(String),
}

impl kind::StepError for StepError {
    // Whether a transaction was committed is in the ledger, and the next pass reads it before anything else.
}

/// A session that others wait for.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Blocker {
    /// Its backend's process; 0 for a prepared transaction.
    pub pid: i32,
    /// What it calls itself, or the kind of its process; `None` when it says nothing.
    pub application: Option<String>,
    /// How old its transaction is, or the session if it has none; unknown to a role without `pg_monitor`.
    pub age: Option<Duration>,
}

/// What a person has to mend.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Refusal {
    /// The file's version.
    pub version: Version,
    /// Bytes that changed since it stopped half-way: not a fault of its SQL.
    pub half: bool,
    /// One sentence: line, SQLSTATE and message.
    pub message: String,
}

impl Refusal {
    /// How conditions name it.
    pub(super) fn reason(&self) -> MigrationReason {
        if self.half {
            MigrationReason::HalfApplied
        } else {
            MigrationReason::MigrationFailed
        }
    }
}
