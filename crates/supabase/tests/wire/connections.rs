//! Connections that break: before the request was read, after it, in the middle of the answer; and those that hang.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use ace_supabase::{CallError, Client, Deadlines, Limits, Lost, NotSent, Outcome, Priority};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use crate::changes::deploy;
use crate::reads::FUNCTION;
use crate::server::{Notes, Server, budget, client, client_with, http_with, impatient, json, slug};

/// What a server of bytes does with each connection.
#[derive(Debug, Clone)]
enum Behaviour {
    /// Closes it without reading.
    CloseBefore,
    /// Reads the request, and closes.
    CloseAfter,
    /// Reads the request, answers with these bytes, and closes.
    Say(String),
    /// Reads the request, answers with these bytes, and holds the connection.
    SayAndHold(String),
}

struct Bytes {
    url: String,
    connections: Arc<AtomicUsize>,
    task: JoinHandle<()>,
}

impl Bytes {
    async fn serving(behaviour: Behaviour) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let connections = Arc::new(AtomicUsize::new(0));
        let counted = connections.clone();
        let task = tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                counted.fetch_add(1, Ordering::SeqCst);
                tokio::spawn(behave(stream, behaviour.clone()));
            }
        });
        Self { url, connections, task }
    }

    fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

impl Drop for Bytes {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn behave(mut stream: TcpStream, behaviour: Behaviour) {
    match behaviour {
        Behaviour::CloseBefore => {}
        Behaviour::CloseAfter => read_request(&mut stream).await,
        Behaviour::Say(text) => {
            read_request(&mut stream).await;
            stream.write_all(text.as_bytes()).await.unwrap();
        }
        Behaviour::SayAndHold(text) => {
            read_request(&mut stream).await;
            stream.write_all(text.as_bytes()).await.unwrap();
            std::future::pending::<()>().await;
        }
    }
}

/// Reads to the end of the body that `content-length` declares.
async fn read_request(stream: &mut TcpStream) {
    let mut seen = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        let text = String::from_utf8_lossy(&seen).to_lowercase();
        if let Some((head, _)) = text.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
            let body: usize = length.map_or(0, |length| length.parse().unwrap());
            let head = seen.windows(4).position(|window| window == b"\r\n\r\n").unwrap();
            if seen.len() >= head + 4 + body {
                return;
            }
        }
        match stream.read(&mut buffer).await {
            Ok(0) | Err(_) => return,
            Ok(read) => seen.extend_from_slice(&buffer[..read]),
        }
    }
}

/// One read and one deploy.
async fn both(client: &Client) -> (Result<(), CallError>, Outcome<()>) {
    let read = client.get_function(Priority::Poll, &slug("hello")).await.map(drop);
    let change = client
        .deploy(Priority::Change, &slug("hello"), &deploy())
        .await
        .map(drop);
    (read, change)
}

#[tokio::test]
async fn a_connection_that_breaks_fails_a_read_and_leaves_a_change_unknown() {
    let head = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
        FUNCTION.len()
    );
    for behaviour in [
        Behaviour::CloseBefore,
        Behaviour::CloseAfter,
        Behaviour::Say("HTTP/1.1 200 OK\r\ncontent-le".into()),
        Behaviour::Say(head.clone()),
        Behaviour::Say(format!("{head}{}", &FUNCTION[..40])),
        Behaviour::Say("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\n{\"id\"\r\n".into()),
        Behaviour::Say("not HTTP at all\r\n\r\n".into()),
    ] {
        let server = Bytes::serving(behaviour.clone()).await;
        let (read, change) = both(&client(&server.url)).await;
        assert_eq!(read, Err(CallError::Transport), "{behaviour:?}");
        assert_eq!(change, Outcome::Unknown(Lost::Transport), "{behaviour:?}");
        assert_eq!(server.connections(), 2, "nothing is repeated: {behaviour:?}");
    }
}

#[tokio::test]
async fn a_refusal_counts_though_its_text_is_cut_off() {
    let answer = "HTTP/1.1 403 Forbidden\r\ncontent-length: 100\r\n\r\n{\"message\":\"Forbi";
    let server = Bytes::serving(Behaviour::Say(answer.into())).await;
    let (read, change) = both(&client(&server.url)).await;
    let refused = CallError::Refused {
        status: 403,
        message: "no message".into(),
    };
    assert_eq!((read, change), (Err(refused.clone()), Outcome::Failed(refused)));
}

#[tokio::test]
async fn a_404_that_is_cut_off_is_no_absent_function() {
    let answer = "HTTP/1.1 404 Not Found\r\ncontent-length: 100\r\n\r\n{\"message\":\"Function not found\"";
    let server = Bytes::serving(Behaviour::Say(answer.into())).await;
    let error = client(&server.url).get_function(Priority::Poll, &slug("hello")).await;
    assert_eq!(
        error,
        Err(CallError::Refused {
            status: 404,
            message: "no message".into()
        })
    );
}

