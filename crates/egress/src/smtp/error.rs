//! Why a mail server has not answered.

use crate::error::Sent;

/// Why there is no answer. Holds no part of the mail, the login or what the server said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MailError {
    /// No connection was tried.
    #[error("the host is not allowed")]
    HostNotAllowed,
    /// No connection was tried.
    #[error("the connection would not be encrypted")]
    NotEncrypted,
    /// No connection was tried: an address is none.
    #[error("an address is not valid")]
    Address,
    /// Name not found, refused, or none within the deadline for connecting.
    #[error("no connection to the host")]
    Connect,
    /// The server does not offer what encrypts the connection.
    #[error("the server does not offer STARTTLS")]
    NoStartTls,
    /// The server's certificate is not valid for the host, or the server speaks no TLS that this client does.
    #[error("no TLS connection to the host")]
    Tls,
    /// The server lets nobody log in, or by other means only.
    #[error("the server offers neither of the logins PLAIN and LOGIN")]
    NoLogin,
    /// No answer within the deadline.
    #[error("no answer within the deadline")]
    Timeout {
        /// Whether the server may have the mail.
        sent: Sent,
    },
    /// The connection broke, or what came by it is not SMTP.
    #[error("the connection broke before the answer was complete")]
    Transport {
        /// Whether the server may have the mail.
        sent: Sent,
    },
}

impl MailError {
    /// Whether a repetition could be the second mail that the server receives.
    pub fn sent(self) -> Sent {
        match self {
            Self::Timeout { sent } | Self::Transport { sent } => sent,
            Self::HostNotAllowed
            | Self::NotEncrypted
            | Self::Address
            | Self::Connect
            | Self::NoStartTls
            | Self::Tls
            | Self::NoLogin => Sent::No,
        }
    }
}
