//! Why a store did not do what it was asked for.

use std::error::Error;
use std::io;

use ace_egress::RequestError;
use object_store::client::HttpError;

/// Why a store did not do what it was asked for. Holds no text of the store, no address and no key.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{message}")]
pub struct StoreError {
    /// What kind of problem it is.
    pub problem: StoreProblem,
    /// One sentence part, such as `the store answers 403 (AccessDenied)`.
    pub message: String,
}

/// What kind of problem a store has.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum StoreProblem {
    /// It may be asked again: no answer, or one that says "later".
    Unanswered,
    /// It may be asked again: no complete answer within the deadline.
    TimedOut,
    /// It may be asked again, less often.
    Throttled,
    /// The operator's flags do not allow its host.
    HostNotAllowed,
    /// It knows no such key, or the signature is wrong.
    Credentials,
    /// The key is known, and may not do this.
    Denied,
    /// There is no such bucket, container or directory.
    NoBucket,
    /// It has no room left.
    Full,
    /// The clocks of the two sides differ by too much.
    Clock,
    /// There is no such object.
    NotFound,
    /// There is one already.
    Exists,
    /// It can't do this.
    Unsupported,
    Refused,
}

impl StoreProblem {
    /// A word from a closed set, for metrics and conditions.
    pub fn reason(self) -> &'static str {
        match self {
            Self::Unanswered => "Unanswered",
            Self::TimedOut => "TimedOut",
            Self::Throttled => "Throttled",
            Self::HostNotAllowed => "HostNotAllowed",
            Self::Credentials => "Credentials",
            Self::Denied => "Denied",
            Self::NoBucket => "NoBucket",
            Self::Full => "Full",
            Self::Clock => "Clock",
            Self::NotFound => "NotFound",
            Self::Exists => "Exists",
            Self::Unsupported => "Unsupported",
            Self::Refused => "Refused",
        }
    }

    /// Whether the same request may be answered otherwise a moment later.
    pub fn passes(self) -> bool {
        matches!(self, Self::Unanswered | Self::TimedOut | Self::Throttled)
    }
}

/// An answer with an error's status, as the connector has taken it apart.
#[derive(Debug, thiserror::Error)]
#[error("the store answers {status}")]
pub(crate) struct Refusal {
    pub status: u16,
    /// Of an error in XML or JSON, where it has one.
    pub code: Option<String>,
}

/// A part of an object was asked for, and the answer is the whole.
#[derive(Debug, thiserror::Error)]
#[error("the store answers a range with the whole")]
pub(crate) struct RangeIgnored;

impl StoreError {
    pub(crate) fn new(problem: StoreProblem, message: impl Into<String>) -> Self {
        let message = message.into();
        Self { problem, message }
    }

