//! Servers for tests: an API server and an artifact server that answer as a test says, and record their requests.

#![allow(
    clippy::unwrap_used,
    clippy::missing_panics_doc,
    clippy::must_use_candidate,
    clippy::return_self_not_must_use,
    reason = "a test may panic, and uses what it makes"
)]

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::http::{Method, StatusCode};
use axum::response::Response;
use bytes::Bytes;
use kube::{Client, Config};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::AbortHandle;

/// A request that a server received.
#[derive(Clone, Debug)]
pub struct Received {
    pub method: Method,
    pub path: String,
    pub query: String,
    pub body: Bytes,
}

pub struct Answer {
    status: u16,
    headers: BTreeMap<&'static str, String>,
    body: Body,
}

/// A server on a free port, which is stopped when dropped.
pub struct Server {
    address: SocketAddr,
    requests: Arc<Mutex<Vec<String>>>,
    bodies: Arc<Mutex<Vec<Bytes>>>,
    task: AbortHandle,
}

impl Answer {
    pub fn json(body: &Value) -> Self {
        Self::bytes(body.to_string()).header("content-type", "application/json")
    }

    /// A failure in the form of the API server.
    pub fn status(code: u16) -> Self {
        Self::refusal(code, "TestFailure")
    }

    /// A failure with a reason of the API server, by which clients distinguish failures.
    pub fn refusal(code: u16, reason: &str) -> Self {
        let body = json!({ "kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code, "message": "failed as the test says", "reason": reason });
        Self::json(&body).code(code)
    }

    pub fn bytes(body: impl Into<Body>) -> Self {
        Self {
            status: 200,
            headers: BTreeMap::new(),
            body: body.into(),
        }
    }

    pub fn code(self, status: u16) -> Self {
        Self { status, ..self }
    }

    pub fn header(mut self, name: &'static str, value: &str) -> Self {
        self.headers.insert(name, value.to_owned());
        self
    }
}

/// A server that answers every request as `answer` says.
pub async fn server<F>(answer: F) -> Server
where
    F: Fn(Received) -> Answer + Clone + Send + Sync + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let requests: Arc<Mutex<Vec<String>>> = Arc::default();
    let bodies: Arc<Mutex<Vec<Bytes>>> = Arc::default();
    let (recorded, kept) = (requests.clone(), bodies.clone());
    let app = Router::new().fallback(move |request: Request| {
        let (answer, recorded, kept) = (answer.clone(), recorded.clone(), kept.clone());
        async move {
            let (head, body) = request.into_parts();
            let request = Received {
                method: head.method,
                path: head.uri.path().to_owned(),
                query: head.uri.query().unwrap_or_default().to_owned(),
                body: to_bytes(body, 1 << 20).await.unwrap(),
            };
            recorded
                .lock()
                .unwrap()
                .push(format!("{} {}", request.method, request.path));
            kept.lock().unwrap().push(request.body.clone());
            let answer = answer(request);
            let mut response = Response::builder().status(StatusCode::from_u16(answer.status).unwrap());
            for (name, value) in &answer.headers {
                response = response.header(*name, value);
            }
            response.body(answer.body).unwrap()
        }
    });
    let task = tokio::spawn(async move { axum::serve(listener, app).await }).abort_handle();
    Server {
        address,
        requests,
        bodies,
        task,
    }
}

/// Like [`server`]; the name shows what a test simulates.
pub async fn api_server<F>(answer: F) -> Server
where
    F: Fn(Received) -> Answer + Clone + Send + Sync + 'static,
{
    server(answer).await
}

impl Server {
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// A client of it without retries.
    pub fn client(&self) -> Client {
        let mut config = Config::new(self.url().parse().unwrap());
        config.default_retry = false;
        Client::try_from(config).unwrap()
    }

    /// Method and path of all requests so far.
    pub fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }

    /// What the requests so far had in their bodies, as JSON.
    pub fn bodies(&self) -> Vec<Value> {
        let bodies = self.bodies.lock().unwrap();
        bodies
            .iter()
            .filter(|body| !body.is_empty())
            .map(|body| serde_json::from_slice(body).unwrap())
            .collect()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}
