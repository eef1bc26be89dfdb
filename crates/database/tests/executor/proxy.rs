//! A proxy before PostgreSQL that counts what the client asks, and cuts the connection there.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
};

const QUERY: u8 = b'Q';
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
}

impl Proxy {
    pub async fn before(port: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let proxy = Self {
            port: listener.local_addr().unwrap().port(),
            state: Arc::new(State {
                left: AtomicUsize::new(0),
                after: AtomicUsize::new(0),
                seen: AtomicUsize::new(0),
            }),
        };
        let state = proxy.state.clone();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let state = state.clone();
                tokio::spawn(async move {
                    let server = TcpStream::connect(("127.0.0.1", port)).await?;
                    carry(client, server, &state).await
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

    /// How many requests came since it was armed.
    pub fn seen(&self) -> usize {
        self.state.seen.load(Ordering::SeqCst)
    }
}

async fn carry(client: TcpStream, server: TcpStream, state: &State) -> std::io::Result<()> {
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    // The first message has no kind.
    let length = from_client.read_u32().await?;
    let mut start_up = vec![0; length as usize - 4];
    from_client.read_exact(&mut start_up).await?;
    to_server.write_all(&length.to_be_bytes()).await?;
    to_server.write_all(&start_up).await?;
    let mut due = 0_usize;
    loop {
        tokio::select! {
            kind = from_client.read_u8() => {
                let (kind, message) = message(kind?, &mut from_client).await?;
                let request = kind == QUERY || kind == SYNC;
                if request && state.left.load(Ordering::SeqCst) > 0 {
                    state.seen.fetch_add(1, Ordering::SeqCst);
                    if state.left.fetch_sub(1, Ordering::SeqCst) == 1 {
                        if state.after.load(Ordering::SeqCst) == 1 {
                            to_server.write_all(&message).await?;
                            answered(&mut from_server, &mut to_client, due).await?;
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

/// Passes the answers on that are due, and waits for the one that is not passed on.
async fn answered(from_server: &mut OwnedReadHalf, to_client: &mut OwnedWriteHalf, due: usize) -> std::io::Result<()> {
    let mut answers = 0;
    while answers <= due {
        let kind = from_server.read_u8().await?;
        let (kind, message) = message(kind, from_server).await?;
        if answers < due {
            to_client.write_all(&message).await?;
        }
        answers += usize::from(kind == READY);
    }
    Ok(())
}

async fn message(kind: u8, stream: &mut OwnedReadHalf) -> std::io::Result<(u8, Vec<u8>)> {
    let length = stream.read_u32().await?;
    let mut message = vec![kind];
    message.extend(length.to_be_bytes());
    message.resize(length as usize + 1, 0);
    stream.read_exact(&mut message[5..]).await?;
    Ok((kind, message))
}
