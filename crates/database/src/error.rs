use std::{error::Error, fmt, io, time::Duration};

use rustls::CertificateError;
use tokio_postgres::error::{DbError, Severity};

use crate::{Damage, Excess, InsecureLogin};

/// PostgreSQL's error code of five characters, e.g. `28P01`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SqlState(String);

impl SqlState {
    pub(crate) fn of(error: &DbError) -> Self {
        Self::from(error.code().code())
    }

    /// The five characters.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The class of the error: its first two characters.
    pub(crate) fn class(&self) -> &str {
        self.0.get(..2).unwrap_or_default()
    }

    /// The user may not do that.
    pub(crate) fn is_missing_right(&self) -> bool {
        self.as_str() == "42501"
    }

    /// The error is temporary: connection, rollback, resources, operator intervention, system, a lock that was not granted, a
    /// server that is read-only for now.
    fn passes(&self) -> bool {
        matches!(self.class(), "08" | "40" | "53" | "57" | "58") || matches!(self.as_str(), "55P03" | "25006")
    }
}

impl From<&str> for SqlState {
    /// A server may send anything as a code, and it ends up in messages.
    fn from(code: &str) -> Self {
        Self(code.chars().filter(char::is_ascii_alphanumeric).take(5).collect())
    }
}

impl fmt::Display for SqlState {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// Why there is no session.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum OpenError {
    /// The name can't be looked up, or has no address.
    #[error("the host name has no address")]
    Unresolved,
    /// The port could not be connected to.
    #[error("the server can't be reached: {0}")]
    Unreachable(io::ErrorKind),
    /// No complete answer within the limit.
    #[error("the server did not answer within {} s", .0.as_secs_f32())]
    NoAnswer(Duration),
    /// The connection ended before there was a session.
    #[error("the server closed the connection")]
    Closed,
    /// The server is temporarily unavailable: starting, stopping, too many sessions.
    #[error("the server accepts no session now (SQLSTATE {0})")]
    Unavailable(SqlState),
    /// Wrong password, or no such role: PostgreSQL does not distinguish them.
    #[error("the server rejects the password")]
    PasswordRejected,
    /// The server refuses the session permanently.
    #[error("the server refuses the session (SQLSTATE {0})")]
    Refused(SqlState),
    /// The verification of the server's certificate failed.
    #[error("the verification of the server's certificate failed: {0}")]
    Certificate(CertificateFault),
    /// TLS is required, and the server does not support it.
    #[error("the server does not speak TLS")]
    NoTls,
    /// There is no common version or cipher of TLS, or one side broke its rules.
    #[error("the TLS handshake failed")]
    Handshake,
    /// No CA certificate of the system could be read: the server is not the cause.
    #[error("the system's certificates can't be read")]
    NoAuthorities,
    /// A pooler that gives each transaction another backend, or that refuses the start-up parameters of a session.
    #[error("a pooler in transaction mode is in front of the server")]
    Pooler,
    /// The password would go to whoever answers, and that is not allowed.
    #[error("{0}")]
    Insecure(InsecureLogin),
    /// The server sent more than is read of it.
    #[error("{0}")]
    Excess(Excess),
    /// The server does not speak PostgreSQL's protocol, requires an unsupported authentication, or did not prove that it knows
    /// the password.
    #[error("the server sent an unexpected response")]
    Protocol,
}

/// What is wrong with a server's certificate.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum CertificateFault {
    /// No trusted CA has signed it.
    #[error("it is not signed by a trusted CA")]
    UnknownIssuer,
    /// It is for another host name.
    #[error("it is not valid for this host name")]
    WrongName,
    #[error("it has expired")]
    Expired,
    /// It is not valid yet.
    #[error("it is not valid yet")]
    NotYetValid,
    #[error("it was revoked")]
    Revoked,
    #[error("it is not a server certificate, or it is damaged")]
    Unusable,
}

/// Why a statement failed.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum QueryError {
    /// No answer within the limit.
    #[error("the server did not answer within {} s", .0.as_secs_f32())]
    NoAnswer(Duration),
    /// The session has ended.
    #[error("the session has ended")]
    Closed,
    /// A temporary error of the server.
    #[error("the server is temporarily unable to answer (SQLSTATE {0})")]
    Unavailable(SqlState),
    /// The server refuses the statement.
    #[error("the server refuses the statement (SQLSTATE {0})")]
    Refused(SqlState),
    /// The server sent more than is read of it, which has ended the session.
    #[error("{0}")]
    Excess(Excess),
    /// The tables that it is about were changed.
    #[error("{0}")]
    Damaged(Damage),
    /// The answer is not one of PostgreSQL's.
    #[error("the server sent an unexpected response")]
    Protocol,
}

