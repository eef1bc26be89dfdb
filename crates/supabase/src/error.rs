//! What a call can end in.

use std::time::Duration;

use ace_egress::RequestError;

use crate::budget::{Deferral, Limiter};

/// Why a call gave no answer, or an answer that is a refusal. None of these can have changed anything on the platform.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CallError {
    /// No byte of the request reached the platform.
    #[error("the request was not sent: {0}")]
    NotSent(NotSent),
    /// 4xx: the platform says no. Somebody has to change something before it says anything else.
    #[error("the platform refused with {status}: {message}")]
    Refused {
        /// The HTTP status, 300 to 499. (A redirect is not followed, and counts as a refusal.)
        status: u16,
        /// The platform's own `message`: at most 300 characters, one line, without our token; or a text of ours when the
        /// answer holds none.
        message: String,
    },
    /// 404 in the platform's own words for a function that it does not have. Any other 404 is `Refused`.
    #[error("the platform has no such function")]
    FunctionAbsent,
    /// 429. The budget is blocked for as long, so that other callers are told without a request.
    #[error("the platform limits the rate; come again in {} s", again.as_secs())]
    RateLimited {
        /// From `Retry-After`, else `X-RateLimit-Reset`, else a minute.
        again: Duration,
    },
    /// 5xx to a read, or a page of something between us and the platform.
    #[error("the platform is unavailable: it answered {status}{}", said(.message.as_ref()))]
    Unavailable {
        /// The HTTP status, 400 or more.
        status: u16,
        /// The platform's own words, as those of a refusal, if it had any.
        message: Option<String>,
    },
    /// The connection broke before a read's answer was complete.
    #[error("the connection broke before the answer was complete")]
    Transport,
    /// A read's answer was not complete within its deadline.
    #[error("no complete answer within the deadline")]
    Timeout,
    /// A read's answer came, and is not what the contract says.
    #[error("the answer is not what the contract says")]
    Unreadable,
    /// An answer is larger than this client takes: a list, or a function's body.
    #[error("the answer is larger than {limit} bytes")]
    AnswerTooLarge {
        /// In bytes; see [`crate::Limits`].
        limit: usize,
    },
}

/// Why nothing was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotSent {
    /// The budget has no token for this priority now.
    #[error("the request budget is used up; come again in {} s", .0.again.as_secs())]
    Deferred(Deferral),
    /// The operator's flags do not allow this host.
    #[error("the host is not allowed (--allow-api-host)")]
    HostNotAllowed,
    /// No connection: name not found, refused, TLS failed, or none within the deadline for connecting.
    #[error("no connection to the host")]
    Connect,
    /// The call's own arguments cannot be sent; the text says why.
    #[error("{0}")]
    Invalid(&'static str),
}

/// What became of a change. Deliberately not a `Result`: `Unknown` is neither success nor failure, and `?` must not make
/// it one. A future of a change that is dropped before it is ready leaves the same doubt.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use = "a change whose outcome is unknown must be looked up before it is repeated"]
pub enum Outcome<T> {
    /// It is done, and this is the answer.
    Done(T),
    /// It is certainly not done.
    Failed(CallError),
    /// It may be done: the request may have arrived, and its answer did not.
    Unknown(Lost),
}

/// How the answer to a change was lost.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Lost {
    /// No complete answer within the deadline (or a 408, which says as much).
    #[error("no complete answer within the deadline; the change may be done")]
    Timeout,
    /// The connection broke after it was made.
    #[error("the connection broke before the answer was complete; the change may be done")]
    Transport,
    /// 5xx: something between us and the effect gave up.
    #[error("the platform answered {status}{}; the change may be done", said(.message.as_ref()))]
    Unavailable {
        /// The HTTP status, 500 or more, or 400 or more of a page.
        status: u16,
        /// The platform's own words, if it had any.
        message: Option<String>,
    },
    /// A success, in words that the contract does not have: the change is likely done, and its result is not known.
    #[error("the answer to the change is not what the contract says; the change may be done")]
    Unreadable,
}

