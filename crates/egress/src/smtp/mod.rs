//! Mail to allowed servers, by SMTP.

mod dialogue;
mod error;
mod stream;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use lettre::Address;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use crate::allowed_hosts::{AllowedHosts, is_loopback, normalised};
use crate::error::Sent;
use crate::http::{HttpError, tls};
use crate::secret::SecretString;

use dialogue::Dialogue;

pub use error::MailError;

/// Hands mails to allowed servers. Repeats nothing. Cheap to clone.
#[derive(Clone)]
pub struct SmtpClient {
    allowed: Arc<AllowedHosts>,
    tls: TlsConnector,
    connect: Duration,
}

/// Who takes mails.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MailServer {
    pub host: String,
    pub port: u16,
    pub encryption: Encryption,
    pub login: Option<Login>,
}

/// How a connection to a mail server is encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encryption {
    /// From the beginning.
    Implicit,
    /// After the server has said that it can; one that can't gets nothing.
    StartTls,
    /// Not at all: to loopback only, and without a login.
    None,
}

/// What a mail server knows its user by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Login {
    pub user: String,
    pub password: SecretString,
}

/// One mail.
#[derive(Debug, Clone, Copy)]
pub struct Mail<'a> {
    pub server: &'a MailServer,
    /// An address, without a name.
    pub from: &'a str,
    /// At least one.
    pub to: &'a [String],
    /// Headers and body. ASCII.
    pub content: &'a [u8],
    /// For all of it, from the connection to the answer; longer than that for connecting ([`SmtpClient::new`]).
    pub deadline: Duration,
}

/// The answer of a server that decides what becomes of a mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MailReply {
    /// 250: it has the mail. One of 400 to 499: not now. One of 500 to 599: not so.
    pub code: u16,
    /// At most 4 KiB of the server's own words; none about a login, which they could quote.
    pub words: String,
    /// What it answers.
    pub command: MailCommand,
    /// How many recipients the server has taken the mail for.
    pub taken: usize,
}

/// What is said to a server, in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MailCommand {
    /// Connecting, up to an encrypted connection.
    Greeting,
    Login,
    Sender,
    Recipient,
    Content,
}

/// An address without a name, in signs that every mail server understands.
pub fn address(text: &str) -> Result<Address, MailError> {
    let is_plain = text.bytes().all(|byte| byte.is_ascii_graphic());
    let address = text.parse().ok().filter(|_| is_plain);
    address.ok_or(MailError::Address)
}

impl fmt::Debug for SmtpClient {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("SmtpClient")
            .field("allowed", &self.allowed)
            .finish_non_exhaustive()
    }
}

impl SmtpClient {
    /// Sets up TLS as [`crate::HttpClient::new`] does. `connect` is the deadline for a connection.
    pub fn new(allowed: AllowedHosts, connect: Duration) -> Result<Self, HttpError> {
        Ok(Self {
            allowed: Arc::new(allowed),
            tls: TlsConnector::from(Arc::new(tls()?)),
            connect,
        })
    }

    /// Why a server gets nothing from here, for saying so in a status before it is tried.
    pub fn check(&self, server: &MailServer) -> Result<(), MailError> {
        if !self.allowed.allows_mail(&server.host, server.port) {
            return Err(MailError::HostNotAllowed);
        }
        let is_local = || normalised(&server.host).is_some_and(|host| is_loopback(&host));
        let is_overheard = server.encryption == Encryption::None && (server.login.is_some() || !is_local());
        if is_overheard {
            Err(MailError::NotEncrypted)
        } else {
            Ok(())
        }
    }

    /// Hands a mail over, once, by a connection of its own, which ends at most a second after the deadline. An error says whether the server may have it ([`MailError::sent`]).
    ///
    /// A recipient whom the server refuses for good keeps no other one from the mail: the answer is that refusal, and says how
    /// many have the mail. While it refuses one for now, nobody gets it: whoever had it would get it again each time.
    pub async fn send(&self, mail: Mail<'_>) -> Result<MailReply, MailError> {
        self.check(mail.server)?;
        let mut sent = Sent::No;
        let answer = timeout(mail.deadline, self.hand_over(mail, &mut sent)).await;
        let (reply, dialogue) = answer.unwrap_or(Err(MailError::Timeout { sent }))?;
        if let Some(dialogue) = dialogue {
            dialogue.end().await;
        }
        Ok(reply)
    }

    async fn hand_over(&self, mail: Mail<'_>, sent: &mut Sent) -> Result<(MailReply, Option<Dialogue>), MailError> {
        let server = mail.server;
        let address = (server.host.as_str(), server.port);
        let Ok(Ok(stream)) = timeout(self.connect, TcpStream::connect(address)).await else {
            return Err(MailError::Connect);
        };
        match dialogue::begin(stream, &self.tls, mail).await? {
            Ok(mut dialogue) => Ok((dialogue.hand_over(mail, sent).await?, Some(dialogue))),
            Err(refusal) => Ok((refusal, None)),
        }
    }
}