impl OpenError {
    /// The variant as a label of bounded cardinality.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Unresolved => "Unresolved",
            Self::Unreachable(_) => "Unreachable",
            Self::NoAnswer(_) => "NoAnswer",
            Self::Closed => "Closed",
            Self::Unavailable(_) => "Unavailable",
            Self::PasswordRejected => "PasswordRejected",
            Self::Refused(_) => "Refused",
            Self::Certificate(_) => "Certificate",
            Self::NoTls => "NoTls",
            Self::Handshake => "Handshake",
            Self::NoAuthorities => "NoAuthorities",
            Self::Pooler => "Pooler",
            Self::Insecure(_) => "Insecure",
            Self::Excess(_) => "Excess",
            Self::Protocol => "Protocol",
        }
    }

    /// Maps an error of the driver. `limit` is the deadline that was set.
    pub(crate) fn of(error: tokio_postgres::Error, limit: Duration) -> Self {
        if let Some(state) = error.code() {
            return Self::answered(SqlState::from(state.code()));
        }
        if error.is_closed() {
            return Self::Closed;
        }
        // The driver's error kinds are private: only the beginning of its message shows in which phase it failed.
        let stage = error.to_string();
        let Some(source) = error.into_source() else {
            return Self::Protocol;
        };
        match source.downcast::<io::Error>() {
            Ok(error) if stage.starts_with("error performing TLS") => handshake(&error),
            // Only the kernel's refusals have a number; a look-up that failed has none.
            Ok(error) if stage.starts_with("error connecting") && is_lookup(&error) => Self::Unresolved,
            Ok(error) if stage.starts_with("error co") => transport(&error, limit),
            Err(_) if stage.starts_with("error performing TLS") => Self::NoTls,
            Ok(_) | Err(_) => Self::Protocol,
        }
    }

    fn answered(state: SqlState) -> Self {
        match state.as_str() {
            "28P01" => Self::PasswordRejected,
            // PostgreSQL reports this for a start-up that breaks the protocol, PgBouncer for `options` that it does not forward.
            "08P01" => Self::Pooler,
            _ if state.passes() => Self::Unavailable(state),
            _ => Self::Refused(state),
        }
    }
}

impl QueryError {
    /// The variant as a label of bounded cardinality.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::NoAnswer(_) => "NoAnswer",
            Self::Closed => "Closed",
            Self::Unavailable(_) => "Unavailable",
            Self::Refused(_) => "Refused",
            Self::Excess(_) => "Excess",
            Self::Damaged(_) => "Damaged",
            Self::Protocol => "Protocol",
        }
    }

    pub(crate) fn of(error: &tokio_postgres::Error) -> Self {
        if error.as_db_error().is_some_and(ends_session) {
            return Self::Closed;
        }
        match error.code().map(|state| SqlState::from(state.code())) {
            // The server ends the session, and its last message has the reason.
            Some(state) if state.as_str().starts_with("57P") => Self::Closed,
            Some(state) if state.passes() => Self::Unavailable(state),
            Some(state) => Self::Refused(state),
            None if error.is_closed() || is_transport(error) => Self::Closed,
            None => Self::Protocol,
        }
    }
}

impl From<QueryError> for OpenError {
    fn from(error: QueryError) -> Self {
        match error {
            QueryError::NoAnswer(limit) => Self::NoAnswer(limit),
            QueryError::Closed => Self::Closed,
            QueryError::Unavailable(state) => Self::Unavailable(state),
            QueryError::Refused(state) => Self::Refused(state),
            QueryError::Excess(excess) => Self::Excess(excess),
            // A session is opened without a look at tables.
            QueryError::Damaged(_) | QueryError::Protocol => Self::Protocol,
        }
    }
}

/// The server ends the session with it, whatever its SQLSTATE is.
pub(crate) fn ends_session(error: &DbError) -> bool {
    matches!(error.parsed_severity(), Some(Severity::Fatal | Severity::Panic))
}

pub(crate) fn is_transport(error: &tokio_postgres::Error) -> bool {
    error.source().is_some_and(<dyn Error>::is::<io::Error>) && error.to_string().starts_with("error communicating")
}

fn is_lookup(error: &io::Error) -> bool {
    error.raw_os_error().is_none() && error.kind() != io::ErrorKind::TimedOut
}

fn transport(error: &io::Error, limit: Duration) -> OpenError {
    use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, TimedOut, UnexpectedEof};
    match error.kind() {
        TimedOut => OpenError::NoAnswer(limit),
        BrokenPipe | ConnectionAborted | ConnectionReset | UnexpectedEof => OpenError::Closed,
        // An error of the driver: the answer could not be decoded.
        _ if error.raw_os_error().is_none() => OpenError::Protocol,
        kind => OpenError::Unreachable(kind),
    }
}

fn handshake(error: &io::Error) -> OpenError {
    let Some(cause) = error.get_ref().and_then(|cause| cause.downcast_ref::<rustls::Error>()) else {
        // A closed connection says nothing about certificates.
        return OpenError::Closed;
    };
    match cause {
        rustls::Error::InvalidCertificate(error) => OpenError::Certificate(certificate(error)),
        _ => OpenError::Handshake,
    }
}

fn certificate(error: &CertificateError) -> CertificateFault {
    match error {
        // A bad signature is that of another CA with the same name.
        CertificateError::UnknownIssuer | CertificateError::BadSignature => CertificateFault::UnknownIssuer,
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            CertificateFault::WrongName
        }
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => CertificateFault::Expired,
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => CertificateFault::NotYetValid,
        CertificateError::Revoked => CertificateFault::Revoked,
        _ => CertificateFault::Unusable,
    }
}
