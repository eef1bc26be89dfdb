//! Faults that tests turn on: which requests they hit, and what happens to those.

use std::collections::BTreeMap;

use axum::body::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// `route` of a fault that hits every route of the Management API.
const EVERY: &str = "*";

/// A fault as the admin listener takes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Fault {
    /// `POST /v1/projects/{ref}/functions/deploy` (the names in braces do not matter), `gateway`, or `*`.
    pub(super) route: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) project: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) slug: Option<String>,
    #[serde(rename = "fault")]
    pub(super) kind: Kind,
    /// How many requests it hits; all of them when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) times: Option<u64>,
}

/// What happens to a request that is hit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) enum Kind {
    /// Answered with this status, without effect.
    Status(u16),
    /// Answered 429, without effect.
    RateLimited(RateLimited),
    Hang(Hang),
    /// Takes effect; the connection is cut instead of an answer.
    DropAnswer {},
    /// Handled that much later.
    DelayMilliseconds(u64),
    /// Lists of functions and of secrets answer as they were when the fault was set.
    StaleList {},
    /// Takes effect; one field of what is described in the answer has another text.
    LongText(LongText),
    /// One service of the project is told as unhealthy.
    Unhealthy(Unhealthy),
}

/// A field of an object, or of each object in a list, and how many letters it has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct LongText {
    field: String,
    letters: usize,
}

impl LongText {
    /// This answer with the text in it; one that is no JSON, or has no such field, stays as it is.
    pub(super) fn put_into(&self, answer: &[u8]) -> Option<Vec<u8>> {
        let mut answer: Value = serde_json::from_slice(answer).ok()?;
        let described = match &mut answer {
            Value::Array(list) => list.as_mut_slice(),
            one => std::slice::from_mut(one),
        };
        for field in described.iter_mut().filter_map(|one| one.get_mut(&self.field)) {
            *field = "l".repeat(self.letters).into();
        }
        serde_json::to_vec(&answer).ok()
    }
}

/// A service, as the report on the project's health names it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Unhealthy {
    service: String,
}

impl Unhealthy {
    /// This report with the service unhealthy; any other answer stays as it is.
    pub(super) fn put_into(&self, answer: &[u8]) -> Option<Vec<u8>> {
        let mut answer: Value = serde_json::from_slice(answer).ok()?;
        let services = answer.as_array_mut()?.iter_mut();
        for service in services.filter(|service| service["name"] == self.service) {
            *service = json!({
                "name": self.service, "healthy": false, "status": "UNHEALTHY", "error": "an injected fault",
            });
        }
        serde_json::to_vec(&answer).ok()
    }
}

/// Headers of a 429.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct RateLimited {
    /// `X-RateLimit-Reset`.
    #[serde(default = "minute")]
    pub(super) reset_seconds: u64,
    /// `Retry-After`; left out when absent, as the platform promises none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) retry_after_seconds: Option<u64>,
}

fn minute() -> u64 {
    60
}

/// Whether a request that hangs has taken effect.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Hang {
    #[serde(default)]
    pub(super) after_effect: bool,
}

/// A fault that is on, with its number.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Set {
    pub(super) id: u64,
    #[serde(flatten)]
    pub(super) fault: Fault,
    /// Lists by project and route, for `staleList`.
    #[serde(skip)]
    pub(super) lists: Lists,
}

/// Answers of lists by (project, route).
pub(super) type Lists = BTreeMap<(String, String), Bytes>;

/// What to do with one request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Hit {
    Fault(Kind),
    Stale(Bytes),
}

/// The faults that are on, in the order in which they were set.
#[derive(Debug, Default)]
pub(super) struct Faults {
    last: u64,
    on: Vec<Set>,
}

impl Faults {
    pub(super) fn set(&mut self, fault: Fault, lists: Lists) -> u64 {
        self.last += 1;
        self.on.push(Set {
            id: self.last,
            fault,
            lists,
        });
        self.last
    }

    pub(super) fn all(&self) -> &[Set] {
        &self.on
    }

    pub(super) fn clear(&mut self) {
        self.on.clear();
    }

