//! What was received, and which faults are on.

use std::collections::{BTreeMap, HashMap, VecDeque};

use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::slack::Rate;

/// Deliveries that are kept.
const KEPT: usize = 10_000;

#[derive(Default)]
pub(super) struct Records {
    deliveries: VecDeque<Delivery>,
    pub(super) faults: Vec<Fault>,
    rates: HashMap<String, Rate>,
}

/// One request, entered when its body has arrived.
#[derive(Clone, Serialize)]
pub(super) struct Delivery {
    /// RFC 3339.
    time: String,
    path: String,
    /// Null when it was not answered.
    status: Option<u16>,
    /// Whether it took effect.
    accepted: bool,
    /// Whether one with the same `webhook-id` or `message-id` took effect before.
    repeated: bool,
    headers: BTreeMap<String, String>,
    /// As JSON, else as text.
    body: Value,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Fault {
    /// Of the request; every one when left out.
    path: Option<String>,
    #[serde(rename = "fault")]
    kind: FaultKind,
    /// How many requests it hits; all of them when left out.
    times: Option<u64>,
}

#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) enum FaultKind {
    Answer(Answer),
    Hang {},
    DropAnswer {},
}

#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Answer {
    pub(super) status: u16,
    #[serde(default)]
    pub(super) words: String,
    /// `Retry-After`: seconds, a date, or what a test wants to be neither.
    pub(super) retry_after: Option<String>,
}

impl Records {
    /// How fast messages come to a path.
    pub(super) fn rate(&mut self, path: &str) -> &mut Rate {
        self.rates.entry(path.to_owned()).or_default()
    }

    pub(super) fn deliveries(&self, path: Option<&str>) -> Vec<Delivery> {
        let wanted = |delivery: &&Delivery| path.is_none_or(|path| path == delivery.path);
        self.deliveries.iter().filter(wanted).cloned().collect()
    }

    /// Takes back the faults of a path, or all.
    pub(super) fn clear_faults(&mut self, path: Option<&str>) {
        self.faults
            .retain(|fault| path.is_some() && fault.path.as_deref() != path);
    }

    /// The first fault that hits this request, counted.
    pub(super) fn take_fault(&mut self, path: &str) -> Option<FaultKind> {
        self.faults.retain(|fault| fault.times != Some(0));
        let hits = |fault: &&mut Fault| fault.path.as_deref().is_none_or(|wanted| wanted == path);
        let fault = self.faults.iter_mut().find(hits)?;
        fault.times = fault.times.map(|times| times - 1);
        Some(fault.kind.clone())
    }

    pub(super) fn enter(&mut self, path: &str, headers: &HeaderMap, body: &[u8], answer: &Answer, answered: bool) {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let headers = headers.iter();
        let headers = headers.map(|(name, value)| (name.to_string(), text(value.as_bytes())));
        let mut delivery = Delivery {
            time: jiff::Timestamp::now().to_string(),
            path: path.to_owned(),
            status: answered.then_some(answer.status),
            accepted: (200..300).contains(&answer.status),
            repeated: false,
            headers: headers.collect(),
            body: serde_json::from_slice(body).unwrap_or_else(|_| text(body).into()),
        };
        delivery.repeated = self.deliveries.iter().any(|earlier| earlier.is_repeated_by(&delivery));
        self.deliveries.push_back(delivery);
        if self.deliveries.len() > KEPT {
            self.deliveries.pop_front();
        }
    }
}

impl Delivery {
    fn is_repeated_by(&self, later: &Delivery) -> bool {
        let id = |delivery: &Delivery| {
            let mut names = ["webhook-id", "message-id"].into_iter();
            names.find_map(|name| delivery.headers.get(name).cloned())
        };
        self.accepted && self.path == later.path && id(self).is_some() && id(later) == id(self)
    }
}

impl Answer {
    pub(super) fn new(status: u16, words: &str) -> Answer {
        Answer {
            status,
            words: words.to_owned(),
            retry_after: None,
        }
    }
}

impl IntoResponse for Answer {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = (status, self.words).into_response();
        if let Some(Ok(wait)) = self.retry_after.map(HeaderValue::try_from) {
            response.headers_mut().insert(header::RETRY_AFTER, wait);
        }
        response
    }
}
