//! What an error means to the object that names the database.

use std::io::ErrorKind::{HostUnreachable, NetworkUnreachable};

use ace_domain::kinds::{migration_set::StepError, platform::DatabaseFailure};

use crate::{OpenError, QueryError};

impl From<OpenError> for DatabaseFailure {
    fn from(error: OpenError) -> Self {
        match error {
            OpenError::Unresolved | OpenError::Unreachable(NetworkUnreachable | HostUnreachable) => Self::Unanswered(
                format!("{error} (a project's direct host may have an IPv6 address only; its session pooler has IPv4)"),
            ),
            OpenError::Unreachable(_)
            | OpenError::NoAnswer(_)
            | OpenError::Closed
            | OpenError::Unavailable(_)
            | OpenError::NoAuthorities
            | OpenError::Protocol => Self::Unanswered(error.to_string()),
            OpenError::PasswordRejected => Self::PasswordRejected,
            OpenError::Refused(state) => Self::Refused(state.as_str().to_owned()),
            OpenError::Certificate(fault) => Self::CertificateRefused(fault.to_string()),
            OpenError::NoTls | OpenError::Handshake => Self::NoTls(error.to_string()),
            OpenError::Pooler => Self::Pooler,
            OpenError::Insecure(login) => Self::Insecure(login.to_string()),
            OpenError::Excess(excess) => Self::Excess(excess.to_string()),
        }
    }
}

impl From<QueryError> for DatabaseFailure {
    fn from(error: QueryError) -> Self {
        match error {
            QueryError::Refused(state) => Self::Refused(state.as_str().to_owned()),
            QueryError::Excess(excess) => Self::Excess(excess.to_string()),
            QueryError::Damaged(damage) => Self::Damaged(damage.to_string()),
            QueryError::NoAnswer(_) | QueryError::Closed | QueryError::Unavailable(_) | QueryError::Protocol => {
                Self::Unanswered(error.to_string())
            }
        }
    }
}

impl From<OpenError> for StepError {
    fn from(error: OpenError) -> Self {
        Self::Database(error.into())
    }
}

impl From<QueryError> for StepError {
    fn from(error: QueryError) -> Self {
        Self::Database(error.into())
    }
}
