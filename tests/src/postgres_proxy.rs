//! A proxy in front of PostgreSQL that counts what its clients ask, and cuts there. Has no other file of this crate than
//! `cuts.rs`: the tests of `ace-database` include both.

use std::io::Result;

use tokio::{
    io::{AsyncBufRead, AsyncReadExt, AsyncWriteExt, BufReader, BufWriter},
    net::{TcpListener, TcpStream, tcp::OwnedWriteHalf},
};

use crate::cuts::{Cuts, Forwarding};

const QUERY: u8 = b'Q';
const PARSE: u8 = b'P';
const SYNC: u8 = b'S';
const READY: u8 = b'Z';
/// They have their effect, and their answer, with the Sync behind them.
const TOGETHER: [u8; 5] = [PARSE, b'B', b'D', b'E', b'C'];
/// What the executor's second session calls itself.
const WATCHDOG: &[u8] = b"ace-operator/watchdog";
/// So much of a statement is its name.
const NAME: usize = 60;

/// A proxy in front of one server, without TLS. A Query is a request, and so is all that ends with one Sync; a farewell is none.
/// It ends with the runtime that it was started in.
pub struct PostgresProxy {
    /// Where it listens on 127.0.0.1.
    pub port: u16,
}

impl PostgresProxy {
    /// Starts one in front of the server that listens there on 127.0.0.1. Requests are named `postgres` and their SQL; those of a
    /// watchdog, which come when something took long, `watchdog`.
    ///
    /// # Panics
    /// If there is no port for it.
    pub async fn start(port: u16, cuts: &Cuts) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("there is a free port");
        let own = listener.local_addr().expect("a listener has an address").port();
        let cuts = cuts.clone();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let cuts = cuts.clone();
                tokio::spawn(async move {
                    // Returning closes both ends, as the death of the client does.
                    let server = TcpStream::connect(("127.0.0.1", port)).await?;
                    carry(client, server, &cuts).await
                });
            }
        });
        Self { port: own }
    }
}

async fn carry(client: TcpStream, server: TcpStream, cuts: &Cuts) -> Result<()> {
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    let (mut from_client, mut from_server) = (BufReader::new(from_client), BufReader::new(from_server));
    let (mut to_client, mut to_server) = (BufWriter::new(to_client), BufWriter::new(to_server));
    // The first message has no kind.
    let start_up = payload(&mut from_client).await?;
    let is_watchdog = start_up.windows(WATCHDOG.len()).any(|words| words == WATCHDOG);
    let who = if is_watchdog { "watchdog" } else { "postgres" };
    to_server.write_all(&start_up).await?;
    to_server.flush().await?;
    let (mut held, mut name) = (Vec::new(), String::new());
    let mut due = 0_usize;
    loop {
        tokio::select! {
            kind = from_client.read_u8() => {
                let kind = kind?;
                let payload = payload(&mut from_client).await?;
                match kind {
                    QUERY => name = named(who, &payload[4..]),
                    // Its own name comes first.
                    PARSE => name = payload[4..].split(|byte| *byte == 0).nth(1).map(|sql| named(who, sql)).unwrap_or_default(),
                    _ => {}
                }
                held.push(kind);
                held.extend(payload);
                if TOGETHER.contains(&kind) {
                    continue;
                }
                let is_request = kind == QUERY || kind == SYNC;
                let forwarding = if is_request { cuts.arrived(&name) } else { Forwarding::Pass };
                if matches!(forwarding, Forwarding::Drop) {
                    return Ok(());
                }
                to_server.write_all(&held).await?;
                to_server.flush().await?;
                held.clear();
                if matches!(forwarding, Forwarding::PassAndCut) {
                    answered(&mut from_server, &mut to_client, due).await?;
                    cuts.fire(&name);
                    return Ok(());
                }
                due += usize::from(is_request);
            }
            kind = from_server.read_u8() => {
                let kind = kind?;
                due = due.saturating_sub(usize::from(kind == READY));
                to_client.write_u8(kind).await?;
                to_client.write_all(&payload(&mut from_server).await?).await?;
                if from_server.buffer().is_empty() {
                    to_client.flush().await?;
                }
            }
        }
    }
}

/// Passes the answers on that are due, and waits for the one that is not passed on.
async fn answered(
    from_server: &mut (impl AsyncBufRead + Unpin),
    to_client: &mut BufWriter<OwnedWriteHalf>,
    due: usize,
) -> Result<()> {
    let mut answers = 0;
    while answers <= due {
        let kind = from_server.read_u8().await?;
        let payload = payload(from_server).await?;
        if answers < due {
            to_client.write_u8(kind).await?;
            to_client.write_all(&payload).await?;
        }
        answers += usize::from(kind == READY);
    }
    to_client.flush().await
}

/// The rest of a message behind its kind, with its length.
async fn payload(stream: &mut (impl AsyncBufRead + Unpin)) -> Result<Vec<u8>> {
    let length = stream.read_u32().await?;
    let mut payload = length.to_be_bytes().to_vec();
    payload.resize(usize::try_from(length).expect("a message fits into memory").max(4), 0);
    stream.read_exact(&mut payload[4..]).await?;
    Ok(payload)
}

fn named(who: &str, sql: &[u8]) -> String {
    let sql = String::from_utf8_lossy(sql);
    let words: Vec<&str> = sql.trim_end_matches('\0').split_whitespace().collect();
    format!("{who} {}", words.join(" ").chars().take(NAME).collect::<String>())
}
