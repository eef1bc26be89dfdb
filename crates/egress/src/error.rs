//! Why a request has no complete answer.

use std::error::Error;
use std::io;

/// Why there is no complete answer. Holds no part of the address, the request or the answer: the errors of the libraries
/// below quote the URL.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RequestError {
    /// No connection was tried.
    #[error("the host is not allowed")]
    HostNotAllowed,
    /// No connection was tried, as the request cannot be written.
    #[error("the request cannot be built")]
    Invalid,
    /// Name not found, refused, closed while TLS was set up, or none within the deadline for connecting.
    #[error("no connection to the host")]
    Connect,
    /// The server's certificate is not valid for the host, or the server speaks no TLS that this client does.
    #[error("no TLS connection to the host")]
    Tls,
    /// No complete answer within the deadline of the call.
    #[error("no complete answer within the deadline")]
    Timeout,
    /// The connection broke after it was made.
    #[error("the connection broke before the answer was complete")]
    Transport,
    /// The server answered, and its answer was not taken.
    #[error("the answer is larger than {limit} bytes")]
    TooLarge {
        /// In bytes.
        limit: usize,
    },
}

/// Whether the server may have received the request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sent {
    /// It has not: no byte of it left.
    No,
    /// It may have received and acted on it.
    Unknown,
}

impl RequestError {
    pub(crate) fn of(error: &reqwest::Error) -> Self {
        if error.is_builder() {
            Self::Invalid
        } else if !error.is_connect() {
            Self::Transport
        } else if is_tls(error) {
            Self::Tls
        } else {
            Self::Connect
        }
    }

    /// A word from a closed set, for metrics and conditions.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::HostNotAllowed => "HostNotAllowed",
            Self::Invalid => "Invalid",
            Self::Connect => "Connect",
            Self::Tls => "Tls",
            Self::Timeout => "Timeout",
            Self::Transport => "Transport",
            Self::TooLarge { .. } => "TooLarge",
        }
    }

    /// Whether a repetition could be the second request that the server receives.
    pub fn sent(&self) -> Sent {
        match self {
            Self::HostNotAllowed | Self::Invalid | Self::Connect | Self::Tls => Sent::No,
            Self::Timeout | Self::Transport | Self::TooLarge { .. } => Sent::Unknown,
        }
    }
}

fn is_tls(error: &(dyn Error + 'static)) -> bool {
    let cause = match error.downcast_ref::<io::Error>() {
        // The source of an I/O error is that of the error within, not the error within.
        Some(error) => error.get_ref().map(|cause| cause as &(dyn Error + 'static)),
        None => error.source(),
    };
    error.is::<rustls::Error>() || cause.is_some_and(is_tls)
}
