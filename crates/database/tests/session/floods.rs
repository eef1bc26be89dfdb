//! Servers that send without end, or one message without end: each kind of message, before there is a session and as an answer.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use ace_database::{Access, Connection, Limits, Password, QueryError, Tls};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

const MIB: u64 = 1 << 20;
/// What lies in the buffers of two sockets.
const BUFFERS: u64 = 16 * MIB;

/// Every message that a server may send, with a body as short as it may be, and what must become of an endless answer of it.
const MESSAGES: [(u8, &[u8], Option<&str>); 22] = [
    (b'R', b"\0\0\0\0", None),
    (b'K', b"\0\0\0\x01\0\0\0\x01", None),
    (b'S', b"name\0value\0", Some("Excess")),
    (b'N', b"SWARNING\0VWARNING\0C01000\0Mno\0\0", Some("Excess")),
    (b'A', b"\0\0\0\x01a\0b\0", Some("Excess")),
    (b'T', b"\0\0", Some("Excess")),
    (b'D', b"\0\x01\0\0\0\x01x", Some("Excess")),
    (b'C', b"SELECT 1\0", Some("Excess")),
    (b'I', b"", Some("Excess")),
    (b'E', b"SERROR\0VERROR\0C\0Mno\0\0", Some("Refused")),
    (b'Z', b"I", None),
    (b'1', b"", None),
    (b'2', b"", None),
    (b'3', b"", None),
    (b'n', b"", None),
    (b's', b"", None),
    (b't', b"\0\0", None),
    (b'G', b"\0\0\0", None),
    (b'H', b"\0\0\0", None),
    (b'd', b"x", None),
    (b'c', b"", None),
    (b'v', b"\0\x03\0\0\0\0\0\0", None),
];

#[derive(Clone)]
struct Fake {
    /// Sent instead of everything that follows the client's first message; else as the answer to whatever is not our check of
    /// the backend.
    in_handshake: bool,
    /// Sent once, and then `again` for ever.
    once: Vec<u8>,
    again: Vec<u8>,
    sent: Arc<AtomicU64>,
}

fn message(tag: u8, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len() + 4).unwrap().to_be_bytes();
    [&[tag][..], &length, body].concat()
}

fn row(text: &[u8]) -> Vec<u8> {
    let length = u32::try_from(text.len()).unwrap().to_be_bytes();
    message(b'D', &[b"\0\x01", &length[..], text].concat())
}

/// One column of text.
fn described() -> Vec<u8> {
    message(b'T', b"\0\x01a\0\0\0\0\0\0\0\0\0\0\x19\xff\xff\xff\xff\xff\xff\0\0")
}

fn answer(rows: &[Vec<u8>]) -> Vec<u8> {
    [
        described(),
        rows.concat(),
        message(b'C', b"SELECT 1\0"),
        message(b'Z', b"I"),
    ]
    .concat()
}

impl Fake {
    fn new(in_handshake: bool, once: Vec<u8>, again: Vec<u8>) -> Self {
        Self {
            in_handshake,
            once,
            again,
            sent: Arc::default(),
        }
    }

