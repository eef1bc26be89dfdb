//! Mails: what is said to a server, what each answer, cut or silence becomes, and what never leaves unencrypted.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use ace_egress::{
    AllowedHosts, Encryption, Login, Mail, MailCommand, MailError, MailReply, MailServer, SecretString, Sent,
    SmtpClient,
};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

use crate::server::{LONG, SOON, Trap, ends, untrusted_config};

/// What a server answers to lines that begin so, the first that fits; 250 to others. To nothing it answers nothing at all, and
/// with [`CUT`] it is gone.
type Answers = &'static [(&'static str, &'static str)];

const CUT: &str = "cut";

/// Answers to a greeting, and to the end of a mail.
const GREETING: &str = "greeting";
const END: &str = ".";

const OFFERS: (&str, &str) = ("EHLO", "250-mail.lan\r\n250-STARTTLS\r\n250 AUTH PLAIN\r\n");

struct Postbox {
    port: u16,
    said: Arc<Mutex<Vec<String>>>,
}

impl Postbox {
    async fn answering(answers: Answers) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let said = Arc::new(Mutex::new(Vec::new()));
        let heard = said.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                // The client may break it off.
                let _ = talk(stream, answers, heard.clone()).await;
            }
        });
        Self { port, said }
    }

    fn said(&self) -> Vec<String> {
        self.said.lock().unwrap().clone()
    }
}

async fn talk(stream: TcpStream, answers: Answers, heard: Arc<Mutex<Vec<String>>>) -> std::io::Result<()> {
    let mut stream = BufReader::new(stream);
    let (mut line, mut is_content) = (GREETING.to_owned(), false);
    loop {
        let answer = answers.iter().find(|(begin, _)| line.starts_with(begin));
        match answer.map(|(_, answer)| *answer) {
            _ if is_content && line != END => {}
            Some(CUT) => return Ok(()),
            // Until the client leaves.
            Some("") => stream.read_line(&mut String::new()).await.map(drop)?,
            Some(answer) => stream.write_all(answer.as_bytes()).await?,
            None if line == GREETING => stream.write_all(b"220 mail.lan\r\n").await?,
            None if line == "DATA" => stream.write_all(b"354 go on\r\n").await?,
            None => stream.write_all(b"250 2.0.0 ok\r\n").await?,
        }
        if line == "STARTTLS" {
            let tls = TlsAcceptor::from(untrusted_config());
            return tls.accept(stream.into_inner()).await.map(drop);
        }
        is_content = (is_content || line == "DATA") && line != END;
        line.clear();
        if stream.read_line(&mut line).await? == 0 {
            return Ok(());
        }
        line.truncate(line.trim_end().len());
        heard.lock().unwrap().push(line.clone());
    }
}

fn client() -> SmtpClient {
    let hosts = AllowedHosts::parse(["smtp://127.0.0.1", "smtp://localhost", "smtp://smtp.lan"]).unwrap();
    SmtpClient::new(hosts, LONG).unwrap()
}

fn server(host: &str, port: u16, encryption: Encryption) -> MailServer {
    MailServer {
        host: host.to_owned(),
        port,
        encryption,
        login: None,
    }
}

fn login() -> Login {
    Login {
        user: "ace".to_owned(),
        password: SecretString::new("canary"),
    }
}

async fn send(server: &MailServer, to: &[&str], deadline: Duration) -> Result<MailReply, MailError> {
    let to: Vec<String> = to.iter().map(|one| (*one).to_owned()).collect();
    let mail = Mail {
        server,
        from: "ace@example.com",
        to: &to,
        content: b"Subject: hello\r\n\r\n.\r\nend\r\n",
        deadline,
    };
    ends(client().send(mail)).await
}

async fn plain(postbox: &Postbox, deadline: Duration) -> Result<MailReply, MailError> {
    send(
        &server("127.0.0.1", postbox.port, Encryption::None),
        &["a@example.com", "b@example.com"],
        deadline,
    )
    .await
}

fn reply(code: u16, words: &str, command: MailCommand, taken: usize) -> MailReply {
    MailReply {
        code,
        words: words.to_owned(),
        command,
        taken,
    }
}

#[tokio::test]
async fn a_mail_is_handed_over_line_by_line_and_no_line_of_it_ends_it() {
    let postbox = Postbox::answering(&[]).await;
    let taken = reply(250, "2.0.0 ok", MailCommand::Content, 2);
    assert_eq!(plain(&postbox, LONG).await, Ok(taken));
    assert_eq!(
        postbox.said()[..9],
        [
            "EHLO example.com",
            "MAIL FROM:<ace@example.com>",
            "RCPT TO:<a@example.com>",
            "RCPT TO:<b@example.com>",
            "DATA",
            "Subject: hello",
            "",
            "..",
            "end",
        ]
    );
}

