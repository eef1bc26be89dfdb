//! Probes: what is sent through the gateway, and that nothing but the status comes back.

use std::sync::Arc;
use std::time::Duration;

use ace_egress::{AllowedHosts, Method, Token};
use ace_supabase::{Deadlines, Gateway, Http, Limits, Probe, ProbeAuth, ProbeError};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::server::{CANARY, Notes, Server, http, json, raw, slug};

fn probe(path: &str) -> Probe {
    Probe {
        slug: slug("hello"),
        method: Method::GET,
        path: path.into(),
        auth: ProbeAuth::None,
        timeout: Duration::from_secs(10),
    }
}

fn gateway(url: &str) -> Gateway {
    Gateway::new(&http(), url.parse().unwrap())
}

#[tokio::test]
async fn a_probe_is_one_request_below_the_function_and_its_status_is_the_answer() {
    for (path, line) in [
        ("/", "OPTIONS /functions/v1/hello"),
        ("/?a=1", "OPTIONS /functions/v1/hello?a=1"),
        ("/health", "OPTIONS /functions/v1/hello/health"),
        ("/a/../b/?x=../y#z", "OPTIONS /functions/v1/hello/b/?x=../y%23z"),
        ("/a b", "OPTIONS /functions/v1/hello/a%20b"),
        ("//evil.example/x", "OPTIONS /functions/v1/hello//evil.example/x"),
    ] {
        let server = Server::playing([json(204, "")]).await;
        let probe = Probe {
            method: Method::OPTIONS,
            ..probe(path)
        };
        assert_eq!(gateway(&server.url).probe(&probe).await, Ok(204), "{path}");
        let seen = server.only();
        assert_eq!(seen.line, line);
        assert_eq!(
            (seen.header("authorization"), seen.header("apikey"), seen.text()),
            (None, None, "")
        );
        assert_eq!(
            seen.header("user-agent"),
            Some(concat!("ace-operator/", env!("CARGO_PKG_VERSION")))
        );
    }
}

#[tokio::test]
async fn an_anonymous_probe_shows_the_key_as_supabase_js_does() {
    let server = Server::playing([json(200, "")]).await;
    let probe = Probe {
        auth: ProbeAuth::Anon(Token::new(CANARY).unwrap()),
        ..probe("/")
    };
    assert_eq!(gateway(&server.url).probe(&probe).await, Ok(200));
    let seen = server.only();
    assert_eq!(seen.header("authorization"), Some(format!("Bearer {CANARY}").as_str()));
    assert_eq!(seen.header("apikey"), Some(CANARY));
    assert!(!format!("{probe:?}").contains(CANARY));
}

#[tokio::test]
async fn a_path_that_leads_out_of_the_function_is_not_called() {
    let server = Server::playing([]).await;
    for path in [
        "",
        "health",
        "/..",
        "/../other",
        "/%2e%2e/other",
        "/a/../../hello2",
        "/.%2E/x",
        "\\..\\x",
        "/\\..\\..\\x",
    ] {
        assert_eq!(
            gateway(&server.url).probe(&probe(path)).await,
            Err(ProbeError::Path),
            "{path}"
        );
    }
    assert!(server.finish().is_empty());
}

#[tokio::test]
async fn every_status_is_an_answer_and_a_redirect_is_not_followed() {
    for status in [200, 302, 401, 404, 429, 500, 546] {
        let server = Server::playing([raw(status, &[("location", "/elsewhere")], "")]).await;
        let notes = Arc::new(Notes::default());
        let gateway = gateway(&server.url).observed_by(notes.clone());
        assert_eq!(gateway.probe(&probe("/")).await, Ok(status));
        assert_eq!(notes.take(), [("probe", "Ok")]);
        server.only();
    }
}

#[tokio::test]
async fn a_gateway_that_is_not_allowed_or_not_there_is_told_apart() {
    let server = Server::playing([]).await;
    let strict = Http::new(AllowedHosts::default(), Deadlines::default(), Limits::default()).unwrap();
    let forbidden = Gateway::new(&strict, server.url.parse().unwrap());
    assert_eq!(forbidden.probe(&probe("/")).await, Err(ProbeError::HostNotAllowed));
    assert!(server.finish().is_empty());

    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let hanging = Probe {
        timeout: Duration::from_millis(200),
        ..probe("/")
    };
    assert_eq!(gateway(&url).probe(&hanging).await, Err(ProbeError::Timeout));
    drop(listener);
    assert_eq!(gateway(&url).probe(&probe("/")).await, Err(ProbeError::Connect));
}

#[tokio::test]
async fn an_endless_answer_is_left_once_its_status_is_known() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let writer = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let _ = stream.read(&mut [0; 4096]).await.unwrap();
        stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.unwrap();
        // Ends only when the other side has closed.
        while stream.write_all(&[b'x'; 4096]).await.is_ok() {}
    });
    let endless = Probe {
        timeout: Duration::from_mins(10),
        ..probe("/")
    };
    assert_eq!(gateway(&url).probe(&endless).await, Ok(200));
    writer.await.unwrap();
}
