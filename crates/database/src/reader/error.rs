//! Why a rule can't be asked.

use ace_api::{AlertRuleReason, Database};
use ace_domain::kinds::{
    alert_rule::{Cause, of_database},
    platform::DatabaseFailure,
};
use tokio_postgres::error::{DbError, ErrorPosition};

use super::Question;
use crate::{
    OpenError, QueryError, SqlState,
    error::ends_session,
    redact::{MESSAGE, ServerMessage, Text},
};

/// Why there is no session that could ask.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum ReaderError {
    #[error("{0}")]
    Open(OpenError),
    /// The role can do more than read; what to do about it.
    #[error("{0}")]
    TooPowerful(String),
}

/// Why a query has no answer. No text has a value of a row.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum AskError {
    /// The server refuses it, or its columns are not those of a rule: a person must change it.
    #[error("{0}")]
    Invalid(String),
    /// It may succeed the next time; the session stands.
    #[error("{0}")]
    Failed(String),
    /// The session has ended.
    #[error("{0}")]
    Lost(String),
}

impl ReaderError {
    /// Why a rule can't be asked. `database`: as the reader sees it.
    pub fn cause(self, database: &Database) -> Cause {
        match self {
            Self::Open(error) => of_database(&error.into(), database),
            Self::TooPowerful(why) => {
                let message =
                    format!("queries of rules are not given to `spec.database.reader` of the Platform: {why}");
                Cause::new(AlertRuleReason::ReaderTooPowerful, message)
            }
        }
    }
}

impl AskError {
    /// Why a rule was not answered. `database`: as the reader sees it.
    pub fn cause(self, database: &Database) -> Cause {
        match self {
            Self::Invalid(message) => Cause::new(AlertRuleReason::QueryInvalid, message),
            Self::Failed(message) => Cause::new(AlertRuleReason::QueryFailed, message),
            Self::Lost(how) => of_database(&DatabaseFailure::Unanswered(how), database),
        }
    }

    pub(super) fn is_lost(&self) -> bool {
        matches!(self, Self::Lost(_))
    }

    /// Maps an error of the driver, at a statement that has `offset` characters in front of the query.
    pub(super) fn of(question: &Question, error: &tokio_postgres::Error, offset: usize) -> Self {
        match error.as_db_error() {
            Some(answer) if !ends_session(answer) => Self::answered(question, answer, offset),
            _ => Self::Lost(QueryError::of(error).to_string()),
        }
    }

    fn answered(question: &Question, error: &DbError, offset: usize) -> Self {
        let state = SqlState::of(error);
        let message = Text::of([question.query.as_str()]).redacted(&ServerMessage::of(error), MESSAGE);
        let place = match error.position() {
            Some(ErrorPosition::Original(place)) => question.line(*place, offset),
            _ => None,
        };
        let place = place.map(|line| format!("line {line}: ")).unwrap_or_default();
        let said = format!("{place}{message} (SQLSTATE {state})");
        match state.as_str() {
            "57014" => Self::Failed(format!(
                "the query took longer than {}: it needs an index, fewer rows, or a longer `timeout`",
                ace_api::Duration::from(question.timeout)
            )),
            "55P03" => Self::Failed("a lock was not granted within 1s".to_owned()),
            "25006" => Self::Invalid(format!("the query would write: {said}")),
            "42501" if error.message().contains("row-level security") => Self::Invalid(format!(
                "{said}: the reader needs BYPASSRLS, or it would not see all rows"
            )),
            // Connections, rollbacks, resources, operators, the system, and errors within the server.
            text if matches!(text.get(..2), Some("08" | "40" | "53" | "57" | "58" | "XX")) => Self::Failed(said),
            _ => Self::Invalid(said),
        }
    }
}
