//! What became of an attempt, as far as it is the same for all formats.

use std::time::Duration;

use ace_egress::{Reply, RequestError};

/// What became of one attempt. Its message is fit for a status: no part of the URL, and at most 200 bytes of the receiver's
/// words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The receiver has it.
    Accepted { code: u16 },
    /// The receiver does not take it, and will not take it later either: a person must act.
    Refused {
        /// The HTTP status, where there was a reply.
        code: Option<u16>,
        /// What is wrong, and what to do.
        message: String,
    },
    /// The receiver does not have it, and may take it later.
    Retry {
        /// How long the receiver asks to wait: at most an hour.
        after: Option<Duration>,
        /// The HTTP status, where there was a reply.
        code: Option<u16>,
        message: String,
    },
    /// The receiver may have it: there was no reply. To send it again under the same id is better than to lose it.
    Unknown { message: String },
}

pub(crate) fn unanswered(error: RequestError) -> Outcome {
    let code = None;
    match error {
        RequestError::HostNotAllowed => Outcome::Refused {
            code,
            message: format!("{error}: allow it by the operator's flags, or give the Secret another URL"),
        },
        RequestError::Invalid => Outcome::Refused {
            code,
            message: format!("{error}: report this as a bug"),
        },
        RequestError::Connect | RequestError::Tls => Outcome::Retry {
            after: None,
            code,
            message: error.to_string(),
        },
        RequestError::Timeout | RequestError::Transport | RequestError::TooLarge { .. } => Outcome::Unknown {
            message: error.to_string(),
        },
    }
}

/// By the status alone: `words` are the receiver's, `remedy` is what to do about a refusal.
pub(crate) fn by_status(reply: &Reply, words: &str, remedy: &str) -> Outcome {
    let code = reply.status;
    let space = if words.is_empty() { "" } else { " " };
    match code {
        200..300 => Outcome::Accepted { code },
        // 408 and 425: the receiver did not see the whole request, or not yet.
        408 | 425 | 429 | 500..600 => Outcome::Retry {
            after: reply.retry_after,
            code: Some(code),
            message: format!("answers {code}{space}{words}"),
        },
        300..400 => Outcome::Refused {
            code: Some(code),
            message: format!("answers {code}, and redirects are not followed; give the Secret the final URL"),
        },
        _ => Outcome::Refused {
            code: Some(code),
            message: format!("answers {code}{space}{words}; {remedy}"),
        },
    }
}

#[cfg(test)]
mod tests {
    use ace_egress::{RequestError, Sent};

    use super::{Outcome, unanswered};

    #[test]
    fn what_may_have_been_sent_is_unknown_and_nothing_else_is() {
        let refused = |message: &str| Outcome::Refused {
            code: None,
            message: message.to_owned(),
        };
        let retry = |message: &str| Outcome::Retry {
            after: None,
            code: None,
            message: message.to_owned(),
        };
        for (error, outcome) in [
            (
                RequestError::HostNotAllowed,
                refused("the host is not allowed: allow it by the operator's flags, or give the Secret another URL"),
            ),
            (
                RequestError::Invalid,
                refused("the request cannot be built: report this as a bug"),
            ),
            (RequestError::Connect, retry("no connection to the host")),
            (RequestError::Tls, retry("no TLS connection to the host")),
        ] {
            assert_eq!((error.sent(), unanswered(error)), (Sent::No, outcome));
        }
        for error in [
            RequestError::Timeout,
            RequestError::Transport,
            RequestError::TooLarge { limit: 1 },
        ] {
            let message = error.to_string();
            assert_eq!(
                (error.sent(), unanswered(error)),
                (Sent::Unknown, Outcome::Unknown { message })
            );
        }
    }
}
