use std::time::Duration;

use ace_domain::{
    kinds::migration_set::{Blocker, may_pass},
    sql::Statement,
};
use tokio_postgres::error::{DbError, ErrorPosition};

use crate::{
    Damage, Excess, QueryError, SqlState,
    error::{ends_session, is_transport},
    redact::{MESSAGE, ServerMessage, Text, is_raised},
};

/// Why a file was not applied. Unless a variant says otherwise, its last transaction was rolled back.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum RunError {
    /// The server refuses a statement permanently.
    #[error("{message} (SQLSTATE {state})")]
    Sql {
        /// SQLSTATE of the error.
        state: SqlState,
        /// The server's message without values of rows, in one line of at most 300 characters.
        message: String,
        /// The line of the error in the file; `None` if the statement is not from the file.
        line: Option<u32>,
    },
    /// The server refuses a statement of ours permanently.
    #[error("the server refuses a statement of the operator's own (SQLSTATE {state})")]
    Ours {
        /// SQLSTATE of the error.
        state: SqlState,
    },
    /// A lock was not granted in time.
    #[error("a lock was not granted in time")]
    LockTimeout {
        /// The sessions that held it at the last check.
        blockers: Vec<Blocker>,
    },
    /// A statement took longer than its timeout.
    #[error("the statement took too long")]
    TimedOut {
        /// The line at which it begins.
        line: Option<u32>,
    },
    /// The session does not hold the lock of this database.
    #[error("the session does not hold the migration lock")]
    LockLost,
    /// The file ended its transaction. Its statements before that are committed or not, as the file decided; no ledger has them.
    #[error("the file ends its own transaction")]
    Smuggled,
    /// `IF NOT EXISTS` found an INVALID index that this file did not create: for the server that is success.
    #[error("the index {name} exists, is INVALID and was not created by this file")]
    IndexNotOurs { name: String },
    /// A statement that ran alone succeeded, but the catalogue does not show its effect.
    #[error("the catalogue does not show the expected state of the index {name}")]
    Unproved { name: String },
    /// Segments of the file began with other content.
    #[error("a part of the file ran from other content")]
    HalfApplied {
        /// How many of them are done.
        done: usize,
    },
    /// A ledger has the version.
    #[error("the version is in the ledger")]
    AlreadyRecorded,
    /// The file inserts its own row into a ledger, which the operator has to do.
    #[error("the file writes its own row into the ledger")]
    WritesLedger,
    /// The tables in which the run is recorded were changed, by the file or before it.
    #[error("{0}")]
    Damaged(Damage),
    /// The server refuses a statement for a reason that may pass; the session stands.
    #[error("{message} (SQLSTATE {state})")]
    Retry {
        /// SQLSTATE of the error.
        state: SqlState,
        /// As in [`RunError::Sql`].
        message: String,
        /// The line of the error in the file; `None` if the statement is not from the file.
        line: Option<u32>,
    },
    /// The session ended before COMMIT was sent. The next run detects the effect of a statement that ran alone.
    #[error("the session ended before the transaction was committed{}", at_last(.words.as_ref()))]
    Lost {
        /// The line of the statement during which it ended; `None` if that is not from the file.
        line: Option<u32>,
        /// What the server said at last, as in [`RunError::Sql`], with its SQLSTATE; `None` if it said nothing.
        words: Option<String>,
    },
    /// The server sent more than is read of it, which has ended the session before COMMIT was sent.
    #[error("{excess}")]
    Excess {
        /// What there was too much of.
        excess: Excess,
        /// The line of the statement; `None` if it is not from the file.
        line: Option<u32>,
    },
    /// COMMIT was sent without a response: the ledger shows the outcome, once the lock is held again.
    #[error("the response to COMMIT was lost")]
    Unknown,
    /// The response does not belong to a plain statement, as for `COPY … FROM stdin`.
    #[error("the server sent an unexpected response")]
    Protocol {
        /// The line of the statement; `None` if it is not from the file.
        line: Option<u32>,
    },
}

