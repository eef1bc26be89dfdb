//! Proxies that count the operator's requests and cut it off at one of them.

use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{
    Router,
    body::{Body, to_bytes},
    extract::{Request, State},
    http::{HeaderMap, HeaderName, Method, Response, StatusCode, header},
};
use tokio::{net::TcpListener, time::sleep};

use crate::{
    Account,
    cuts::{Cuts, Forwarding},
    operator::free_address,
};

/// Larger than any request or answer of a test.
const LARGEST: usize = 64 << 20;
/// How often it is looked whether what is held back may go on.
const LOOK: Duration = Duration::from_millis(10);
/// What belongs to one connection and not to the next.
const OF_CONNECTION: [HeaderName; 5] = [
    header::CONNECTION,
    header::TRANSFER_ENCODING,
    header::CONTENT_LENGTH,
    header::HOST,
    header::UPGRADE,
];

/// A proxy in front of one server. It ends with the runtime that it was started in.
pub struct Proxy {
    /// Its origin, plain HTTP.
    pub url: String,
}

/// What becomes of each request that writes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum WriteFault {
    /// It is answered with this status.
    Status(u16),
    /// It is never answered.
    Hang,
    /// It takes effect, and its answer is lost.
    AnswerLost,
}

/// How a store fails, from when that is said on: none of what is written to paths that end with this.
#[derive(Clone, Default)]
pub struct WriteFaults(Arc<Mutex<Option<(&'static str, WriteFault)>>>);

impl WriteFaults {
    /// # Panics
    /// If a thread that knew them panicked.
    pub fn set(&self, path: &'static str, fault: WriteFault) {
        *self.0.lock().expect("nobody panics with it") = Some((path, fault));
    }

    fn of(&self, request: &Request) -> Option<WriteFault> {
        let faults = *self.0.lock().expect("nobody panics with it");
        let (path, fault) = faults?;
        let writes = [Method::PUT, Method::POST].contains(request.method());
        (writes && request.uri().path().ends_with(path)).then_some(fault)
    }
}

#[derive(Clone)]
struct Way {
    name: &'static str,
    /// The other end is told under which name it was called: signatures have it in them.
    keeps_host: bool,
    upstream: String,
    client: reqwest::Client,
    cuts: Cuts,
    faults: WriteFaults,
}

impl Proxy {
    /// Starts one in front of a server that speaks plain HTTP.
    pub async fn start(name: &'static str, upstream: &str, cuts: &Cuts) -> Self {
        Self::with(name, upstream, cuts, WriteFaults::default(), crate::http::http(), false).await
    }

    /// Starts one in front of a store, whose requests are signed.
    pub async fn of_store(upstream: &str, cuts: &Cuts) -> Self {
        Self::with(
            "store",
            upstream,
            cuts,
            WriteFaults::default(),
            crate::http::http(),
            true,
        )
        .await
    }

    /// Starts one in front of a store that will fail.
    pub async fn of_failing_store(upstream: &str, faults: &WriteFaults) -> Self {
        let cuts = Cuts::default();
        Self::with("store", upstream, &cuts, faults.clone(), crate::http::http(), true).await
    }

    /// Starts one in front of the API server of `kubeconfig`, and writes one that leads to it with the same token.
    ///
    /// # Panics
    /// If the kubeconfig is not one that the bed wrote.
    pub async fn of_kubernetes(kubeconfig: &Path, cuts: &Cuts) -> (Self, PathBuf) {
        let account = Account::read(kubeconfig);
        let certificate = reqwest::Certificate::from_pem(&account.authority).expect("the bed's certificate is one");
        let client = reqwest::Client::builder()
            .no_proxy()
            .tls_certs_only([certificate])
            .build();
        let proxy = Self::with(
            "kubernetes",
            &account.server,
            cuts,
            WriteFaults::default(),
            client.expect("the bed's certificate is sound"),
            false,
        )
        .await;
        let path = account.written_for(&proxy.url, "proxied.yaml");
        (proxy, path)
    }

    async fn with(
        name: &'static str,
        upstream: &str,
        cuts: &Cuts,
        faults: WriteFaults,
        client: reqwest::Client,
        keeps_host: bool,
    ) -> Self {
        let address = free_address();
        let listener = TcpListener::bind(address).await.expect("the port is free");
        let way = Way {
            name,
            keeps_host,
            upstream: upstream.to_owned(),
            client,
            cuts: cuts.clone(),
            faults,
        };
        let router = Router::new().fallback(forward).with_state(way);
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self {
            url: format!("http://{address}"),
        }
    }
}

/// No answer: to a process that is killed, ever; of another one the connection is closed, once one that is stopped may go on.
async fn never(cuts: &Cuts) -> Response<Body> {
    if cuts.stops() {
        is_disarmed(cuts).await;
    } else if cuts.kill() {
        return std::future::pending().await;
    }
    // Ends the task that serves the connection, and nothing else.
    std::panic::resume_unwind(Box::new("the connection is cut"))
}

async fn is_disarmed(cuts: &Cuts) {
    while cuts.has_cut() {
        sleep(LOOK).await;
    }
}

async fn forward(State(way): State<Way>, request: Request) -> Response<Body> {
    let path = request
        .uri()
        .path_and_query()
        .map(ToString::to_string)
        .unwrap_or_default();
    // It is answered for as long as it is open, so that there is nothing after it.
    let is_watch = path.contains("watch=true");
    let name = format!("{} {} {}", way.name, request.method(), request.uri().path());
    // A Lease is renewed whatever else happens.
    let forwarding = if is_watch || path.contains("/leases") {
        Forwarding::Pass
    } else {
        way.cuts.arrived(&name)
    };
    if matches!(forwarding, Forwarding::Drop) {
        return never(&way.cuts).await;
    }
    let fault = way.faults.of(&request);
    match fault {
        Some(WriteFault::Hang) => return std::future::pending().await,
        Some(WriteFault::Status(status)) => {
            // A sender that is not listened to takes the answer for a broken connection.
            let _ = to_bytes(request.into_body(), LARGEST).await;
            let mut response = Response::new(Body::empty());
            *response.status_mut() = StatusCode::from_u16(status).expect("a test names a status");
            return response;
        }
        Some(WriteFault::AnswerLost) | None => {}
    }
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, LARGEST)
        .await
        .expect("the operator sends whole requests");
    let upstream = way.client.request(parts.method, format!("{}{path}", way.upstream));
    let mut headers = passed_on(&parts.headers);
    if let Some(host) = parts.headers.get(header::HOST).filter(|_| way.keeps_host) {
        headers.insert(header::HOST, host.clone());
    }
    let answer = upstream.headers(headers).body(body).send().await;
    let answer = answer.expect("the other end answers");
    let (status, headers) = (answer.status(), passed_on(answer.headers()));
    let body = if is_watch {
        Body::from_stream(answer.bytes_stream())
    } else {
        Body::from(answer.bytes().await.expect("the other end answers wholly"))
    };
    if matches!(forwarding, Forwarding::PassAndCut) {
        way.cuts.fire(&name);
        if !way.cuts.stops() {
            return never(&way.cuts).await;
        }
        is_disarmed(&way.cuts).await;
    }
    if fault == Some(WriteFault::AnswerLost) {
        return never(&way.cuts).await;
    }
    let mut response = Response::new(body);
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    response
}

fn passed_on(headers: &HeaderMap) -> HeaderMap {
    let mut headers = headers.clone();
    for name in OF_CONNECTION {
        headers.remove(name);
    }
    headers
}
