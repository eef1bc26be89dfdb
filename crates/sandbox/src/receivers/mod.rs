//! Receivers of notifications: Slack's incoming webhooks, endpoints that verify Standard Webhooks, PagerDuty's events, and what the
//! bed's mail server has taken.
//!
//! | request | answer |
//! |---|---|
//! | `POST /services/{team}/{webhook}/{token}` | as Slack's; every webhook of the team exists, and is a channel of its own |
//! | `POST /webhooks/{name}` | 204, or why not; every name exists |
//! | `POST /pagerduty/{name}/v2/enqueue` | as the Events API v2; every name exists, and every routing key |
//! | `POST /mail/{name}` | from the mail server (`mail.mjs`): 204, and a fault's status is its answer to the sender |
//! | `GET /deliveries`, `?path=…` | what was received, oldest first |
//! | `POST /faults` | `{"path"?, "fault", "times"?}` → 204; the first that was set wins where several hit one request |
//! | `DELETE /faults`, `?path=…` | 204 |
//!
//! A fault is `{"answer": {"status", "words"?, "retryAfter"?}}`, without effect, or, with the effect that the request has
//! otherwise, `{"hang": {}}` or `{"dropAnswer": {}}`. Deliveries and faults ask for no token: this listens on loopback.

mod pagerduty;
mod records;
mod slack;
mod webhook;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use axum::body::Bytes;
use axum::extract::{OriginalUri, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Deserialize;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::platform::serve::{self, Cut};

use records::{Answer, Delivery, Fault, FaultKind, Records};

/// What a sender has to know. Not printable.
#[derive(Clone)]
pub struct Secrets {
    /// The last part of Slack's URLs.
    pub slack_token: String,
    /// `whsec_` and base64 of the key under which webhooks are signed.
    pub signing: String,
}

impl Secrets {
    /// The URL of a webhook of Slack, `B` and at least eight upper-case letters and digits, at the receivers' own URL.
    pub fn slack_url(&self, receivers: &str, webhook: &str) -> String {
        format!("{receivers}/services/{}/{webhook}/{}", slack::TEAM, self.slack_token)
    }
}

#[derive(Clone)]
struct Hub {
    secrets: Secrets,
    stop: CancellationToken,
    records: Arc<Mutex<Records>>,
}

/// Serves until `stop`.
pub async fn serve(listener: TcpListener, secrets: Secrets, stop: CancellationToken) {
    let hub = Hub {
        secrets,
        stop: stop.clone(),
        records: Arc::default(),
    };
    let router = Router::new()
        .route("/services/{*path}", post(receive_slack))
        .route("/webhooks/{name}", post(receive_webhook))
        .route("/pagerduty/{name}/v2/enqueue", post(receive_event))
        .route("/mail/{name}", post(receive_mail))
        .route("/deliveries", get(deliveries))
        .route("/faults", post(set_fault).delete(clear_faults))
        .with_state(hub);
    serve::serve(listener, router, stop).await;
}

async fn receive_slack(State(hub): State<Hub>, uri: OriginalUri, headers: HeaderMap, body: Bytes) -> Response {
    let path = uri.path();
    let answer = match slack::check(path, &hub.secrets.slack_token, &headers, &body) {
        Ok(()) => hub.records().rate(path).take(Instant::now()),
        Err((status, word)) => Answer::new(status, word),
    };
    hub.receive(path, &headers, &body, answer).await
}

async fn receive_webhook(State(hub): State<Hub>, uri: OriginalUri, headers: HeaderMap, body: Bytes) -> Response {
    let now = jiff::Timestamp::now().as_second();
    let answer = match webhook::verify(&headers, &body, &hub.secrets.signing, now) {
        Ok(()) => Answer::new(204, ""),
        Err((status, words)) => Answer::new(status, words),
    };
    hub.receive(uri.path(), &headers, &body, answer).await
}

async fn receive_event(State(hub): State<Hub>, uri: OriginalUri, headers: HeaderMap, body: Bytes) -> Response {
    let answer = pagerduty::answer(&headers, &body);
    hub.receive(uri.path(), &headers, &body, answer).await
}

async fn receive_mail(State(hub): State<Hub>, uri: OriginalUri, headers: HeaderMap, body: Bytes) -> Response {
    hub.receive(uri.path(), &headers, &body, Answer::new(204, "")).await
}

#[derive(Deserialize)]
struct Filter {
    path: Option<String>,
}

async fn deliveries(State(hub): State<Hub>, Query(filter): Query<Filter>) -> Json<Vec<Delivery>> {
    Json(hub.records().deliveries(filter.path.as_deref()))
}

async fn set_fault(State(hub): State<Hub>, Json(fault): Json<Fault>) -> StatusCode {
    hub.records().faults.push(fault);
    StatusCode::NO_CONTENT
}

async fn clear_faults(State(hub): State<Hub>, Query(filter): Query<Filter>) -> StatusCode {
    hub.records().clear_faults(filter.path.as_deref());
    StatusCode::NO_CONTENT
}

impl Hub {
    /// A panic elsewhere leaves the records whole: each is changed by one method.
    fn records(&self) -> MutexGuard<'_, Records> {
        self.records.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Records a request and answers it, unless a fault has it otherwise.
    async fn receive(&self, path: &str, headers: &HeaderMap, body: &[u8], answer: Answer) -> Response {
        let fault = self.records().take_fault(path);
        let (answer, answered) = match &fault {
            Some(FaultKind::Answer(instead)) => (instead.clone(), true),
            other => (answer, other.is_none()),
        };
        self.records().enter(path, headers, body, &answer, answered);
        if answered {
            return answer.into_response();
        }
        if fault == Some(FaultKind::Hang {}) {
            // Ends when the client leaves, too: this future is dropped then.
            self.stop.cancelled().await;
        }
        let mut cut = Response::default();
        cut.extensions_mut().insert(Cut);
        cut
    }
}
