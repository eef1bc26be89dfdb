//! Mails, as RFC 5322 has them.

use std::time::SystemTime;

use ace_egress::{MailCommand, MailError, MailReply, MailServer, Sent, address};
use lettre::message::header::{ContentType, Header, HeaderName, HeaderValue, MIME_VERSION_1_0};
use lettre::message::{Mailbox, Message as Letter};

use crate::message::{Content, LONGEST_TEXT, Message, MessageId};
use crate::outcome::Outcome;
use crate::text::{fitted, one_line, quoted};

/// Characters of a subject.
const LONGEST_SUBJECT: usize = 200;

/// Where mails go, and by which server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Email {
    pub server: MailServer,
    /// An address, without a name.
    pub from: String,
    /// Addresses, at least one.
    pub to: Vec<String>,
}

/// Says that nobody wrote this, so that nobody is away from it: RFC 3834.
#[derive(Clone)]
struct AutoSubmitted;

impl Header for AutoSubmitted {
    fn name() -> HeaderName {
        HeaderName::new_from_ascii_str("Auto-Submitted")
    }

    fn parse(_: &str) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        Ok(Self)
    }

    fn display(&self) -> HeaderValue {
        HeaderValue::new(Self::name(), "auto-generated".to_owned())
    }
}

impl Email {
    /// The whole mail, the same at each attempt; nothing where an address is none.
    pub fn content(&self, message: &Message) -> Option<Vec<u8>> {
        let from = mailbox(&self.from)?;
        let id = |id: &MessageId| format!("<{}@{}>", id.as_str(), from.email.domain());
        let first = match &message.content {
            Content::News(news) => news.first.as_ref().filter(|first| **first != message.id),
            Content::Test(_) => None,
        };
        let mut letter = Letter::builder()
            .from(from.clone())
            .date(SystemTime::from(message.time))
            .message_id(Some(id(&message.id)))
            .subject(subject(message))
            .header(AutoSubmitted)
            .header(MIME_VERSION_1_0)
            .header(ContentType::TEXT_PLAIN);
        for to in &self.to {
            letter = letter.to(mailbox(to)?);
        }
        if let Some(first) = first {
            letter = letter.in_reply_to(id(first)).references(id(first));
        }
        let body = fitted(&message.content.text(), LONGEST_TEXT, |_| None) + "\n";
        letter.body(body).ok().map(|letter| letter.formatted())
    }

    /// What became of an attempt.
    pub(crate) fn outcome(&self, result: &Result<MailReply, MailError>) -> Outcome {
        match result {
            Ok(reply) => self.answered(reply),
            Err(error) => unanswered(*error),
        }
    }

    fn answered(&self, reply: &MailReply) -> Outcome {
        let MailReply {
            code, command, taken, ..
        } = *reply;
        let words = quoted(&reply.words);
        let space = if words.is_empty() { "" } else { " " };
        let answers = format!("answers {code}{space}{words}");
        match code {
            200..300 => Outcome::Accepted { code },
            400..500 => Outcome::Retry {
                after: None,
                code: Some(code),
                message: answers,
            },
            500..600 if taken > 0 => {
                let (refused, all) = (self.to.len().saturating_sub(taken), self.to.len());
                let message = format!(
                    "{answers} for {refused} of {all} recipients, and the others have the message; correct `email.to`"
                );
                Outcome::Refused {
                    code: Some(code),
                    message,
                }
            }
            500..600 => Outcome::Refused {
                code: Some(code),
                message: format!("{answers}; {}", remedy(command, code)),
            },
            _ => Outcome::Unknown { message: answers },
        }
    }
}

/// Plain text in a header, where a line feed would begin another one: lettre lets it through in what it encodes.
fn subject(message: &Message) -> String {
    match &message.content {
        Content::Test(_) => {
            let (title, namespace, channel) = (message.content.title(), &message.namespace, &message.channel);
            one_line(&format!("{title} of channel {namespace}/{channel}"), LONGEST_SUBJECT)
        }
        Content::News(news) => news.headline(LONGEST_SUBJECT),
    }
}

fn mailbox(text: &str) -> Option<Mailbox> {
    address(text).ok().map(|address| Mailbox::new(None, address))
}

