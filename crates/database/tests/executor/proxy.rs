//! A proxy before PostgreSQL that counts what the client asks, and cuts the connection there; or one that stands far away.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    time::timeout,
};

const QUERY: u8 = b'Q';
const PARSE: u8 = b'P';
const SYNC: u8 = b'S';
const READY: u8 = b'Z';

/// Where a connection is cut.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Cut {
    /// The request does not arrive.
    Before,
    /// It arrives and is done; its answer does not.
    After,
}

/// A server's last words: an error of this SQLSTATE with which it ends the session.
fn fatal(state: &str) -> Vec<u8> {
    let fields: [(u8, &str); 5] = [
        (b'S', "FATAL"),
        (b'V', "FATAL"),
        (b'C', state),
        (b'M', "terminating connection due to administrator command"),
        (b'R', "ProcessInterrupts"),
    ];
    let mut body = Vec::new();
    for (field, text) in fields {
        body.push(field);
        body.extend(text.as_bytes());
        body.push(0);
    }
    body.push(0);
    let length = u32::try_from(body.len() + 4).unwrap();
    [vec![b'E'], length.to_be_bytes().to_vec(), body].concat()
}

/// Counts requests from when it is armed.
pub struct Proxy {
    pub port: u16,
    state: Arc<State>,
}

struct State {
    /// Requests until the cut; 0 is none.
    left: AtomicUsize,
    after: AtomicUsize,
    seen: AtomicUsize,
    /// What the server says instead of the answer, before it ends the session.
    last_words: Mutex<Option<Vec<u8>>>,
    round_trips: AtomicUsize,
    carried: AtomicUsize,
    /// What was asked, in SQL.
    heard: Mutex<Vec<String>>,
}

/// What a client sends within this time goes on one way of a proxy that is far away.
const WAY: Duration = Duration::from_millis(10);

impl Proxy {
    pub async fn before(port: u16) -> Self {
        Self::standing(port, false).await
    }

    /// Carries requests together that the client sends without an answer in between, then all of their answers.
    pub async fn far_before(port: u16) -> Self {
        Self::standing(port, true).await
    }

    async fn standing(port: u16, far: bool) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let proxy = Self {
            port: listener.local_addr().unwrap().port(),
            state: Arc::new(State {
                left: AtomicUsize::new(0),
                after: AtomicUsize::new(0),
                seen: AtomicUsize::new(0),
                last_words: Mutex::new(None),
                round_trips: AtomicUsize::new(0),
                carried: AtomicUsize::new(0),
                heard: Mutex::default(),
            }),
        };
        let state = proxy.state.clone();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let state = state.clone();
                tokio::spawn(async move {
                    let server = TcpStream::connect(("127.0.0.1", port)).await?;
                    if far {
                        carry_far(client, server, &state).await
                    } else {
                        carry(client, server, &state).await
                    }
                });
            }
        });
        proxy
    }

    /// Cuts at the request of this number, from 1.
    pub fn arm(&self, number: usize, cut: Cut) {
        self.state.after.store(usize::from(cut == Cut::After), Ordering::SeqCst);
        self.state.seen.store(0, Ordering::SeqCst);
        self.state.left.store(number, Ordering::SeqCst);
    }

    /// At the request of this number, from 1, the server ends the session with an error of this SQLSTATE.
    pub fn arm_fatal(&self, number: usize, state: &str) {
        *self.state.last_words.lock().unwrap() = Some(fatal(state));
        self.arm(number, Cut::Before);
    }

    /// How many requests came since it was armed.
    pub fn seen(&self) -> usize {
        self.state.seen.load(Ordering::SeqCst)
    }

    /// The SQL of all that was asked.
    pub fn heard(&self) -> Vec<String> {
        self.state.heard.lock().unwrap().clone()
    }

    /// How often a client has waited for answers.
    pub fn round_trips(&self) -> usize {
        self.state.round_trips.load(Ordering::SeqCst)
    }

    /// How many requests that were.
    pub fn carried(&self) -> usize {
        self.state.carried.load(Ordering::SeqCst)
    }
}