    /// Turns one off; whether it was on.
    pub(super) fn remove(&mut self, id: u64) -> bool {
        let before = self.on.len();
        self.on.retain(|set| set.id != id);
        self.on.len() < before
    }

    /// The first fault that hits this request, counted.
    pub(super) fn take(&mut self, route: &str, project: Option<&str>, slug: Option<&str>) -> Option<Hit> {
        let (index, hit) = self
            .on
            .iter()
            .enumerate()
            .find_map(|(index, set)| Some((index, set.hit(route, project, slug)?)))?;
        if let Some(times) = &mut self.on[index].fault.times {
            *times = times.saturating_sub(1);
            if *times == 0 {
                self.on.remove(index);
            }
        }
        Some(hit)
    }
}

impl Set {
    fn hit(&self, route: &str, project: Option<&str>, slug: Option<&str>) -> Option<Hit> {
        let wanted = |wanted: &Option<String>, is: Option<&str>| wanted.is_none() || wanted.as_deref() == is;
        let Fault {
            route: on,
            project: of,
            slug: named,
            kind,
            ..
        } = &self.fault;
        let here = same_route(on, route) && wanted(of, project) && wanted(named, slug);
        match kind {
            _ if !here => None,
            Kind::StaleList {} => {
                let list = self.lists.get(&(project?.to_owned(), route.to_owned()))?;
                Some(Hit::Stale(list.clone()))
            }
            other => Some(Hit::Fault(other.clone())),
        }
    }
}

/// Whether a fault's route is this one; the names of path parameters do not count.
pub(super) fn same_route(on: &str, route: &str) -> bool {
    (on == EVERY && route != super::GATEWAY_ROUTE) || plain(on) == plain(route)
}

fn plain(route: &str) -> String {
    let mut inside = false;
    let keep = |letter: &char| match letter {
        '{' => {
            inside = true;
            true
        }
        '}' => {
            inside = false;
            true
        }
        _ => !inside,
    };
    route.chars().filter(keep).collect()
}

#[cfg(test)]
mod tests {
    use super::{Fault, Faults, Hit, Kind, Lists};

    fn fault(text: &str) -> Fault {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn a_fault_hits_its_route_project_and_slug_as_often_as_it_says() {
        let mut faults = Faults::default();
        faults.set(
            fault(r#"{"route":"GET /a/{x}","project":"p","slug":"s","fault":{"status":503},"times":2}"#),
            Lists::new(),
        );
        let hit = Some(Hit::Fault(Kind::Status(503)));
        let mut take = |route, project, slug| faults.take(route, project, slug);
        assert_eq!(take("GET /b/{ref}", Some("p"), Some("s")), None);
        assert_eq!(take("GET /a/{ref}", Some("q"), Some("s")), None);
        assert_eq!(take("GET /a/{ref}", Some("p"), None), None);
        assert_eq!(take("GET /a/{ref}", Some("p"), Some("s")), hit);
        assert_eq!(take("GET /a/{ref}", Some("p"), Some("s")), hit);
        assert_eq!(take("GET /a/{ref}", Some("p"), Some("s")), None);
        assert!(faults.all().is_empty());
    }

    #[test]
    fn every_route_does_not_mean_the_gateway() {
        let mut faults = Faults::default();
        let id = faults.set(fault(r#"{"route":"*","fault":{"hang":{}}}"#), Lists::new());
        assert!(faults.take("GET /v1/projects", None, None).is_some());
        assert_eq!(faults.take("gateway", Some("p"), Some("s")), None);
        assert!(faults.remove(id) && !faults.remove(id));
    }

    #[test]
    fn a_fault_with_a_misspelt_field_is_not_taken() {
        for text in [
            r#"{"route":"*","fault":{"status":503},"time":1}"#,
            r#"{"route":"*","fault":{"rateLimited":{"reset":1}}}"#,
            r#"{"route":"*","fault":{"explode":{}}}"#,
        ] {
            assert!(serde_json::from_str::<Fault>(text).is_err(), "{text}");
        }
    }
}
