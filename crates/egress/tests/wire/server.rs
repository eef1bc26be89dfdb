//! Servers of bytes, without any HTTP library.

use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use ace_egress::{AllowedHosts, HttpClient};
use rustls::crypto::ring;
use rustls::{ServerConfig, ServerConnection};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// What a server does with each connection, once it has read a request.
#[derive(Debug, Clone)]
pub(crate) enum Behaviour {
    /// Answers with these bytes, and closes.
    Say(String),
    /// Answers with these bytes, and holds the connection.
    SayAndHold(String),
    /// Answers every request of a connection with these bytes.
    Serve(String),
    /// Answers with these bytes, and sends more until the other side has closed.
    SayWithoutEnd(String),
}

pub(crate) struct Server {
    pub(crate) url: String,
    seen: Arc<Mutex<Vec<(usize, String)>>>,
    task: JoinHandle<()>,
}

impl Server {
    pub(crate) async fn serving(behaviour: Behaviour) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let seen = Arc::new(Mutex::new(Vec::new()));
        let noted = seen.clone();
        let task = tokio::spawn(async move {
            for connection in 0.. {
                let (stream, _) = listener.accept().await.unwrap();
                let noted = noted.clone();
                let note = move |request| noted.lock().unwrap().push((connection, request));
                tokio::spawn(behave(stream, behaviour.clone(), note));
            }
        });
        Self { url, seen, task }
    }

    pub(crate) async fn saying(text: &str) -> Self {
        Self::serving(Behaviour::Say(text.to_owned())).await
    }

    /// The requests, each with the number of its connection.
    pub(crate) fn seen(&self) -> Vec<(usize, String)> {
        self.seen.lock().unwrap().clone()
    }

    /// Ends, with the text of the only request.
    pub(crate) fn only(self) -> String {
        let mut seen = self.seen();
        assert_eq!(seen.len(), 1, "{seen:?}");
        seen.remove(0).1
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn behave(mut stream: TcpStream, behaviour: Behaviour, note: impl Fn(String)) {
    while let Some(request) = read_request(&mut stream).await {
        note(request);
        match &behaviour {
            Behaviour::Say(text) => return stream.write_all(text.as_bytes()).await.unwrap(),
            Behaviour::SayAndHold(text) => {
                stream.write_all(text.as_bytes()).await.unwrap();
                std::future::pending::<()>().await;
            }
            Behaviour::Serve(text) => stream.write_all(text.as_bytes()).await.unwrap(),
            Behaviour::SayWithoutEnd(text) => {
                stream.write_all(text.as_bytes()).await.unwrap();
                while stream.write_all(b"4\r\nmore\r\n").await.is_ok() {}
                return;
            }
        }
    }
}

/// Reads to the end of the body that `content-length` declares; `None` if the other side closes before.
async fn read_request(stream: &mut TcpStream) -> Option<String> {
    let mut seen = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        let text = String::from_utf8_lossy(&seen).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let head = head.to_lowercase();
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
            if body.len() >= length.map_or(0, |length| length.parse().unwrap()) {
                return Some(text);
            }
        }
        match stream.read(&mut buffer).await {
            Ok(0) | Err(_) => return None,
            Ok(read) => seen.extend_from_slice(&buffer[..read]),
        }
    }
}

/// A place that nobody should connect to.
pub(crate) struct Trap(TcpListener);

impl Trap {
    pub(crate) async fn set() -> Self {
        Self(TcpListener::bind("127.0.0.1:0").await.unwrap())
    }

    pub(crate) fn place(&self) -> String {
        self.0.local_addr().unwrap().to_string()
    }

    /// Fails if anybody has connected. Connections are accepted in the order in which they were made, so the first must be
    /// one that is made here.
    pub(crate) async fn is_untouched(&self) {
        let own = TcpStream::connect(self.0.local_addr().unwrap()).await.unwrap();
        let (_, peer) = self.0.accept().await.unwrap();
        assert_eq!(peer, own.local_addr().unwrap(), "somebody connected");
    }
}

/// A URL that refuses connections.
pub(crate) async fn closed() -> String {
    format!("http://{}", Trap::set().await.place())
}

/// The URL of one TLS connection to a server whose certificate no authority has signed.
pub(crate) fn untrusted() -> String {
    let config = untrusted_config();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("https://localhost:{}", listener.local_addr().unwrap().port());
    thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut connection = ServerConnection::new(config).unwrap();
        // The client breaks it off.
        let _ = connection.complete_io(&mut stream);
    });
    url
}

/// A server's side of TLS, with a certificate for `localhost` that no authority has signed.
pub(crate) fn untrusted_config() -> Arc<ServerConfig> {
    let own = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let key = own.signing_key.serialize_der().try_into().unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![own.cert.der().clone()], key)
        .unwrap();
    Arc::new(config)
}

/// A client of this machine, whose every deadline only a failure reaches.
pub(crate) fn client() -> HttpClient {
    client_of(&["127.0.0.1", "localhost"])
}

pub(crate) fn client_of(allowed: &[&str]) -> HttpClient {
    HttpClient::new(AllowedHosts::parse(allowed).unwrap(), LONG).unwrap()
}

/// Only a failure takes as long.
pub(crate) const LONG: Duration = Duration::from_secs(30);

/// Over as soon as nothing comes.
pub(crate) const SOON: Duration = Duration::from_millis(200);

/// Fails instead of hanging for ever.
pub(crate) async fn ends<T>(call: impl Future<Output = T>) -> T {
    timeout(2 * LONG, call).await.expect("a call ends at its deadline")
}

/// An answer with a declared length.
pub(crate) fn answer(head: &str, body: &str) -> String {
    format!("HTTP/1.1 {head}\r\ncontent-length: {}\r\n\r\n{body}", body.len())
}