fn remedy(command: MailCommand, code: u16) -> &'static str {
    match (command, code) {
        // It wants a login, or another one, whenever it says so.
        (MailCommand::Login, _) | (_, 530 | 534 | 535 | 538) => {
            "check user name and password in the Secret that `email.credentialsSecretRef` names"
        }
        (MailCommand::Recipient, _) => "correct `email.to`, or let the mail server send there",
        (MailCommand::Sender, _) => "correct `email.from`, or let the mail server send for it",
        (MailCommand::Greeting | MailCommand::Content, _) => {
            "correct the mail server, or name another one in `email.host`"
        }
    }
}

pub(crate) fn not_built() -> Outcome {
    unanswered(MailError::Address)
}

fn unanswered(error: MailError) -> Outcome {
    let code = None;
    let refused = |remedy: &str| Outcome::Refused {
        code,
        message: format!("{error}: {remedy}"),
    };
    match error {
        MailError::HostNotAllowed => refused("allow it by the operator's flags, or name another one in `email.host`"),
        MailError::NotEncrypted => refused("set `email.tls` to StartTLS or Implicit"),
        MailError::Address => refused("correct `email.from`, `email.to` and `email.host`"),
        MailError::NoStartTls => {
            refused("set `email.tls` to Implicit and `email.port` to the port for that, or name another server")
        }
        MailError::NoLogin => refused("leave out `email.credentialsSecretRef`, or name another server"),
        MailError::Connect | MailError::Tls | MailError::Timeout { .. } | MailError::Transport { .. } => {
            let message = error.to_string();
            match error.sent() {
                Sent::No => Outcome::Retry {
                    after: None,
                    code,
                    message,
                },
                Sent::Unknown => Outcome::Unknown { message },
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use ace_egress::{Encryption, MailCommand, MailError, MailReply, MailServer, Sent};

    use super::Email;
    use crate::message::{Content, Message, MessageId, tests::message as of};
    use crate::news::tests::news;
    use crate::outcome::Outcome;

    fn email() -> Email {
        Email {
            server: MailServer {
                host: "smtp.example.com".to_owned(),
                port: 587,
                encryption: Encryption::StartTls,
                login: None,
            },
            from: "ace@example.com".to_owned(),
            to: vec!["devops@mobulace.com".to_owned(), "lead@mobulace.com".to_owned()],
        }
    }

    fn sent(message: &Message) -> String {
        String::from_utf8(email().content(message).unwrap()).unwrap()
    }

    #[test]
    fn a_mail_has_the_id_of_its_message_and_the_same_text_as_others() {
        let first = sent(&of(Content::News(Box::new(news()))));
        let (headers, body) = first.split_once("\r\n\r\n").unwrap();
        assert_eq!(
            headers,
            "From: ace@example.com\r\n\
             Date: Mon, 23 Nov 2026 09:00:00 +0000\r\n\
             Message-ID: <msg_1@example.com>\r\n\
             Subject: [critical] gift-card-inventory: 1 alert: Book Harbour: 0 cards\r\n \
             left, 2 wanted\r\n\
             Auto-Submitted: auto-generated\r\n\
             MIME-Version: 1.0\r\n\
             Content-Type: text/plain; charset=utf-8\r\n\
             To: devops@mobulace.com, lead@mobulace.com\r\n\
             Content-Transfer-Encoding: quoted-printable"
        );
        // Its lines are cut, and have nothing else to be encoded.
        assert_eq!(body.replace("=\r\n", ""), news().text().replace('\n', "\r\n") + "\r\n");
        assert_eq!(sent(&of(Content::News(Box::new(news())))), first);
        let mut later = news();
        later.first = Some(MessageId("msg_0".to_owned()));
        let later = sent(&of(Content::News(Box::new(later))));
        assert!(
            later.contains("\r\nIn-Reply-To: <msg_0@example.com>\r\nReferences: <msg_0@example.com>\r\n"),
            "{later}"
        );
        // The attempt to send the first one again refers to nothing.
        let mut again = news();
        again.first = Some(MessageId("msg_1".to_owned()));
        assert_eq!(sent(&of(Content::News(Box::new(again)))), first);
        let test = sent(&of(Content::Test("does it arrive?".to_owned())));
        assert!(
            test.contains("\r\nSubject: Test message of channel ace/on-call\r\n"),
            "{test}"
        );
        assert!(test.ends_with("\r\n\r\ndoes it arrive?\r\n"), "{test}");
    }

    #[test]
    fn no_text_begins_a_header() {
        let mut forged = news();
        let header = "x\r\nBcc: a@evil.example\r\n\r\nbody".to_owned();
        forged.group.clone_from(&header);
        forged.alerts[0].summary.clone_from(&header);
        let news = of(Content::News(Box::new(forged)));
        let test = Message {
            namespace: header.clone(),
            channel: header,
            ..of(Content::Test(String::new()))
        };
        for message in [news, test] {
            let mail = sent(&message);
            let (headers, _) = mail.split_once("\r\n\r\n").unwrap();
            let begins = headers.lines().filter(|line| !line.starts_with(' '));
            let names: Vec<&str> = begins.filter_map(|line| line.split(':').next()).collect();
            let own = [
                "From",
                "Date",
                "Message-ID",
                "Subject",
                "Auto-Submitted",
                "MIME-Version",
                "Content-Type",
                "To",
                "Content-Transfer-Encoding",
            ];
            assert_eq!(names, own, "{mail}");
            // lettre would hide the line feeds in what it encodes, and a reader show them.
            assert!(!headers.contains("=?"), "{mail}");
        }
    }

    #[test]
    fn what_is_no_address_gets_no_mail() {
        let message = of(Content::Test("text".to_owned()));
        for address in [
            "",
            "devops",
            "a@b\r\nBcc: x@evil.example",
            "a b@example.com",
            "\"a b\"@example.com",
            "ä@example.com",
        ] {
            let (mut from, mut to) = (email(), email());
            from.from = address.to_owned();
            to.to.push(address.to_owned());
            assert_eq!(
                (from.content(&message), to.content(&message)),
                (None, None),
                "{address:?}"
            );
        }
    }

    #[test]
    fn each_answer_has_its_outcome() {
        use MailCommand::{Content as Body, Greeting, Login, Recipient, Sender};

        let judged = |code, command, taken| {
            email().outcome(&Ok(MailReply {
                code,
                words: "4.3.2 so\r\n it is".to_owned(),
                command,
                taken,
            }))
        };
        let refused = |code, message: &str| Outcome::Refused {
            code: Some(code),
            message: message.to_owned(),
        };
        assert_eq!(judged(250, Body, 2), Outcome::Accepted { code: 250 });
        for (code, command) in [(421, Greeting), (454, Login), (451, Recipient), (452, Body)] {
            let message = format!("answers {code} 4.3.2 so it is");
            assert_eq!(
                judged(code, command, 0),
                Outcome::Retry {
                    after: None,
                    code: Some(code),
                    message
                }
            );
        }
        let login = "check user name and password in the Secret that `email.credentialsSecretRef` names";
        for (code, command, remedy) in [
            (
                554,
                Greeting,
                "correct the mail server, or name another one in `email.host`",
            ),
            (535, Login, login),
            (530, Sender, login),
            (553, Sender, "correct `email.from`, or let the mail server send for it"),
            (550, Recipient, "correct `email.to`, or let the mail server send there"),
        ] {
            let message = format!("answers {code} 4.3.2 so it is; {remedy}");
            assert_eq!(judged(code, command, 0), refused(code, &message));
        }
        assert_eq!(
            judged(550, Recipient, 1),
            refused(
                550,
                "answers 550 4.3.2 so it is for 1 of 2 recipients, and the others have the message; correct `email.to`"
            )
        );
        assert!(matches!(judged(354, Body, 2), Outcome::Unknown { .. }));
    }

    #[test]
    fn what_may_have_been_sent_is_unknown_and_nothing_else_is() {
        let judged = |error| email().outcome(&Err(error));
        for error in [
            MailError::Timeout { sent: Sent::Unknown },
            MailError::Transport { sent: Sent::Unknown },
        ] {
            assert!(matches!(judged(error), Outcome::Unknown { .. }), "{error:?}");
        }
        for error in [
            MailError::Connect,
            MailError::Tls,
            MailError::Timeout { sent: Sent::No },
            MailError::Transport { sent: Sent::No },
        ] {
            assert!(matches!(judged(error), Outcome::Retry { .. }), "{error:?}");
        }
        for error in [
            MailError::HostNotAllowed,
            MailError::NotEncrypted,
            MailError::Address,
            MailError::NoStartTls,
            MailError::NoLogin,
        ] {
            assert!(matches!(judged(error), Outcome::Refused { .. }), "{error:?}");
        }
    }
}
