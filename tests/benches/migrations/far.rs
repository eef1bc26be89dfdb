//! Small statements in a database that is far away: 20 ms there and back.

use std::{io, time::Duration};

use ace_tests::Database;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::mpsc,
    time::{Instant, sleep_until},
};

use crate::{
    sides::{Reported, Turn},
    table::{median, seconds, steps},
    usage,
};

/// Rows of the file, each a statement of its own.
pub const STATEMENTS: usize = 10_000;
/// How long each byte is on its way, in one direction.
const WAY: Duration = Duration::from_millis(10);
/// Bytes that are read at a time.
const CHUNK: usize = 64 << 10;

/// Where a database is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Distance {
    /// On this machine.
    Near,
    /// [`WAY`] away.
    Far,
}

/// The turns of each way.
#[derive(Default)]
pub struct Turns {
    /// `supabase db push`.
    pub cli: Vec<Turn>,
    /// The executor alone.
    pub executor: Vec<Turn>,
    pub operator: Vec<(Turn, Reported)>,
}

impl Distance {
    /// The database as it is reached there.
    pub async fn to(self, database: &Database) -> Database {
        let mut reached = database.clone();
        if self == Self::Far {
            reached.port = proxy(database.port).await.expect("a port is free");
        }
        reached
    }
}

/// A new one that is far away.
pub async fn database() -> Database {
    Distance::Far.to(&Database::create().await).await
}

/// Listens for clients of a server that is far away from them, as long as the program runs.
async fn proxy(server: u16) -> io::Result<u16> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let port = listener.local_addr()?.port();
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            tokio::spawn(async move {
                let server = TcpStream::connect(("127.0.0.1", server)).await?;
                client.set_nodelay(true)?;
                server.set_nodelay(true)?;
                let ((from_client, to_client), (from_server, to_server)) = (client.into_split(), server.into_split());
                tokio::spawn(carry(from_server, to_client));
                carry(from_client, to_server).await
            });
        }
    });
    Ok(port)
}

/// Passes everything on, each byte when its way is over.
async fn carry(
    mut from: impl AsyncReadExt + Unpin,
    mut to: impl AsyncWriteExt + Unpin + Send + 'static,
) -> io::Result<()> {
    let (sent, mut arriving) = mpsc::unbounded_channel::<(Instant, Vec<u8>)>();
    tokio::spawn(async move {
        while let Some((arrival, bytes)) = arriving.recv().await {
            sleep_until(arrival).await;
            to.write_all(&bytes).await?;
        }
        to.shutdown().await
    });
    let mut chunk = vec![0; CHUNK];
    loop {
        let length = from.read(&mut chunk).await?;
        let bytes = chunk.get(..length).unwrap_or_default().to_vec();
        if bytes.is_empty() || sent.send((Instant::now() + WAY, bytes)).is_err() {
            return Ok(());
        }
    }
}

/// The ways against each other.
pub fn compare(turns: &Turns) {
    println!(
        "{STATEMENTS} small statements at {} ms round trip, load {}",
        2 * WAY.as_millis(),
        usage::load()
    );
    let sides: [(_, Vec<_>, _); 3] = [
        ("CLI", turns.cli.iter().collect(), ""),
        ("executor", turns.executor.iter().collect(), "; aim <= 2"),
        ("operator", turns.operator.iter().map(|(turn, _)| turn).collect(), ""),
    ];
    for (side, ours, aim) in sides {
        let times: Vec<_> = ours.iter().map(|turn| format!("{:.2} s", seconds(turn))).collect();
        let ratios = ours
            .iter()
            .zip(&turns.cli)
            .map(|(ours, cli)| seconds(ours) / seconds(cli));
        let ratio = median(&mut ratios.collect::<Vec<_>>());
        println!("  {side:<9}{}; / CLI: × {ratio:.2}{aim}", times.join(", "));
    }
    for (_, reported) in &turns.operator {
        println!("  operator's steps: {}", steps(reported));
    }
}
