//! A proxy that carries bytes and knows nothing of them: TLS goes through it. It can lose what it carries without a word, as a
//! network does whose other side is gone.

use std::{
    io::{Error, ErrorKind, Result},
    net::SocketAddr,
    path::PathBuf,
    sync::{Arc, Mutex},
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, copy, copy_bidirectional, sink},
    net::{TcpListener, TcpStream},
    sync::watch,
};

use crate::Account;

/// Longest head of a request: `CONNECT`, and a few lines.
const HEAD: usize = 8 << 10;

/// A proxy on this machine. It ends with the runtime that it was started in.
pub struct Tunnels {
    address: SocketAddr,
    asked: Arc<Mutex<Vec<String>>>,
    losing: watch::Sender<()>,
}

impl Tunnels {
    /// A proxy that its clients ask to `CONNECT` them, and that reaches this machine only.
    ///
    /// # Panics
    /// If there is no port for it.
    pub async fn on_request() -> Self {
        Self::start(None).await
    }

    /// A proxy in front of one server.
    ///
    /// # Panics
    /// If there is no port for it.
    pub async fn to(server: SocketAddr) -> Self {
        Self::start(Some(server)).await
    }

    async fn start(server: Option<SocketAddr>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("there is a free port");
        let address = listener.local_addr().expect("a listener has an address");
        let asked: Arc<Mutex<Vec<String>>> = Arc::default();
        let losing = watch::Sender::new(());
        let (noted, lost) = (asked.clone(), losing.subscribe());
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let (noted, mut lost) = (noted.clone(), lost.clone());
                lost.mark_unchanged();
                tokio::spawn(async move {
                    let mut client = client;
                    let server = match server {
                        Some(server) => server,
                        None => connects(&mut client, &noted).await?,
                    };
                    let server = TcpStream::connect(server).await?;
                    carry(client, server, lost).await
                });
            }
        });
        Self { address, asked, losing }
    }

    /// Its origin.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Where clients asked to be connected to.
    ///
    /// # Panics
    /// Never: nobody panics while noting.
    pub fn asked(&self) -> Vec<String> {
        self.asked.lock().expect("nobody panics while noting").clone()
    }

    /// From now on nothing comes through on the connections that are open, in either direction, and nobody is told. Those that are
    /// made afterwards are carried.
    pub fn lose_what_is_open(&self) {
        self.losing.send_replace(());
    }

    /// Writes a kubeconfig that leads through this proxy, which stands in front of the API server.
    pub fn kubeconfig(&self, account: &Account) -> PathBuf {
        account.written_for(&format!("https://{}", self.address), "tunnelled.yaml")
    }
}

/// Reads where the client wants to be connected to, and answers.
async fn connects(client: &mut TcpStream, noted: &Mutex<Vec<String>>) -> Result<SocketAddr> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(client.read_u8().await?);
        if head.len() > HEAD {
            return Err(Error::from(ErrorKind::InvalidData));
        }
    }
    let head = String::from_utf8_lossy(&head);
    let mut words = head.split_whitespace();
    let (method, place) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    noted
        .lock()
        .expect("nobody panics while noting")
        .push(format!("{method} {place}"));
    let server = place
        .parse::<SocketAddr>()
        .ok()
        .filter(|server| server.ip().is_loopback());
    match server {
        Some(server) if method == "CONNECT" => {
            client.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await?;
            Ok(server)
        }
        _ => {
            client
                .write_all(b"HTTP/1.1 502 Bad Gateway\r\ncontent-length: 0\r\n\r\n")
                .await?;
            Err(Error::from(ErrorKind::AddrNotAvailable))
        }
    }
}

async fn carry(mut client: TcpStream, mut server: TcpStream, mut lost: watch::Receiver<()>) -> Result<()> {
    tokio::select! {
        carried = copy_bidirectional(&mut client, &mut server) => carried.map(|_| ()),
        // Both ends stay open.
        _ = lost.changed() => {
            let (mut nowhere, mut away) = (sink(), sink());
            tokio::try_join!(copy(&mut client, &mut nowhere), copy(&mut server, &mut away)).map(|_| ())
        }
    }
}