#[tokio::test]
async fn what_hangs_ends_at_its_deadline() {
    for text in [
        "",
        "HTTP/1.1 200 OK\r\n",
        "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{",
    ] {
        let server = Bytes::serving(Behaviour::SayAndHold(text.into())).await;
        let client = client_with(&http_with(impatient(), Limits::default()), &server.url, budget(60));
        let (read, change) = both(&client).await;
        assert_eq!(read, Err(CallError::Timeout), "{text:?}");
        assert_eq!(change, Outcome::Unknown(Lost::Timeout), "{text:?}");
        let patch = client.patch_verify_jwt(Priority::Change, &slug("hello"), true).await;
        assert_eq!(patch, Outcome::Unknown(Lost::Timeout));
        let delete = client.delete_function(Priority::Change, &slug("hello")).await;
        assert_eq!(delete, Outcome::Unknown(Lost::Timeout));
        let body = client.function_body(Priority::Poll, &slug("hello")).await;
        assert_eq!(body, Err(CallError::Timeout));
    }
}

#[tokio::test]
async fn a_refused_connection_is_known_not_to_have_sent_anything() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let client = client(&url);
    let error = CallError::NotSent(NotSent::Connect);
    assert_eq!(client.list_functions(Priority::Poll).await, Err(error.clone()));
    let outcome = client.deploy(Priority::Change, &slug("hello"), &deploy()).await;
    assert_eq!(outcome, Outcome::Failed(error));
}

#[tokio::test]
async fn a_failed_tls_handshake_is_known_not_to_have_sent_anything() {
    // That TLS is there at all, with a provider that `Http::new` installed, shows here too: without one this would panic.
    let server = Bytes::serving(Behaviour::CloseAfter).await;
    let client = client(&server.url.replace("http://", "https://"));
    let outcome = client.delete_function(Priority::Change, &slug("hello")).await;
    assert_eq!(outcome, Outcome::Failed(CallError::NotSent(NotSent::Connect)));
}

#[tokio::test]
async fn a_handshake_that_hangs_ends_at_the_deadline_for_connecting_and_has_sent_nothing() {
    let server = Bytes::serving(Behaviour::SayAndHold(String::new())).await;
    // The whole call has far longer than the connection: which of the two ends it, shows in the outcome.
    let deadlines = Deadlines {
        connect: impatient().connect,
        ..Deadlines::default()
    };
    let http = http_with(deadlines, Limits::default());
    let client = client_with(&http, &server.url.replace("http://", "https://"), budget(60));
    let outcome = client.delete_function(Priority::Change, &slug("hello")).await;
    assert_eq!(outcome, Outcome::Failed(CallError::NotSent(NotSent::Connect)));
}

#[tokio::test]
async fn a_change_never_takes_a_connection_that_was_kept() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let connections = Arc::new(AtomicUsize::new(0));
    let counted = connections.clone();
    // Answers every request of a connection, so that it could be kept.
    let server = tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            counted.fetch_add(1, Ordering::SeqCst);
            tokio::spawn(async move {
                loop {
                    read_request(&mut stream).await;
                    let answer = format!(
                        "HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{FUNCTION}",
                        FUNCTION.len()
                    );
                    if stream.write_all(answer.as_bytes()).await.is_err() {
                        return;
                    }
                }
            });
        }
    });
    let client = client(&url);
    for (call, expected) in [(true, 1), (true, 1), (false, 2), (false, 3), (true, 3)] {
        let done = if call {
            client.get_function(Priority::Poll, &slug("hello")).await.is_ok()
        } else {
            client
                .patch_verify_jwt(Priority::Change, &slug("hello"), true)
                .await
                .reason()
                == "Ok"
        };
        assert!(done);
        assert_eq!(connections.load(Ordering::SeqCst), expected);
    }
    server.abort();
}

#[tokio::test]
async fn a_call_that_its_caller_drops_is_counted_as_abandoned() {
    let server = Server::playing([json(200, "[]")]).await;
    let hanging = Bytes::serving(Behaviour::SayAndHold(String::new())).await;
    let notes = Arc::new(Notes::default());
    let dropped = client(&hanging.url).observed_by(notes.clone());
    let answering = client(&server.url);
    tokio::select! {
        biased;
        // The other call is answered, so it ends first.
        _ = dropped.list_functions(Priority::Poll) => panic!("nobody answers"),
        answered = answering.list_functions(Priority::Poll) => assert_eq!(answered, Ok(Vec::new())),
    }
    assert_eq!(notes.take(), [("list_functions", "Abandoned")]);
    server.only();
}