    /// Of what the connector answers with.
    pub(crate) fn of_cause(error: &(dyn Error + 'static)) -> Self {
        if let Some(refusal) = cause::<Refusal>(error) {
            return refusal.into();
        }
        match cause::<RequestError>(error) {
            Some(error) => (*error).into(),
            None => Self::new(StoreProblem::Refused, "the store's answer is none of its protocol"),
        }
    }

    pub(crate) fn of(error: &object_store::Error) -> Self {
        use object_store::Error::{AlreadyExists, NotFound, NotImplemented, NotSupported, Precondition};
        if cause::<Refusal>(error).is_some() || cause::<RequestError>(error).is_some() {
            return Self::of_cause(error);
        }
        let simple = |problem, message: &str| Self::new(problem, message);
        if let Some(error) = cause::<RangeIgnored>(error) {
            return Self::new(StoreProblem::Unsupported, error.to_string());
        }
        match error {
            NotFound { .. } => simple(StoreProblem::NotFound, "there is no such object"),
            AlreadyExists { .. } | Precondition { .. } => {
                simple(StoreProblem::Exists, "there is such an object already")
            }
            NotSupported { .. } | NotImplemented { .. } => simple(StoreProblem::Unsupported, "the store can't do this"),
            _ => match cause::<io::Error>(error) {
                Some(error) => error.into(),
                None => simple(StoreProblem::Refused, "the store's answer is none of its protocol"),
            },
        }
    }
}

/// What stores say of a key that they do not know or take: S3, versitygw, Azure, and Google where it gives out tokens.
const REJECTIONS: [&str; 8] = [
    "InvalidAccessKeyId",
    "SignatureDoesNotMatch",
    "ExpiredToken",
    "InvalidToken",
    "XAdminUserNotFound",
    "AuthenticationFailed",
    "invalid_grant",
    "unauthorized_client",
];

impl From<&Refusal> for StoreError {
    fn from(Refusal { status, code }: &Refusal) -> Self {
        let code = code.as_deref();
        let problem = match (status, code.unwrap_or_default()) {
            (_, "RequestTimeTooSkewed") => StoreProblem::Clock,
            (507, _) | (_, "QuotaExceeded" | "EntityTooLarge" | "XMinioStorageFull" | "InsufficientStorage") => {
                StoreProblem::Full
            }
            (_, "NoSuchBucket" | "ContainerNotFound") => StoreProblem::NoBucket,
            (401, _) => StoreProblem::Credentials,
            (_, code) if REJECTIONS.contains(&code) => StoreProblem::Credentials,
            (403, _) => StoreProblem::Denied,
            (501, _) | (_, "NotImplemented") => StoreProblem::Unsupported,
            (429, _) | (503, "SlowDown") => StoreProblem::Throttled,
            (408 | 500.., _) => StoreProblem::Unanswered,
            _ => StoreProblem::Refused,
        };
        let message = match code {
            Some(code) => format!("the store answers {status} ({code})"),
            None if *status < 300 => "the store's answer is none of its protocol".to_owned(),
            None => format!("the store answers {status}"),
        };
        Self::new(problem, message)
    }
}

impl From<RequestError> for StoreError {
    fn from(error: RequestError) -> Self {
        let problem = match error {
            RequestError::HostNotAllowed => StoreProblem::HostNotAllowed,
            RequestError::TooLarge { .. } | RequestError::Invalid => StoreProblem::Refused,
            RequestError::Timeout => StoreProblem::TimedOut,
            _ => StoreProblem::Unanswered,
        };
        Self::new(problem, error.to_string())
    }
}

impl From<&io::Error> for StoreError {
    fn from(error: &io::Error) -> Self {
        use io::ErrorKind::{NotFound, PermissionDenied, QuotaExceeded, ReadOnlyFilesystem, StorageFull};
        let problem = match error.kind() {
            StorageFull | QuotaExceeded => StoreProblem::Full,
            PermissionDenied | ReadOnlyFilesystem => StoreProblem::Denied,
            NotFound => StoreProblem::NoBucket,
            _ => StoreProblem::Unanswered,
        };
        // The kind's own words: those of the error have the path.
        Self::new(problem, format!("the directory can't be used: {}", error.kind()))
    }
}

/// The first cause of a type. The library wraps what the connector answers with.
fn cause<'a, E: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a E> {
    let within = |error: &'a io::Error| error.get_ref().map(|within| within as &(dyn Error + 'static));
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref() {
            return Some(found);
        }
        next = match error.downcast_ref::<io::Error>().and_then(within) {
            Some(within) => Some(within),
            None => error.source(),
        };
    }
    None
}

/// As the library has to have it: whether it repeats the request depends on the kind.
pub(crate) fn unanswered(error: RequestError) -> HttpError {
    use object_store::client::HttpErrorKind::{Connect, Interrupted, Timeout, Unknown};
    let kind = match error {
        RequestError::Connect => Connect,
        RequestError::Timeout => Timeout,
        RequestError::Transport => Interrupted,
        RequestError::HostNotAllowed | RequestError::Invalid | RequestError::Tls | RequestError::TooLarge { .. } => {
            Unknown
        }
    };
    HttpError::new(kind, error)
}