impl CallError {
    /// A word from a closed set, for metrics and conditions.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::NotSent(reason) => reason.reason(),
            Self::Refused { status: 401, .. } => "Unauthorized",
            Self::Refused { status: 402, .. } => "PlanLimit",
            Self::Refused { status: 403, .. } => "Forbidden",
            Self::Refused { status: 404, .. } => "NotFound",
            Self::Refused { .. } => "Refused",
            Self::FunctionAbsent => "FunctionAbsent",
            Self::RateLimited { .. } => "RateLimited",
            Self::Unavailable { .. } => "Unavailable",
            Self::Transport => "Transport",
            Self::Timeout => "Timeout",
            Self::Unreadable => "Unreadable",
            Self::AnswerTooLarge { .. } => "AnswerTooLarge",
        }
    }

    /// How long to wait before asking again, and for whom, where that is known: a matter of waiting, not a failure.
    pub fn deferral(&self) -> Option<Deferral> {
        match self {
            Self::NotSent(NotSent::Deferred(deferral)) => Some(*deferral),
            Self::RateLimited { again } => Some(Deferral {
                again: *again,
                by: Limiter::Platform,
            }),
            _ => None,
        }
    }

    /// Whether the next pass may simply try the same again: the world may be better then, and nobody has to change
    /// anything. The opposite is a refusal.
    pub fn is_passing(&self) -> bool {
        match self {
            Self::NotSent(reason) => matches!(reason, NotSent::Deferred(_) | NotSent::Connect),
            Self::RateLimited { .. }
            | Self::Unavailable { .. }
            | Self::Transport
            | Self::Timeout
            | Self::Unreadable => true,
            Self::Refused { .. } | Self::FunctionAbsent | Self::AnswerTooLarge { .. } => false,
        }
    }
}

impl From<RequestError> for CallError {
    fn from(error: RequestError) -> Self {
        match error {
            RequestError::HostNotAllowed => Self::NotSent(NotSent::HostNotAllowed),
            RequestError::Invalid => Self::NotSent(NotSent::Invalid("the request cannot be built")),
            RequestError::Connect | RequestError::Tls => Self::NotSent(NotSent::Connect),
            RequestError::Timeout => Self::Timeout,
            RequestError::Transport => Self::Transport,
            RequestError::TooLarge { limit } => Self::AnswerTooLarge { limit },
        }
    }
}

impl NotSent {
    /// A word from a closed set, for metrics and conditions.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Deferred(_) => "Deferred",
            Self::HostNotAllowed => "HostNotAllowed",
            Self::Connect => "Connect",
            Self::Invalid(_) => "Invalid",
        }
    }
}

fn said(message: Option<&String>) -> String {
    message.map(|message| format!(": {message}")).unwrap_or_default()
}

impl Lost {
    /// What the platform answered, if it did: its status, and its own words if it had any.
    pub fn says(&self) -> Option<String> {
        match self {
            Self::Unavailable { status, message } => Some(format!("{status}{}", said(message.as_ref()))),
            Self::Timeout | Self::Transport | Self::Unreadable => None,
        }
    }

    /// A word from a closed set, for metrics and conditions.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Timeout => "Timeout",
            Self::Transport => "Transport",
            Self::Unavailable { .. } => "Unavailable",
            Self::Unreadable => "Unreadable",
        }
    }
}

impl<T> Outcome<T> {
    /// `Ok` or a word from the closed sets of [`CallError::reason`] and [`Lost::reason`].
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Done(_) => "Ok",
            Self::Failed(error) => error.reason(),
            Self::Unknown(lost) => lost.reason(),
        }
    }

    /// Whether the change may or may not have taken effect.
    pub fn outcome_unknown(&self) -> bool {
        matches!(self, Self::Unknown(_))
    }

    /// The same outcome with another answer.
    pub fn map<U>(self, change: impl FnOnce(T) -> U) -> Outcome<U> {
        match self {
            Self::Done(answer) => Outcome::Done(change(answer)),
            Self::Failed(error) => Outcome::Failed(error),
            Self::Unknown(lost) => Outcome::Unknown(lost),
        }
    }
}