#[tokio::test]
async fn a_refusal_is_told_with_what_it_answers() {
    use MailCommand::{Content, Greeting, Recipient, Sender};
    let table: [(Answers, MailReply); 7] = [
        (
            &[(GREETING, "421 4.3.2 busy\r\n")],
            reply(421, "4.3.2 busy", Greeting, 0),
        ),
        (
            &[(GREETING, "554-no\r\n554 service\r\n")],
            reply(554, "no service", Greeting, 0),
        ),
        (
            &[("MAIL", "530 5.7.0 log in first\r\n")],
            reply(530, "5.7.0 log in first", Sender, 0),
        ),
        // Who is refused for good keeps no other one from the mail; who is refused for now keeps all.
        (&[("RCPT TO:<a", "550 nobody\r\n")], reply(550, "nobody", Recipient, 1)),
        (&[("RCPT", "550 nobody\r\n")], reply(550, "nobody", Recipient, 0)),
        (&[("RCPT TO:<b", "451 later\r\n")], reply(451, "later", Recipient, 0)),
        (&[(END, "552 too large\r\n")], reply(552, "too large", Content, 0)),
    ];
    for (answers, expected) in table {
        let postbox = Postbox::answering(answers).await;
        let is_sent = expected.taken > 0 || expected.command == Content;
        assert_eq!(plain(&postbox, LONG).await, Ok(expected), "{answers:?}");
        assert_eq!(postbox.said().contains(&"DATA".to_owned()), is_sent, "{answers:?}");
    }
}

#[tokio::test]
async fn what_may_have_arrived_is_told_from_what_has_not() {
    let table: [(Answers, Duration, MailError); 7] = [
        (&[(GREETING, "")], SOON, MailError::Timeout { sent: Sent::No }),
        (&[("RCPT", "")], SOON, MailError::Timeout { sent: Sent::No }),
        (&[(END, "")], SOON, MailError::Timeout { sent: Sent::Unknown }),
        (&[("MAIL", CUT)], LONG, MailError::Transport { sent: Sent::No }),
        (&[(END, CUT)], LONG, MailError::Transport { sent: Sent::Unknown }),
        (
            &[(GREETING, "HTTP/1.1 400 Bad Request\r\n")],
            LONG,
            MailError::Transport { sent: Sent::No },
        ),
        // More than anybody has to say, in one line.
        (&[(GREETING, ENDLESS)], LONG, MailError::Transport { sent: Sent::No }),
    ];
    for (answers, deadline, error) in table {
        let postbox = Postbox::answering(answers).await;
        assert_eq!(plain(&postbox, deadline).await, Err(error), "{:?}", answers[0].0);
    }
    let gone = port(&Trap::set().await.place());
    let gone = send(&server("127.0.0.1", gone, Encryption::None), &["a@example.com"], LONG).await;
    assert_eq!(gone, Err(MailError::Connect));
}

fn port(place: &str) -> u16 {
    place.rsplit_once(':').unwrap().1.parse().unwrap()
}

const ENDLESS: &str = {
    static BYTES: [u8; 100_000] = [b'2'; 100_000];
    match std::str::from_utf8(&BYTES) {
        Ok(text) => text,
        Err(_) => panic!("digits are text"),
    }
};

#[tokio::test]
async fn a_server_whose_certificate_is_not_valid_hears_no_word_of_the_mail_or_the_login() {
    for (answers, encryption, expected) in [
        (
            &[OFFERS, ("STARTTLS", "220 go on\r\n")][..],
            Encryption::StartTls,
            Err(MailError::Tls),
        ),
        (&[], Encryption::StartTls, Err(MailError::NoStartTls)),
        (
            &[OFFERS, ("STARTTLS", "454 not now\r\n")],
            Encryption::StartTls,
            Ok(reply(454, "not now", MailCommand::Greeting, 0)),
        ),
        (&[], Encryption::Implicit, Err(MailError::Tls)),
    ] {
        let postbox = Postbox::answering(answers).await;
        let mut server = server("localhost", postbox.port, encryption);
        server.login = Some(login());
        assert_eq!(send(&server, &["a@example.com"], LONG).await, expected, "{answers:?}");
        for line in postbox.said() {
            assert!(
                line == "EHLO example.com" || line == "STARTTLS" || encryption == Encryption::Implicit,
                "{line}"
            );
            assert!(!line.contains("AUTH") && !line.contains("MAIL"), "{line}");
        }
    }
}

#[tokio::test]
async fn nobody_is_called_who_is_not_allowed_or_could_be_overheard() {
    let check = |host: &str, port, encryption, login| {
        client().check(&MailServer {
            login,
            ..server(host, port, encryption)
        })
    };
    let (tls, none) = (Encryption::StartTls, Encryption::None);
    assert_eq!(check("smtp.lan", 587, tls, Some(login())), Ok(()));
    assert_eq!(check("smtp.lan", 25, tls, None), Err(MailError::HostNotAllowed));
    assert_eq!(check("evil.lan", 587, tls, None), Err(MailError::HostNotAllowed));
    assert_eq!(check("smtp.lan", 587, none, None), Err(MailError::NotEncrypted));
    assert_eq!(
        check("127.0.0.1", 25, none, Some(login())),
        Err(MailError::NotEncrypted)
    );
    assert_eq!(check("127.0.0.1", 25, none, None), Ok(()));
    let trap = Trap::set().await;
    let other = SmtpClient::new(AllowedHosts::parse(["127.0.0.1", "localhost"]).unwrap(), LONG).unwrap();
    let server = server("127.0.0.1", port(&trap.place()), none);
    let to = ["a@example.com".to_owned()];
    let mail = Mail {
        server: &server,
        from: "ace@example.com",
        to: &to,
        content: b"",
        deadline: LONG,
    };
    assert_eq!(other.send(mail).await, Err(MailError::HostNotAllowed));
    trap.is_untouched().await;
}
