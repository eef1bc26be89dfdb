use std::time::Duration;

use ace_domain::{kinds::migration_set::Blocker, sql::Statement};
use tokio_postgres::error::{DbError, ErrorPosition, Severity};

use crate::{
    QueryError, SqlState,
    error::is_transport,
    redact::{Said, Text},
};

/// How much of the server's words is shown, in characters.
pub(crate) const MESSAGE: usize = 300;

/// Why a file was not applied. Unless a variant says otherwise, nothing of its last transaction happened.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum RunError {
    /// The server refuses a statement, and will again.
    #[error("{message} (SQLSTATE {state})")]
    Sql {
        /// What is wrong.
        state: SqlState,
        /// The server's words, as far as they are its own or the file's, in one line of at most 300 characters.
        message: String,
        /// The line of the file where it is wrong; `None` if it is no statement of the file's.
        line: Option<u32>,
    },
    /// A lock was not had in time.
    #[error("a lock was not had in time")]
    LockTimeout {
        /// Those who had it when it was last looked.
        blockers: Vec<Blocker>,
    },
    /// A statement took longer than it may.
    #[error("the statement took too long")]
    TimedOut {
        /// The line of the file where it begins.
        line: Option<u32>,
    },
    /// The session does not hold the lock of this database.
    #[error("the session does not hold the lock")]
    LockLost,
    /// The file ended its transaction. What came before is committed or not, as the file said; no ledger has it.
    #[error("the file ends its own transaction")]
    Smuggled,
    /// `IF NOT EXISTS` found an INVALID index that is not ours: the server would call that success.
    #[error("the index {name} is there, INVALID, and was not made by this file")]
    IndexNotOurs {
        /// The index.
        name: String,
    },
    /// The server calls a statement that ran alone done, and the catalogue does not show what it should have done.
    #[error("the catalogue does not show what became of the index {name}")]
    Unproved {
        /// The index.
        name: String,
    },
    /// Segments of the file began when it had other bytes.
    #[error("the file ran half-way with other bytes")]
    HalfApplied {
        /// How many of them are done.
        done: usize,
    },
    /// A ledger has the version.
    #[error("the version is in the ledger")]
    AlreadyRecorded,
    /// The file inserts its own row into a ledger, which is for whoever runs it to do.
    #[error("the file writes its own row into the ledger")]
    WritesLedger,
    /// The server can't now.
    #[error("the server can't now (SQLSTATE {state})")]
    Retry {
        /// What it says.
        state: SqlState,
    },
    /// The session ended before COMMIT was sent. What a statement that ran alone has done is found out by the next run.
    #[error("the session ended before the transaction did")]
    Lost,
    /// COMMIT was sent, and no answer came: the ledger knows, once the lock is had again.
    #[error("the answer to COMMIT was lost")]
    Unknown,
    /// The server answers what is no answer to a statement: `COPY … FROM stdin` and its like.
    #[error("the server's answer is of no use")]
    Protocol,
}

impl RunError {
    /// A word for metrics; there are as many as variants.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Sql { .. } => "Sql",
            Self::LockTimeout { .. } => "LockTimeout",
            Self::TimedOut { .. } => "TimedOut",
            Self::LockLost => "LockLost",
            Self::Smuggled => "Smuggled",
            Self::IndexNotOurs { .. } => "IndexNotOurs",
            Self::Unproved { .. } => "Unproved",
            Self::HalfApplied { .. } => "HalfApplied",
            Self::AlreadyRecorded => "AlreadyRecorded",
            Self::WritesLedger => "WritesLedger",
            Self::Retry { .. } => "Retry",
            Self::Lost => "Lost",
            Self::Unknown => "Unknown",
            Self::Protocol => "Protocol",
        }
    }

    /// What the driver's error means, at a statement of the file of this text or at one of ours.
    pub(super) fn of(error: &tokio_postgres::Error, sentence: Option<&Statement>, file: &Text) -> Self {
        match error.as_db_error() {
            Some(error) => Self::answered(error, sentence, file),
            None if error.is_closed() || is_transport(error) => Self::Lost,
            None => Self::Protocol,
        }
    }

    fn answered(error: &DbError, sentence: Option<&Statement>, file: &Text) -> Self {
        let state = SqlState::of(error);
        if matches!(error.parsed_severity(), Some(Severity::Fatal | Severity::Panic)) {
            return Self::Lost;
        }
        match state.as_str() {
            "55P03" => Self::LockTimeout { blockers: Vec::new() },
            "25006" => Self::Retry { state },
            code if ["08", "40", "53"].contains(&&code[..2]) || code.starts_with("57P") => Self::Retry { state },
            _ => Self::Sql {
                message: file.redacted(&Said::of(error), MESSAGE),
                line: sentence.map(|sentence| line(error, sentence)),
                state,
            },
        }
    }

    /// The same, where the answer took this long and the limit is known: the server's own limit speaks of a cancel.
    pub(super) fn within(self, elapsed: Duration, limit: Duration) -> Self {
        match self {
            Self::Sql { state, line, .. } if state.as_str() == "57014" && elapsed >= limit => Self::TimedOut { line },
            error => error,
        }
    }

    /// Whether the session is gone with it.
    pub(super) fn ended(&self) -> bool {
        matches!(self, Self::Lost | Self::Unknown)
    }
}

impl From<QueryError> for RunError {
    fn from(error: QueryError) -> Self {
        match error {
            QueryError::NoAnswer(_) | QueryError::Closed => Self::Lost,
            QueryError::Unavailable(state) => Self::Retry { state },
            QueryError::Refused(state) => Self::Sql {
                state,
                message: "a statement of ours is refused".to_owned(),
                line: None,
            },
            QueryError::Protocol => Self::Protocol,
        }
    }
}

fn line(error: &DbError, sentence: &Statement) -> u32 {
    match error.position() {
        Some(ErrorPosition::Original(position)) => sentence.line_at(*position),
        _ => sentence.line,
    }
}
