//! What is said to a mail server, and what its answers mean.

use std::error::Error as _;
use std::time::Duration;

use lettre::Address;
use lettre::transport::smtp::Error;
use lettre::transport::smtp::authentication::{Credentials, Mechanism};
use lettre::transport::smtp::client::{AsyncSmtpConnection, AsyncTokioStream};
use lettre::transport::smtp::commands::{Data, Mail as Sender, Rcpt};
use lettre::transport::smtp::extension::ClientId;
use lettre::transport::smtp::response::Response;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncBufRead, AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use super::error::MailError;
use super::stream::Bounded;
use super::{Encryption, Mail, MailCommand, MailReply, address};
use crate::error::Sent;

/// Bytes that a server may say before the connection is encrypted.
const BEFORE_TLS: u64 = 16 * 1024;

/// Bytes of a server's words that are kept.
const LONGEST_WORDS: usize = 4 * 1024;

/// How long is waited for the answer to a farewell, which changes nothing.
const FAREWELL: Duration = Duration::from_secs(1);

/// A server that has greeted, over a connection as the mail wants it.
pub(super) struct Dialogue {
    connection: AsyncSmtpConnection,
    from: Address,
    to: Vec<Address>,
}

/// A step of the dialogue: the server goes on, or this is its answer.
type Step<T> = Result<Result<T, MailReply>, MailError>;

/// Greets.
pub(super) async fn begin(mut stream: TcpStream, tls: &TlsConnector, mail: Mail<'_>) -> Step<Dialogue> {
    let from = address(mail.from)?;
    let to: Vec<Address> = mail.to.iter().map(|one| address(one)).collect::<Result<_, _>>()?;
    let name = from.domain().to_owned();
    let peer = stream.peer_addr().map_err(|_| MailError::Connect)?;
    let host = mail.server.host.clone();
    let encrypted = async |stream: TcpStream| {
        let host = ServerName::try_from(host).map_err(|_| MailError::Address)?;
        tls.connect(host, stream).await.map_err(|_| MailError::Tls)
    };
    let stream: Box<dyn AsyncTokioStream> = match mail.server.encryption {
        Encryption::None => Box::new(Bounded::new(stream, peer, b"")),
        Encryption::Implicit => Box::new(Bounded::new(encrypted(stream).await?, peer, b"")),
        Encryption::StartTls => {
            if let Err(refusal) = start_tls(&mut stream, &name).await? {
                return Ok(Err(refusal));
            }
            // Behind STARTTLS no server greets again, and lettre waits for a greeting.
            Box::new(Bounded::new(encrypted(stream).await?, peer, b"220 ready\r\n"))
        }
    };
    let greeted = AsyncSmtpConnection::connect_with_transport(stream, &ClientId::Domain(name)).await;
    let greeted = answered(greeted, MailCommand::Greeting, Sent::No)?;
    Ok(greeted.map(|connection| Dialogue { connection, from, to }))
}

/// Speaks in the clear as long as it must. What a server or somebody on the way says in the clear behind its consent would be
/// taken for what it says when encrypted: then there is no connection.
async fn start_tls(stream: &mut TcpStream, name: &str) -> Step<()> {
    let (read, mut write) = stream.split();
    let mut read = BufReader::new(read.take(BEFORE_TLS));
    let mut said = reply(&mut read).await?;
    for (command, wanted) in [(format!("EHLO {name}\r\n"), 220), ("STARTTLS\r\n".to_owned(), 250)] {
        if said.0 != wanted {
            return refused_at_greeting(&said);
        }
        let offers = said.1.iter().any(|line| line.eq_ignore_ascii_case("STARTTLS"));
        if wanted == 250 && !offers {
            return Err(MailError::NoStartTls);
        }
        let written = write.write_all(command.as_bytes()).await;
        written.map_err(|_| MailError::Transport { sent: Sent::No })?;
        said = reply(&mut read).await?;
    }
    match said {
        (220, _) if read.buffer().is_empty() => Ok(Ok(())),
        (220, _) => Err(MailError::Tls),
        said => refused_at_greeting(&said),
    }
}

fn refused_at_greeting((code, words): &(u16, Vec<String>)) -> Step<()> {
    if (400..600).contains(code) {
        Ok(Err(refusal(*code, &words.join(" "), MailCommand::Greeting)))
    } else {
        Err(MailError::Transport { sent: Sent::No })
    }
}