impl RunError {
    /// The variant as a label of bounded cardinality.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Sql { .. } => "Sql",
            Self::Ours { .. } => "Ours",
            Self::LockTimeout { .. } => "LockTimeout",
            Self::TimedOut { .. } => "TimedOut",
            Self::LockLost => "LockLost",
            Self::Smuggled => "Smuggled",
            Self::IndexNotOurs { .. } => "IndexNotOurs",
            Self::Unproved { .. } => "Unproved",
            Self::HalfApplied { .. } => "HalfApplied",
            Self::AlreadyRecorded => "AlreadyRecorded",
            Self::WritesLedger => "WritesLedger",
            Self::Damaged(_) => "Damaged",
            Self::Retry { .. } => "Retry",
            Self::Lost { .. } => "Lost",
            Self::Excess { .. } => "Excess",
            Self::Unknown => "Unknown",
            Self::Protocol { .. } => "Protocol",
        }
    }

    /// Maps an error of the driver, at a statement of the file or at one of ours.
    pub(super) fn of(error: &tokio_postgres::Error, statement: Option<&Statement>, file: &Text) -> Self {
        match error.as_db_error() {
            Some(error) => Self::answered(error, statement, file),
            None if error.is_closed() || is_transport(error) => Self::Lost {
                line: statement.map(|statement| statement.line),
                words: None,
            },
            None => Self::Protocol {
                line: statement.map(|statement| statement.line),
            },
        }
    }

    fn answered(error: &DbError, statement: Option<&Statement>, file: &Text) -> Self {
        let state = SqlState::of(error);
        if ends_session(error) {
            let message = file.redacted(&ServerMessage::of(error), MESSAGE);
            return Self::Lost {
                line: statement.map(|statement| statement.line),
                words: Some(format!("{message} (SQLSTATE {state})")),
            };
        }
        // Unless SQL raised it, which no session makes pass by ending.
        if state.as_str() == "55P03" && !is_raised(error) {
            return Self::LockTimeout { blockers: Vec::new() };
        }
        let message = file.redacted(&ServerMessage::of(error), MESSAGE);
        let line = statement.map(|statement| line(error, statement));
        if may_pass(state.as_str(), is_race(error)) {
            Self::Retry { state, message, line }
        } else {
            Self::Sql { state, message, line }
        }
    }

    /// Distinguishes a timeout by the elapsed time: the server reports it as a cancel.
    pub(super) fn within(self, elapsed: Duration, limit: Duration) -> Self {
        match self {
            Self::Sql { state, line, .. } if state.as_str() == "57014" && elapsed >= limit => Self::TimedOut { line },
            error => error,
        }
    }

    /// An error of our own rows behind these statements of the file. Where their transaction is read-only, the file has made it so or
    /// the server takes no writes, and the place is here.
    pub(super) fn behind(self, statements: &[Statement]) -> Self {
        match self {
            Self::Retry { state, message, .. } if state.as_str() == "25006" => Self::Retry {
                state,
                message: format!("it can't be recorded that the file has come this far: {message}"),
                line: statements.last().map(|statement| statement.line),
            },
            error => error,
        }
    }

    /// Whether the session has ended with it.
    pub(super) fn ended(&self) -> bool {
        matches!(self, Self::Lost { .. } | Self::Excess { .. } | Self::Unknown)
    }
}

impl From<QueryError> for RunError {
    fn from(error: QueryError) -> Self {
        match error {
            QueryError::NoAnswer(_) | QueryError::Closed => Self::Lost {
                line: None,
                words: None,
            },
            QueryError::Excess(excess) => Self::Excess { excess, line: None },
            QueryError::Unavailable(state) => Self::Retry {
                state,
                message: "the server can't run a statement of ours".to_owned(),
                line: None,
            },
            QueryError::Refused(state) => Self::Ours { state },
            QueryError::Damaged(damage) => Self::Damaged(damage),
            QueryError::Protocol => Self::Protocol { line: None },
        }
    }
}

fn at_last(words: Option<&String>) -> String {
    words.map(|words| format!(": {words}")).unwrap_or_default()
}

/// Two sessions changed one row of the catalogue. Which error that is depends on who was first.
fn is_race(error: &DbError) -> bool {
    match error.code().code() {
        // Two sessions create the same object with IF NOT EXISTS, and both find none.
        "23505" => error.schema() == Some("pg_catalog"),
        "XX000" => is_catalogue_race(error.message()),
        _ => false,
    }
}

/// Two sessions change the same object. The server translates no message of its internal errors.
fn is_catalogue_race(message: &str) -> bool {
    ["tuple concurrently updated", "tuple concurrently deleted"].contains(&message)
        || message.starts_with("cache lookup failed for ")
}

fn line(error: &DbError, statement: &Statement) -> u32 {
    match error.position() {
        Some(ErrorPosition::Original(position)) => statement.line_at(*position),
        _ => statement.line,
    }
}