    async fn access(&self) -> Access {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let fake = self.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(fake.clone().serve(stream));
            }
        });
        Access {
            host: "127.0.0.1".to_owned(),
            port,
            name: "postgres".to_owned(),
            user: "postgres".to_owned(),
            password: Password::new("canary").unwrap(),
            tls: Tls::Disable,
            limits: Limits::default(),
            allow_insecure: true,
        }
    }

    /// Ends when the client has gone.
    async fn serve(self, mut stream: TcpStream) -> std::io::Result<()> {
        let length = stream.read_u32().await?;
        stream.read_exact(&mut vec![0; length as usize - 4]).await?;
        if self.in_handshake {
            return self.flood(&mut stream).await;
        }
        let ready = [message(b'R', b"\0\0\0\0"), message(b'Z', b"I")].concat();
        stream.write_all(&ready).await?;
        loop {
            stream.read_u8().await?;
            let length = stream.read_u32().await?;
            let mut text = vec![0; length as usize - 4];
            stream.read_exact(&mut text).await?;
            if String::from_utf8_lossy(&text).contains("pg_backend_pid()") {
                stream.write_all(&answer(&[row(b"42")])).await?;
            } else {
                self.flood(&mut stream).await?;
            }
        }
    }

    async fn flood(&self, stream: &mut TcpStream) -> std::io::Result<()> {
        stream.write_all(&self.once).await?;
        while !self.again.is_empty() {
            stream.write_all(&self.again).await?;
            self.sent.fetch_add(self.again.len() as u64, Ordering::Relaxed);
        }
        Ok(())
    }

    /// Opens a session, asks something, and closes it: why that failed.
    async fn fails(&self) -> String {
        let access = self.access().await;
        match Connection::open(&access).await {
            Err(error) => error.reason().to_owned(),
            Ok(connection) => connection.identify().await.unwrap_err().reason().to_owned(),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endless_answer_of_any_message_ends_within_its_budget() {
    for (tag, body, expected) in MESSAGES {
        let fake = Fake::new(false, described(), message(tag, body).repeat(1_000));
        let reason = fake.fails().await;
        assert!(
            expected.is_none_or(|expected| expected == reason),
            "{}: {reason}",
            tag as char
        );
        let sent = fake.sent.load(Ordering::Relaxed);
        assert!(sent <= 64 * MIB + BUFFERS, "{}: {sent}", tag as char);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endless_handshake_of_any_message_ends_within_its_budget() {
    for (tag, body, _) in MESSAGES {
        let fake = Fake::new(true, message(b'R', b"\0\0\0\0"), message(tag, body).repeat(1_000));
        let reason = fake.fails().await;
        if [b'S', b'N'].contains(&tag) {
            assert_eq!(reason, "Excess", "{}", tag as char);
        }
        let sent = fake.sent.load(Ordering::Relaxed);
        assert!(sent <= MIB + BUFFERS, "{}: {sent}", tag as char);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_huge_message_is_refused_by_its_length() {
    for (tag, ..) in MESSAGES {
        let huge = [&[tag][..], &(1_u32 << 30).to_be_bytes()].concat();
        for in_handshake in [true, false] {
            let fake = Fake::new(in_handshake, huge.clone(), vec![0; 1 << 16]);
            let reason = fake.fails().await;
            assert!(
                ["Excess", "Protocol"].contains(&reason.as_str()),
                "{}: {reason}",
                tag as char
            );
            assert!(in_handshake || reason == "Excess", "{}", tag as char);
            let sent = fake.sent.load(Ordering::Relaxed);
            assert!(sent <= BUFFERS, "{}: {sent}", tag as char);
        }
    }
}

#[tokio::test]
async fn a_row_of_many_nulls_counts_as_what_it_takes() {
    let nulls = [&b"\x7f\xff"[..], &vec![0xff; 4 * 0x7fff]].concat();
    let column = b"\0\0\0\0\0\0\0\0\0\0\x19\xff\xff\xff\xff\xff\xff\0\0";
    let columns = message(b'T', &[&b"\x7f\xff"[..], &column.repeat(0x7fff)].concat());
    let fake = Fake::new(false, columns, message(b'D', &nulls));
    assert_eq!(fake.fails().await, "Excess");
    let sent = fake.sent.load(Ordering::Relaxed);
    assert!(sent <= 8 * MIB + BUFFERS, "{sent}");
}

#[tokio::test]
async fn each_answer_has_a_budget_of_its_own() {
    // No server calls itself that: the answer is refused after it was read whole.
    let large = answer(&[row(&vec![b'x'; 10 << 20])]);
    let fake = Fake::new(false, large, Vec::new());
    let connection = Connection::open(&fake.access().await).await.unwrap();
    for _ in 0..10 {
        assert_eq!(connection.identify().await, Err(QueryError::Protocol));
    }
}

#[tokio::test]
async fn the_message_says_what_was_too_much() {
    let endless = Fake::new(false, described(), row(b"x").repeat(1_000));
    let connection = Connection::open(&endless.access().await).await.unwrap();
    let error = connection.identify().await.unwrap_err();
    assert_eq!(error.to_string(), "the server's answer takes more than 64 MiB");
    // The session has ended with it.
    assert!(connection.identify().await.is_err());
}
