//! Why rows were not written.

use tokio_postgres::error::DbError;

use crate::{QueryError, SqlState, error::ends_session};

/// Why rows were not written. No text has a value of a row.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum PageError {
    /// They will not be written later either: a person must act.
    #[error("{0}")]
    Refused(String),
    /// They were not written, and may be later.
    #[error("{0}")]
    Passing(String),
    /// They may have been written.
    #[error("{0}")]
    Unknown(String),
}

impl PageError {
    pub(super) fn of(error: &tokio_postgres::Error) -> Self {
        match error.as_db_error() {
            Some(answer) if !ends_session(answer) => Self::answered(answer),
            _ => Self::Unknown(QueryError::of(error).to_string()),
        }
    }

    fn answered(answer: &DbError) -> Self {
        let state = SqlState::of(answer);
        let by = answer.constraint().map(|name| format!(", {name:?}"));
        let said = format!(
            "the database refuses the rows (SQLSTATE {state}{})",
            by.unwrap_or_default()
        );
        match state.as_str() {
            "23503" => Self::Refused(format!(
                "{said}: a label `rule_id`, `organization_id` or `client_id` names what does not exist"
            )),
            "42501" => Self::Refused(format!(
                "{said}: the user of `spec.database` needs SELECT, INSERT and UPDATE on `public.alert_instances`, and BYPASSRLS or to own it"
            )),
            // What the table is to look like is asked before the next attempt.
            "42703" | "42P01" | "42804" | "42P10" => Self::Passing(said),
            text if matches!(text.get(..2), Some("22" | "23" | "42" | "P0")) => Self::Refused(format!(
                "{said}: a constraint or a trigger of the table does not take them"
            )),
            _ => Self::Passing(said),
        }
    }
}

impl From<QueryError> for PageError {
    fn from(error: QueryError) -> Self {
        match error {
            QueryError::Refused(_) | QueryError::Unavailable(_) => Self::Passing(error.to_string()),
            _ => Self::Unknown(error.to_string()),
        }
    }
}
