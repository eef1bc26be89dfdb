//! Messages to secret addresses: what is sent, what comes back, and that the address shows nowhere.

use std::time::Duration;

use ace_egress::{HttpClient, Post, Reply, RequestError, SecretUrl, Sent};
use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderName, HeaderValue};

use crate::server::{Behaviour, LONG, SOON, Server, Trap, answer, client, client_of, closed, ends, untrusted};

const PATH: &str = "/services/T0canary/B0canary?sig=canary";

fn secret(url: &str) -> SecretUrl {
    SecretUrl::new(&format!("{url}{PATH}")).unwrap()
}

async fn post(client: &HttpClient, url: &str, deadline: Duration) -> Result<Reply, RequestError> {
    let url = secret(url);
    let json = HeaderValue::from_static("application/json");
    let post = Post {
        url: &url,
        headers: HeaderMap::from_iter([(CONTENT_TYPE, json)]),
        body: r#"{"text":"canary"}"#.into(),
        deadline,
    };
    ends(client.post(post)).await
}

fn reply(status: u16, body: &str) -> Reply {
    Reply {
        status,
        retry_after: None,
        body: Ok(body.to_owned()),
    }
}

#[tokio::test]
async fn a_signed_message_is_sent_as_it_is() {
    let server = Server::saying(&answer("202 Accepted", "queued")).await;
    let header = |name, value| (HeaderName::from_static(name), HeaderValue::from_static(value));
    let (url, body) = (secret(&server.url), r#"{"b": 1,  "a":2}"#);
    let post = Post {
        url: &url,
        headers: HeaderMap::from_iter([
            header("content-type", "application/vnd.example+json"),
            header("webhook-id", "msg_1"),
            header("webhook-signature", "v1,c2lnbmVk"),
        ]),
        body: Bytes::from_static(body.as_bytes()),
        deadline: LONG,
    };
    assert_eq!(client().post(post).await, Ok(reply(202, "queued")));
    let seen = server.only();
    let (head, sent) = seen.split_once("\r\n\r\n").unwrap();
    let lines: Vec<String> = head.lines().skip(1).map(str::to_lowercase).collect();
    assert!(head.starts_with(&format!("POST {PATH} HTTP/1.1\r\n")), "{head}");
    for line in [
        "content-type: application/vnd.example+json",
        "webhook-id: msg_1",
        "webhook-signature: v1,c2lnbmvk",
        "content-length: 16",
    ] {
        assert_eq!(lines.iter().filter(|found| *found == line).count(), 1, "{line}: {head}");
    }
    assert_eq!(sent, body);
}

#[tokio::test]
async fn a_message_of_json_says_that_it_is_one() {
    let server = Server::saying(&answer("200 OK", "ok")).await;
    assert_eq!(post(&client(), &server.url, LONG).await, Ok(reply(200, "ok")));
    let seen = server.only();
    assert!(seen.contains("content-type: application/json\r\n"), "{seen}");
    assert!(seen.ends_with("\r\n\r\n{\"text\":\"canary\"}"), "{seen}");
}

#[tokio::test]
async fn every_status_is_a_reply_with_the_time_that_the_receiver_asks_for() {
    for (head, status, retry_after) in [
        ("200 OK", 200, None),
        ("302 Found\r\nlocation: /elsewhere", 302, None),
        ("410 Gone", 410, None),
        ("429 Slow Down\r\nretry-after: 30", 429, Some(30)),
        ("503 No\r\nretry-after: 86400", 503, Some(3600)),
        ("503 No\r\nretry-after: Fri, 31 Dec 2100 00:00:00 GMT", 503, Some(3600)),
        ("503 No\r\nretry-after: Mon, 01 Jan 2001 00:00:00 GMT", 503, Some(0)),
    ] {
        let server = Server::saying(&answer(head, "words")).await;
        let expected = Reply {
            retry_after: retry_after.map(Duration::from_secs),
            ..reply(status, "words")
        };
        assert_eq!(post(&client(), &server.url, LONG).await, Ok(expected), "{head}");
        assert_eq!(server.seen().len(), 1, "{head}");
    }
}

#[tokio::test]
async fn a_message_to_a_host_that_is_not_allowed_connects_to_nobody_nor_does_a_redirect() {
    let trap = Trap::set().await;
    let forbidden = post(&client_of(&["localhost"]), &format!("http://{}", trap.place()), LONG).await;
    assert_eq!(forbidden, Err(RequestError::HostNotAllowed));
    let head = format!("307 Moved\r\nlocation: http://{}/", trap.place());
    let server = Server::saying(&answer(&head, "")).await;
    assert_eq!(post(&client(), &server.url, LONG).await, Ok(reply(307, "")));
    trap.is_untouched().await;
}

#[tokio::test]
async fn a_failure_says_whether_the_message_may_have_been_received() {
    let silent = Server::serving(Behaviour::SayAndHold(String::new())).await;
    let breaking = Server::saying("HTTP/1.1 200").await;
    for (url, deadline, error, sent) in [
        (closed().await, LONG, RequestError::Connect, Sent::No),
        (untrusted(), LONG, RequestError::Tls, Sent::No),
        ("http://192.0.2.1".into(), LONG, RequestError::HostNotAllowed, Sent::No),
        (silent.url.clone(), SOON, RequestError::Timeout, Sent::Unknown),
        (breaking.url.clone(), LONG, RequestError::Transport, Sent::Unknown),
    ] {
        assert_eq!(post(&client(), &url, deadline).await, Err(error));
        assert_eq!(error.sent(), sent, "{error}");
    }
    assert_eq!(
        (silent.seen().len(), breaking.seen().len()),
        (1, 1),
        "nothing is repeated"
    );
}

#[tokio::test]
async fn the_status_of_an_answer_counts_though_its_words_are_not_had() {
    let longest = "x".repeat(4096);
    let accepted = Server::saying(&answer("200 OK", &longest)).await;
    assert_eq!(post(&client(), &accepted.url, LONG).await, Ok(reply(200, &longest)));
    for (behaviour, error) in [
        (
            Behaviour::Say(answer("200 OK", &"x".repeat(4097))),
            RequestError::TooLarge { limit: 4096 },
        ),
        (
            Behaviour::SayWithoutEnd("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n".into()),
            RequestError::TooLarge { limit: 4096 },
        ),
        (
            Behaviour::Say("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf".into()),
            RequestError::Transport,
        ),
        (
            Behaviour::SayAndHold("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf".into()),
            RequestError::Timeout,
        ),
    ] {
        let deadline = if error == RequestError::Timeout { SOON } else { LONG };
        let server = Server::serving(behaviour.clone()).await;
        let expected = Reply {
            body: Err(error),
            ..reply(200, "")
        };
        assert_eq!(
            post(&client(), &server.url, deadline).await,
            Ok(expected),
            "{behaviour:?}"
        );
    }
}

#[tokio::test]
async fn the_address_shows_in_no_answer_and_in_no_failure() {
    let quoting = format!("Cannot POST {PATH}: no B0canary in T0canary");
    let mut texts = Vec::new();
    for status in [200, 404, 500] {
        let server = Server::saying(&answer(&format!("{status} Said"), &quoting)).await;
        let reply = post(&client(), &server.url, LONG).await.unwrap();
        assert_eq!(reply.body.as_deref(), Ok("Cannot POST [url]: no [url] in [url]"));
        texts.push(format!("{reply:?}"));
    }
    let silent = Server::serving(Behaviour::SayAndHold(String::new())).await;
    let breaking = Server::saying("HTTP/1.1 200").await;
    let odd = Server::saying("canary\r\n\r\n").await;
    for (url, deadline) in [
        (closed().await, LONG),
        (untrusted(), LONG),
        ("http://192.0.2.1".to_owned(), LONG),
        (silent.url.clone(), SOON),
        (breaking.url.clone(), LONG),
        (odd.url.clone(), LONG),
    ] {
        let error = post(&client(), &url, deadline).await.unwrap_err();
        assert!(std::error::Error::source(&error).is_none());
        texts.push(format!("{error} {error:?} {}", error.reason()));
        texts.push(format!("{:?}", secret(&url)));
    }
    for text in texts {
        assert!(!text.contains("canary") && !text.contains("127.0.0.1"), "{text}");
    }
}
