//! A pooler in transaction mode, as far as a client can tell: each statement goes to the next of two real backends.

use ace_database::{Access, Connection, OpenError};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

use crate::server::Server;

const READY: u8 = b'Z';
const QUERY: u8 = b'Q';

/// A role that may come in without a password, so that the pooler can be simple.
async fn trusting() -> Server {
    let rules = "host all postgres 127.0.0.1/32 trust\nlocal all all trust\n";
    Server::start_with(&[("hba.conf", rules)], &["hba_file={hba.conf}"]).await
}

#[tokio::test]
async fn two_statements_that_two_backends_answer_are_no_session() {
    let server = trusting().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let backends = server.port;
    tokio::spawn(async move {
        let (client, _) = listener.accept().await.unwrap();
        pool(client, backends).await
    });
    let direct = Connection::open(&server.access()).await.map(|_| ());
    assert_eq!(direct, Ok(()));
    let access = Access {
        port,
        ..server.access()
    };
    let pooled = Connection::open(&access).await.map(|_| ());
    assert_eq!(pooled, Err(OpenError::Pooler));
}

#[tokio::test]
async fn a_pooler_that_refuses_start_up_options_is_named_as_one() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let server = trusting().await;
    let access = Access {
        port: listener.local_addr().unwrap().port(),
        ..server.access()
    };
    tokio::spawn(async move {
        let (mut client, _) = listener.accept().await.unwrap();
        read_start_up(&mut client).await.unwrap();
        // As PgBouncer words it.
        let fields = b"SFATAL\0C08P01\0Munsupported startup parameter: options\0\0";
        client.write_all(&message(b'E', fields)).await
    });
    let pooled = Connection::open(&access).await.map(|_| ());
    assert_eq!(pooled, Err(OpenError::Pooler));
}

#[tokio::test]
async fn the_port_of_the_transaction_pooler_is_not_even_called() {
    let server = trusting().await;
    let access = Access {
        port: 6543,
        ..server.access()
    };
    assert_eq!(Connection::open(&access).await.map(|_| ()), Err(OpenError::Pooler));
}

async fn pool(mut client: TcpStream, port: u16) -> std::io::Result<()> {
    let start_up = read_start_up(&mut client).await?;
    let mut backends = Vec::new();
    let mut welcome = Vec::new();
    for _ in 0..2 {
        let mut backend = TcpStream::connect(("127.0.0.1", port)).await?;
        backend.write_all(&start_up).await?;
        welcome = read_until_ready(&mut backend).await?;
        backends.push(backend);
    }
    client.write_all(&welcome).await?;
    for turn in 0.. {
        let (kind, body) = read_message(&mut client).await?;
        if kind != QUERY {
            break;
        }
        let backend = &mut backends[turn % 2];
        backend.write_all(&message(kind, &body)).await?;
        client.write_all(&read_until_ready(backend).await?).await?;
    }
    Ok(())
}

/// The first message has no kind, only a length that includes itself.
async fn read_start_up(client: &mut TcpStream) -> std::io::Result<Vec<u8>> {
    let length = client.read_u32().await?;
    let mut body = vec![0; length as usize - 4];
    client.read_exact(&mut body).await?;
    Ok([length.to_be_bytes().as_slice(), &body].concat())
}

async fn read_message(stream: &mut TcpStream) -> std::io::Result<(u8, Vec<u8>)> {
    let kind = stream.read_u8().await?;
    let length = stream.read_u32().await?;
    let mut body = vec![0; length as usize - 4];
    stream.read_exact(&mut body).await?;
    Ok((kind, body))
}

async fn read_until_ready(backend: &mut TcpStream) -> std::io::Result<Vec<u8>> {
    let mut all = Vec::new();
    loop {
        let (kind, body) = read_message(backend).await?;
        all.extend(message(kind, &body));
        if kind == READY {
            return Ok(all);
        }
    }
}

fn message(kind: u8, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len() + 4).unwrap().to_be_bytes();
    [&[kind], length.as_slice(), body].concat()
}
