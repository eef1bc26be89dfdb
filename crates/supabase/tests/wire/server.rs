//! A server that plays a script: one answer for each request, in order. It keeps what it was sent; what is not in the
//! script, and what stays unasked, fails the test.

use std::collections::VecDeque;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ace_egress::{AllowedHosts, Token};
use ace_supabase::{Budget, Client, Deadlines, Http, Limits, Observer, Slug};
use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::http::HeaderMap;
use axum::response::Response;
use tokio::task::JoinHandle;

use crate::openapi;

pub(crate) const PROJECT: &str = "abcdefghijklmnopqrst";
pub(crate) const CANARY: &str = "sbp_canary0123456789";

/// One answer of the script.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    status: u16,
    headers: Vec<(&'static str, &'static str)>,
    body: Bytes,
}

/// One request, as it came.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    /// Method, path and query, as in `GET /v1/projects?a=b`.
    pub(crate) line: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

pub(crate) struct Server {
    pub(crate) url: String,
    play: Arc<Mutex<Play>>,
    task: JoinHandle<()>,
}

struct Play {
    script: VecDeque<Answer>,
    seen: Vec<Seen>,
}

pub(crate) fn json(status: u16, body: &str) -> Answer {
    Answer {
        status,
        headers: vec![("content-type", "application/json")],
        body: Bytes::copy_from_slice(body.as_bytes()),
    }
}

pub(crate) fn raw(status: u16, headers: &[(&'static str, &'static str)], body: impl Into<Bytes>) -> Answer {
    Answer {
        status,
        headers: headers.to_vec(),
        body: body.into(),
    }
}

impl Server {
    pub(crate) async fn playing(script: impl IntoIterator<Item = Answer>) -> Self {
        let play = Arc::new(Mutex::new(Play {
            script: script.into_iter().collect(),
            seen: Vec::new(),
        }));
        let app = Router::new().fallback(answer).with_state(play.clone());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let task = tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        Self { url, play, task }
    }

    /// What was sent, all of it checked against the official document; fails if the script was not played to its end.
    pub(crate) fn finish(self) -> Vec<Seen> {
        self.task.abort();
        let mut play = self.play.lock().unwrap();
        assert_eq!(play.script.len(), 0, "answers that nobody asked for");
        let seen = std::mem::take(&mut play.seen);
        for request in seen.iter().filter(|request| request.line.contains(" /v1/")) {
            openapi::check(request);
        }
        seen
    }

    /// The only request.
    pub(crate) fn only(self) -> Seen {
        let mut seen = self.finish();
        assert_eq!(seen.len(), 1, "{seen:?}");
        seen.remove(0)
    }
}

async fn answer(State(play): State<Arc<Mutex<Play>>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, usize::MAX).await.unwrap();
    let mut play = play.lock().unwrap();
    play.seen.push(Seen {
        line: format!("{} {}", parts.method, parts.uri),
        headers: parts.headers,
        body,
    });
    // A surplus request shows in `seen`, where each test names what it expects.
    let answer = play
        .script
        .pop_front()
        .unwrap_or_else(|| json(418, r#"{"message":"not in the script"}"#));
    let mut response = Response::builder().status(answer.status);
    for (name, value) in answer.headers {
        response = response.header(name, value);
    }
    response.body(Body::from(answer.body)).unwrap()
}

impl Seen {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }
}

pub(crate) fn http() -> Http {
    http_with(Deadlines::default(), Limits::default())
}

pub(crate) fn http_with(deadlines: Deadlines, limits: Limits) -> Http {
    Http::new(AllowedHosts::parse(["127.0.0.1"]).unwrap(), deadlines, limits).unwrap()
}

/// Deadlines that are over as soon as nothing comes, for servers that never answer.
pub(crate) fn impatient() -> Deadlines {
    let soon = Duration::from_millis(200);
    Deadlines {
        connect: soon / 2,
        read: soon,
        body: soon,
        change: soon,
        deploy: soon,
    }
}

pub(crate) fn budget(requests_per_minute: u32) -> Arc<Mutex<Budget>> {
    Arc::new(Mutex::new(Budget::new(NonZeroU32::new(requests_per_minute).unwrap())))
}

pub(crate) fn client(url: &str) -> Client {
    client_with(&http(), url, budget(60))
}

pub(crate) fn client_with(http: &Http, url: &str, budget: Arc<Mutex<Budget>>) -> Client {
    Client::new(
        http,
        url.parse().unwrap(),
        Token::new(CANARY).unwrap(),
        PROJECT.parse().unwrap(),
        budget,
    )
}

pub(crate) fn slug(text: &str) -> Slug {
    text.parse().unwrap()
}

/// Notes what it is told, without the durations.
#[derive(Default)]
pub(crate) struct Notes(Mutex<Vec<(&'static str, &'static str)>>);

impl Notes {
    pub(crate) fn take(&self) -> Vec<(&'static str, &'static str)> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

impl Observer for Notes {
    fn request(&self, operation: &'static str, outcome: &'static str, _: Duration) {
        self.0.lock().unwrap().push((operation, outcome));
    }

    fn deferred(&self, operation: &'static str, _: ace_supabase::Priority) {
        self.0.lock().unwrap().push((operation, "deferred"));
    }
}