/// Passes the first message on, which has no kind.
pub async fn start_up(from_client: &mut OwnedReadHalf, to_server: &mut OwnedWriteHalf) -> std::io::Result<()> {
    let length = from_client.read_u32().await?;
    let mut start_up = vec![0; length as usize - 4];
    from_client.read_exact(&mut start_up).await?;
    to_server.write_all(&length.to_be_bytes()).await?;
    to_server.write_all(&start_up).await
}

async fn carry_far(client: TcpStream, server: TcpStream, state: &State) -> std::io::Result<()> {
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    start_up(&mut from_client, &mut to_server).await?;
    to_client.write_all(&answers(&mut from_server, 1).await?).await?;
    loop {
        from_client.peek(&mut [0]).await?;
        let (mut requests, mut due) = (Vec::new(), 0);
        while timeout(WAY, from_client.peek(&mut [0])).await.is_ok() {
            let kind = from_client.read_u8().await?;
            let (kind, message) = message(kind, &mut from_client).await?;
            due += usize::from(kind == QUERY || kind == SYNC);
            requests.extend(message);
        }
        state.round_trips.fetch_add(1, Ordering::SeqCst);
        state.carried.fetch_add(due, Ordering::SeqCst);
        to_server.write_all(&requests).await?;
        to_client.write_all(&answers(&mut from_server, due).await?).await?;
    }
}

async fn carry(client: TcpStream, server: TcpStream, state: &State) -> std::io::Result<()> {
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    start_up(&mut from_client, &mut to_server).await?;
    let mut due = 0_usize;
    loop {
        tokio::select! {
            kind = from_client.read_u8() => {
                let (kind, message) = message(kind?, &mut from_client).await?;
                let request = kind == QUERY || kind == SYNC;
                if let Some(text) = sql(kind, &message) {
                    state.heard.lock().unwrap().push(text);
                }
                if request && state.left.load(Ordering::SeqCst) > 0 {
                    state.seen.fetch_add(1, Ordering::SeqCst);
                    if state.left.fetch_sub(1, Ordering::SeqCst) == 1 {
                        let last_words = state.last_words.lock().unwrap().take();
                        if let Some(words) = last_words {
                            to_client.write_all(&answers(&mut from_server, due).await?).await?;
                            to_client.write_all(&words).await?;
                        } else if state.after.load(Ordering::SeqCst) == 1 {
                            to_server.write_all(&message).await?;
                            to_client.write_all(&answers(&mut from_server, due).await?).await?;
                            answers(&mut from_server, 1).await?;
                        }
                        return Ok(());
                    }
                }
                due += usize::from(request);
                to_server.write_all(&message).await?;
            }
            kind = from_server.read_u8() => {
                let (kind, message) = message(kind?, &mut from_server).await?;
                due = due.saturating_sub(usize::from(kind == READY));
                to_client.write_all(&message).await?;
            }
        }
    }
}

/// The SQL of a message that has some: of a Parse it is behind the statement's name.
fn sql(kind: u8, message: &[u8]) -> Option<String> {
    let mut texts = message.get(5..)?.split(|byte| *byte == 0);
    let text = match kind {
        QUERY => texts.next(),
        PARSE => texts.nth(1),
        _ => None,
    };
    text.map(|text| String::from_utf8_lossy(text).into_owned())
}

/// So many answers.
async fn answers(from_server: &mut OwnedReadHalf, mut due: usize) -> std::io::Result<Vec<u8>> {
    let mut answers = Vec::new();
    while due > 0 {
        let kind = from_server.read_u8().await?;
        let (kind, message) = message(kind, from_server).await?;
        due -= usize::from(kind == READY);
        answers.extend(message);
    }
    Ok(answers)
}

pub async fn message(kind: u8, stream: &mut OwnedReadHalf) -> std::io::Result<(u8, Vec<u8>)> {
    let length = stream.read_u32().await?;
    let mut message = vec![kind];
    message.extend(length.to_be_bytes());
    message.resize(length as usize + 1, 0);
    stream.read_exact(&mut message[5..]).await?;
    Ok((kind, message))
}
