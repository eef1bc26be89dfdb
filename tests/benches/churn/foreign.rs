//! Servers of hostile tenants, on loopback: a platform, and a PostgreSQL.

use std::{
    convert::Infallible,
    fmt::Write as _,
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use axum::{
    Router,
    body::Body,
    extract::State,
    http::{Method, Response, StatusCode, Uri, header},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

/// How a platform behaves.
#[derive(Clone, Copy)]
pub enum Manner {
    /// Lists nothing, and never answers to a deploy.
    Hangs,
    /// Lists so many functions with new slugs each time, and fails deploys.
    Lists(usize),
    /// Lists nothing, and refuses deploys.
    Refuses,
}

/// Starts a platform, gateway included; answers with its origin.
pub async fn platform(manner: Manner) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("there is a free port");
    let address = listener.local_addr().expect("it is bound");
    let router = Router::new().fallback(answer).with_state(manner);
    tokio::spawn(async move { axum::serve(listener, router).await });
    format!("http://{address}")
}

async fn answer(State(manner): State<Manner>, method: Method, uri: Uri) -> Result<Response<Body>, Infallible> {
    let path = uri.path();
    let (status, text) = match (method, manner) {
        (Method::GET, Manner::Lists(count)) if path.ends_with("/functions") => (StatusCode::OK, listed(count)),
        (Method::GET, _) if path.ends_with("/functions") || path.ends_with("/secrets") => (StatusCode::OK, "[]".into()),
        // No function but those of a list is there.
        (Method::GET, _) if path.contains("/functions/") => {
            (StatusCode::NOT_FOUND, "{\"message\":\"Function not found\"}".into())
        }
        (Method::GET, _) => {
            let reference = path.rsplit('/').next().unwrap_or_default();
            let text = format!("{{\"ref\":\"{reference}\",\"status\":\"ACTIVE_HEALTHY\"}}");
            (StatusCode::OK, text)
        }
        (_, Manner::Hangs) => {
            tokio::time::sleep(Duration::from_hours(1)).await;
            (StatusCode::OK, String::new())
        }
        (_, Manner::Lists(_)) => (StatusCode::INTERNAL_SERVER_ERROR, "{\"message\":\"no\"}".into()),
        (_, Manner::Refuses) => (StatusCode::BAD_REQUEST, "{\"message\":\"no\"}".into()),
    };
    let answer = Response::builder()
        .status(status)
        .header(header::CONTENT_TYPE, "application/json");
    Ok(answer.body(Body::from(text)).expect("the headers are well-formed"))
}

/// Functions that nobody has seen before.
fn listed(count: usize) -> String {
    static FIRST: AtomicUsize = AtomicUsize::new(0);
    let first = FIRST.fetch_add(count, Ordering::Relaxed);
    let mut text = "[".to_owned();
    for at in first..first + count {
        let comma = if at == first { "" } else { "," };
        let _ = write!(
            text,
            "{comma}{{\"id\":\"id-{at}\",\"slug\":\"s{at}\",\"name\":\"s{at}\",\"status\":\"ACTIVE\",\"version\":1,\
             \"created_at\":1700000000000,\"updated_at\":1700000000000,\"verify_jwt\":true,\
             \"entrypoint_path\":\"file:///tmp/user_fn_{at}/source/index.ts\"}}"
        );
    }
    text.push(']');
    text
}

/// Starts a PostgreSQL that answers whatever it is asked with rows without end; answers with its port.
pub async fn endless_rows() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("there is a free port");
    let port = listener.local_addr().expect("it is bound").port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            // Ends with an error when the other side goes.
            tokio::spawn(serve(stream));
        }
    });
    port
}

async fn serve(mut stream: TcpStream) -> std::io::Result<()> {
    let length = stream.read_u32().await?;
    let mut startup = vec![0; usize::try_from(length).unwrap_or_default().saturating_sub(4)];
    stream.read_exact(&mut startup).await?;
    // AuthenticationOk, ReadyForQuery.
    stream.write_all(b"R\0\0\0\x08\0\0\0\0Z\0\0\0\x05I").await?;
    stream.read_u8().await?;
    // One column of text, and its rows.
    stream
        .write_all(b"T\0\0\0\x1a\0\x01a\0\0\0\0\0\0\0\0\0\0\x19\xff\xff\xff\xff\xff\xff\0\0")
        .await?;
    let rows = b"D\0\0\0\x0b\0\x01\0\0\0\x01x".repeat(1_000);
    loop {
        stream.write_all(&rows).await?;
    }
}