/// The code of an answer, and its lines without it.
async fn reply(reader: &mut (impl AsyncBufRead + Unpin)) -> Result<(u16, Vec<String>), MailError> {
    let broken = MailError::Transport { sent: Sent::No };
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).await.map_err(|_| broken)?;
        if !line.ends_with('\n') {
            return Err(broken);
        }
        let (code, rest) = line.trim_end().split_at_checked(3).ok_or(broken)?;
        let code = code.parse().map_err(|_| broken)?;
        lines.push(rest.trim_start_matches([' ', '-']).to_owned());
        if !rest.starts_with('-') {
            return Ok((code, lines));
        }
    }
}

impl Dialogue {
    /// Takes leave. What was answered before stands, whatever becomes of it.
    pub(super) async fn end(mut self) {
        let _ = timeout(FAREWELL, self.connection.quit()).await;
    }

    /// Says the whole mail. From the moment when its end may have arrived, the server may have it.
    pub(super) async fn hand_over(&mut self, mail: Mail<'_>, sent: &mut Sent) -> Result<MailReply, MailError> {
        if let Err(refusal) = self.log_in(mail).await? {
            return Ok(refusal);
        }
        let sender = Sender::new(Some(self.from.clone()), Vec::new());
        if let Err(refusal) = self.command(sender, MailCommand::Sender).await? {
            return Ok(refusal);
        }
        let (taken, refused) = match self.recipients().await? {
            Ok(recipients) => recipients,
            Err(refusal) => return Ok(refusal),
        };
        if let Err(refusal) = self.command(Data, MailCommand::Content).await? {
            return Ok(refusal);
        }
        *sent = Sent::Unknown;
        let content = self.connection.message(mail.content).await;
        Ok(match answered(content, MailCommand::Content, *sent)? {
            Ok(reply) => MailReply {
                taken,
                ..refused.unwrap_or_else(|| {
                    let words = reply.message().collect::<Vec<_>>().join(" ");
                    refusal(reply.code().into(), &words, MailCommand::Content)
                })
            },
            Err(refusal) => refusal,
        })
    }

    async fn log_in(&mut self, mail: Mail<'_>) -> Step<()> {
        let Some(login) = &mail.server.login else {
            return Ok(Ok(()));
        };
        let mechanisms = [Mechanism::Plain, Mechanism::Login];
        let offered = self.connection.server_info().get_auth_mechanism(&mechanisms);
        if offered.is_none() {
            return Err(MailError::NoLogin);
        }
        let credentials = Credentials::new(login.user.clone(), login.password.reveal().to_owned());
        let said = self.connection.auth(&mechanisms, &credentials).await;
        let said = answered(said, MailCommand::Login, Sent::No)?;
        // A server may quote what it was sent.
        let silent = |reply: MailReply| MailReply {
            words: String::new(),
            ..reply
        };
        Ok(said.map(drop).map_err(silent))
    }

    /// How many were taken, and the first refusal; or an answer that ends the dialogue.
    async fn recipients(&mut self) -> Step<(usize, Option<MailReply>)> {
        let (mut taken, mut refused) = (0, None);
        for address in self.to.clone() {
            match self
                .command(Rcpt::new(address, Vec::new()), MailCommand::Recipient)
                .await?
            {
                Ok(_) => taken += 1,
                Err(refusal) if (500..600).contains(&refusal.code) => {
                    refused.get_or_insert(refusal);
                }
                Err(refusal) => return Ok(Err(refusal)),
            }
        }
        Ok(match refused {
            Some(refusal) if taken == 0 => Err(refusal),
            refused => Ok((taken, refused)),
        })
    }

    async fn command(&mut self, words: impl std::fmt::Display, command: MailCommand) -> Step<Response> {
        answered(self.connection.command(words).await, command, Sent::No)
    }
}

/// A refusal is an answer.
fn answered<T>(result: Result<T, Error>, command: MailCommand, sent: Sent) -> Step<T> {
    match result {
        Ok(said) => Ok(Ok(said)),
        Err(error) => match error.status() {
            Some(code) => {
                let words = error.source().map(ToString::to_string).unwrap_or_default();
                Ok(Err(refusal(code.into(), &words, command)))
            }
            None => Err(MailError::Transport { sent }),
        },
    }
}

fn refusal(code: u16, words: &str, command: MailCommand) -> MailReply {
    let mut words = words.to_owned();
    words.truncate(words.floor_char_boundary(LONGEST_WORDS));
    MailReply {
        code,
        words,
        command,
        taken: 0,
    }
}
