//! What every request obeys, whoever makes it.

use std::time::Duration;

use ace_egress::{AllowedHosts, Connection, HttpClient, Method, RequestError, Sent};
use bytes::Bytes;

use crate::server::{Behaviour, LONG, SOON, Server, Trap, answer, client, client_of, closed, ends, untrusted};

const LIMIT: usize = 10;

/// One GET, and its whole answer.
async fn get(client: &HttpClient, url: &str) -> Result<(u16, Bytes), RequestError> {
    get_within(client, url, LONG).await
}

async fn get_within(client: &HttpClient, url: &str, deadline: Duration) -> Result<(u16, Bytes), RequestError> {
    let request = client.request(Method::GET, url.parse().unwrap(), Connection::Pooled)?;
    ends(async {
        let response = request.send(deadline).await?;
        Ok((response.status(), response.body(LIMIT).await?))
    })
    .await
}

#[tokio::test]
async fn a_host_that_is_not_allowed_is_never_connected_to() {
    let trap = Trap::set().await;
    let place = trap.place();
    let port = place.rsplit(':').next().unwrap();
    for (allowed, url) in [
        (&[][..], format!("http://{place}")),
        (&["localhost"], format!("http://{place}")),
        (&["127.0.0.1"], format!("http://localhost:{port}")),
        (&["127.0.0.1:1"], format!("http://{place}")),
        (&["https://127.0.0.1"], format!("http://{place}")),
        (&["127.0.0.1"], format!("http://user@{place}")),
        (&["127.0.0.1"], format!("http://:password@{place}")),
        (&["127.0.0.1"], format!("ftp://{place}")),
    ] {
        let result = get(&client_of(allowed), &url).await;
        assert_eq!(result, Err(RequestError::HostNotAllowed), "{allowed:?}: {url}");
    }
    trap.is_untouched().await;
}

#[tokio::test]
async fn a_redirect_is_an_answer_and_is_not_followed_not_even_to_an_allowed_host() {
    let (trap, free) = (Trap::set().await, client());
    for status in [301, 302, 303, 307, 308] {
        let head = format!("{status} Moved\r\nlocation: http://{}/", trap.place());
        let server = Server::saying(&answer(&head, "")).await;
        let strict = client_of(&[&server.url]);
        for client in [&strict, &free] {
            assert_eq!(get(client, &server.url).await, Ok((status, Bytes::new())));
        }
        assert_eq!(server.seen().len(), 2);
    }
    trap.is_untouched().await;
}

#[tokio::test]
async fn an_answer_that_is_larger_than_the_limit_is_cut_with_an_error() {
    let too_large = Err(RequestError::TooLarge { limit: LIMIT });
    let chunked = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
    let whole = |text: &'static str| Ok((200, Bytes::from(text)));
    for (behaviour, expected) in [
        (Behaviour::Say(answer("200 OK", "0123456789")), whole("0123456789")),
        (Behaviour::Say(answer("200 OK", "0123456789a")), too_large.clone()),
        (Behaviour::Say(answer("500 No", "0123456789a")), too_large.clone()),
        (
            Behaviour::Say(format!("{chunked}a\r\n0123456789\r\n0\r\n\r\n")),
            whole("0123456789"),
        ),
        (
            Behaviour::Say(format!("{chunked}a\r\n0123456789\r\n1\r\na\r\n0\r\n\r\n")),
            too_large.clone(),
        ),
        // What is declared need not come, to be refused.
        (
            Behaviour::SayAndHold("HTTP/1.1 200 OK\r\ncontent-length: 11\r\n\r\n".into()),
            too_large.clone(),
        ),
        (Behaviour::SayWithoutEnd(chunked.into()), too_large.clone()),
    ] {
        let server = Server::serving(behaviour.clone()).await;
        assert_eq!(get(&client(), &server.url).await, expected, "{behaviour:?}");
    }
}

#[tokio::test]
async fn where_no_connection_was_made_nothing_was_sent() {
    let tls = |url: &str| url.replace("http://", "https://");
    let mute = Trap::set().await;
    let impatient = HttpClient::new(AllowedHosts::parse(["127.0.0.1"]).unwrap(), SOON).unwrap();
    for (client, url, error) in [
        (client(), closed().await, RequestError::Connect),
        (client(), tls(&closed().await), RequestError::Connect),
        // Accepts, and never says anything: the deadline for connecting ends it, not that of the call.
        (impatient, format!("https://{}", mute.place()), RequestError::Connect),
        (client(), untrusted(), RequestError::Tls),
    ] {
        assert_eq!(get(&client, &url).await, Err(error), "{url}");
        assert_eq!(error.sent(), Sent::No);
    }
}

#[tokio::test]
async fn a_server_without_tls_is_told_from_one_that_is_not_there() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let text = b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n";
        tokio::io::AsyncWriteExt::write_all(&mut stream, text).await.unwrap();
        std::future::pending::<()>().await;
    });
    assert_eq!(get(&client(), &url).await, Err(RequestError::Tls));
}

#[tokio::test]
async fn what_hangs_ends_at_the_deadline_of_the_call_and_may_have_been_received() {
    for text in [
        "",
        "HTTP/1.1 200 OK\r\n",
        "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n{",
    ] {
        let server = Server::serving(Behaviour::SayAndHold(text.into())).await;
        let error = get_within(&client(), &server.url, SOON).await.unwrap_err();
        assert_eq!(
            (error, error.sent()),
            (RequestError::Timeout, Sent::Unknown),
            "{text:?}"
        );
    }
}

#[tokio::test]
async fn what_breaks_off_is_not_repeated_and_may_have_been_received() {
    for text in [
        "",
        "HTTP/1.1 200 OK\r\ncontent-le",
        "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n{",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhal",
        "not HTTP at all\r\n\r\n",
    ] {
        let server = Server::saying(text).await;
        let error = get(&client(), &server.url).await.unwrap_err();
        assert_eq!(
            (error, error.sent()),
            (RequestError::Transport, Sent::Unknown),
            "{text:?}"
        );
        assert_eq!(server.seen().len(), 1, "{text:?}");
    }
}

#[tokio::test]
async fn only_a_read_takes_a_connection_that_was_kept() {
    let server = Server::serving(Behaviour::Serve(answer("200 OK", "ok"))).await;
    let client = client();
    for connection in [
        Connection::Pooled,
        Connection::Pooled,
        Connection::Fresh,
        Connection::Fresh,
        Connection::Pooled,
    ] {
        let request = client
            .request(Method::GET, server.url.parse().unwrap(), connection)
            .unwrap();
        let response = request.send(LONG).await.unwrap();
        assert_eq!(response.body(LIMIT).await, Ok(Bytes::from("ok")));
    }
    let connections: Vec<usize> = server.seen().into_iter().map(|(connection, _)| connection).collect();
    assert_eq!(connections, [0, 0, 1, 2, 0]);
}

#[test]
fn each_failure_has_a_reason_of_its_own() {
    let errors = [
        RequestError::HostNotAllowed,
        RequestError::Invalid,
        RequestError::Connect,
        RequestError::Tls,
        RequestError::Timeout,
        RequestError::Transport,
        RequestError::TooLarge { limit: LIMIT },
    ];
    assert_eq!(
        errors.map(|error| error.reason()),
        [
            "HostNotAllowed",
            "Invalid",
            "Connect",
            "Tls",
            "Timeout",
            "Transport",
            "TooLarge"
        ]
    );
}
