use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    thread::sleep,
    time::Duration,
};

use tokio::net::TcpSocket;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::{CONNECTIONS, HEADER, accept, serve};
use crate::{
    health::{Health, router},
    metrics::{Metrics, ObjectState},
};

/// Only a failure waits for it.
const PATIENCE: Duration = Duration::from_mins(1);

fn served(metrics: Metrics) -> (SocketAddr, DropGuard) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let stop = CancellationToken::new();
    serve(listener, metrics, Health::default(), stop.clone()).unwrap();
    (address, stop.drop_guard())
}

fn connected(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

/// The answer to one request, without any runtime on this thread.
fn get(address: SocketAddr, path: &str) -> String {
    let mut stream = connected(address);
    write!(stream, "GET {path} HTTP/1.1\r\nhost: here\r\nconnection: close\r\n\r\n").unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    text
}

fn is_ok(answer: &str) -> bool {
    answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.ends_with("\r\n\r\nok\n")
}

#[test]
fn a_probe_is_answered_whatever_the_other_threads_do() {
    let (address, _served) = served(Metrics::new("1.2.3"));
    let answer = get(address, "/healthz");
    assert!(is_ok(&answer), "{answer}");
}

#[test]
fn many_idle_connections_neither_stop_probes_nor_stay() {
    let (address, _served) = served(Metrics::new("1.2.3"));
    let mut idle: Vec<TcpStream> = (0..CONNECTIONS * 6).map(|_| connected(address)).collect();
    for path in ["/healthz", "/readyz"] {
        let answer = get(address, path);
        assert!(is_ok(&answer), "{path}: {answer}");
    }
    let oldest = idle.drain(..CONNECTIONS * 5);
    for (number, mut stream) in oldest.enumerate() {
        // They went for the newer ones, long before they are closed for their silence.
        stream.set_read_timeout(Some(HEADER / 2)).unwrap();
        let end = stream.read(&mut [0]);
        assert!(matches!(end, Ok(0)), "connection {number} is closed: {end:?}");
    }
    // The newest one is served.
    let mut newest = idle.pop().unwrap();
    write!(
        newest,
        "GET /healthz HTTP/1.1\r\nhost: here\r\nconnection: close\r\n\r\n"
    )
    .unwrap();
    let mut answer = String::new();
    newest.read_to_string(&mut answer).unwrap();
    assert!(is_ok(&answer), "{answer}");
}

#[tokio::test(start_paused = true)]
async fn a_request_that_does_not_end_is_given_up() {
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::{TcpListener, TcpStream},
        time::{Instant, timeout},
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(accept(listener, router(Metrics::new("1.2.3"), Health::default())));
    for half in [
        "",
        "GET /healthz HTTP/1.1\r\nhost:",
        "GET /healthz HTTP/1.1\r\nhost: here\r\n\r\n",
    ] {
        let (mut stream, began) = (TcpStream::connect(address).await.unwrap(), Instant::now());
        stream.write_all(half.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        // Time is paused in this test.
        let end = timeout(HEADER * 3, stream.read_to_end(&mut answer)).await;
        assert!(matches!(end, Ok(Ok(_))), "after {half:?}: {end:?}");
        assert!(began.elapsed() >= HEADER, "after {half:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn probes_are_answered_while_metrics_are_flooded() {
    let metrics = Metrics::new("1.2.3");
    let state = ObjectState {
        drifted: true,
        fields: 1,
        ..ObjectState::of(&[], None)
    };
    for number in 0..20_000 {
        metrics.observe_object("Platform", "ace", &format!("{number:0>253}"), state);
    }
    assert!(metrics.text().unwrap().len() > 4 << 20, "more than what a socket holds");
    let (address, _served) = served(metrics);
    // Readers that read nothing: their answers stay on their way.
    let mut slow = Vec::new();
    let mut refused = None;
    for _ in 0..CONNECTIONS / 2 {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(1 << 10).unwrap();
        let stream = socket.connect(address).await.unwrap();
        let mut stream = stream.into_std().unwrap();
        stream.set_nonblocking(false).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        write!(stream, "GET /metrics HTTP/1.1\r\nhost: here\r\n\r\n").unwrap();
        let mut status = [0; 12];
        stream.read_exact(&mut status).unwrap();
        if status == *b"HTTP/1.1 503" {
            refused = Some(slow.len());
            break;
        }
        slow.push(stream);
    }
    assert_eq!(refused, Some(4), "answers on their way");
    let answer = get(address, "/healthz");
    assert!(is_ok(&answer), "{answer}");
    // Once a reader is gone there is room again.
    drop(slow);
    while !get(address, "/metrics").starts_with("HTTP/1.1 200 OK") {
        sleep(Duration::from_millis(10));
    }
}
