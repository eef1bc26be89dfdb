//! Objects that another version has written.

use std::sync::{Arc, Mutex};

use ace_api::{CommonStatus, ConditionType};
use ace_domain::reconcile::timing::Timing;
use axum::http::Method;
use serde_json::{Value, json};

use super::{Due, Fixture, fixture_of, named};
use crate::{queue::Class, testing::Answer};

/// An API server that stores one object, and the writes that it took.
struct Stored {
    fixture: Fixture,
    object: Arc<Mutex<Value>>,
    writes: Arc<Mutex<Vec<Value>>>,
}

impl Stored {
    async fn new(object: Value) -> Self {
        let object = Arc::new(Mutex::new(object));
        let writes = Arc::<Mutex<Vec<Value>>>::default();
        let (stored, noted) = (object.clone(), writes.clone());
        let fixture = fixture_of(move |request| {
            let mut stored = stored.lock().unwrap();
            if request.method == Method::GET {
                return listed(&stored);
            }
            let written: Value = serde_json::from_slice(&request.body).unwrap();
            if written["metadata"]["resourceVersion"] != stored["metadata"]["resourceVersion"] {
                return Answer::refusal(409, "Conflict");
            }
            stored["status"] = written["status"].clone();
            noted.lock().unwrap().push(written);
            Answer::json(&stored)
        })
        .await;
        Self {
            fixture,
            object,
            writes,
        }
    }

    async fn pass(&self) -> Due {
        let cached = self.object.lock().unwrap().clone();
        self.fixture.pass_over(cached).await
    }

    fn status(&self) -> Value {
        self.object.lock().unwrap()["status"].clone()
    }
}

fn listed(object: &Value) -> Answer {
    Answer::json(&json!({
        "apiVersion": object["apiVersion"], "kind": "EdgeFunctionList", "metadata": {}, "items": [object],
    }))
}

fn newer() -> Value {
    let time = "2026-11-23T10:00:00Z";
    let conditions = json!([
        { "type": "Ready", "status": "True", "reason": "Deployed", "message": "live", "lastTransitionTime": time },
        { "type": "Drifted", "status": "False", "reason": "InSync", "message": "no drift", "lastTransitionTime": time },
    ]);
    let intent = json!({ "type": "Teleport", "sourceDigest": "sha256:1", "startTime": time });
    let status =
        json!({ "conditions": conditions, "intent": intent, "orbit": { "height": 7 }, "url": "https://one.test" });
    named("hello", "5", &status)
}

#[tokio::test]
async fn what_a_later_version_has_written_stays_and_the_field_is_named_once() {
    let stored = Stored::new(newer()).await;
    assert_eq!(stored.pass().await, Due::ON_CHANGE);
    let status = stored.status();
    for field in ["intent", "orbit", "url"] {
        assert_eq!(status[field], newer()["status"][field], "{field}");
    }
    let common: CommonStatus = serde_json::from_value(status.clone()).unwrap();
    let stalled = ConditionType::Stalled.of(&common.conditions).unwrap();
    assert_eq!(
        (stalled.status.as_str(), stalled.reason.as_str()),
        ("True", "ObjectUnreadable")
    );
    let place = "at status.intent.type: unknown variant `Teleport`";
    assert!(stalled.message.contains(place), "{}", stalled.message);
    assert_eq!(common.observed_generation, Some(1));
    assert!(!ConditionType::Ready.is_true(&common.conditions));
    let drifted = ConditionType::Drifted.of(&common.conditions).unwrap();
    assert_eq!(drifted.reason, "InSync", "what is known of drift stays as it was");

    assert_eq!(stored.pass().await, Due::ON_CHANGE);
    assert_eq!(stored.writes.lock().unwrap().len(), 1, "it is said once");
    assert_eq!(stored.fixture.passes("ObjectUnreadable"), "2");
    assert_eq!(stored.fixture.observed(), Vec::<usize>::new(), "nothing is done for it");
}

#[tokio::test]
async fn a_spec_of_a_later_definition_is_named_the_same_way() {
    let mut object = named("hello", "5", &json!({}));
    object["spec"]["mode"] = json!("Teleport");
    let stored = Stored::new(object).await;
    assert_eq!(stored.pass().await, Due::ON_CHANGE);
    let message = stored.status()["conditions"][1]["message"].to_string();
    assert!(
        message.contains("at spec.mode: unknown variant `Teleport`"),
        "{message}"
    );
}

#[tokio::test]
async fn an_object_that_can_be_read_meanwhile_is_left_to_its_event() {
    let stored = Stored::new(newer()).await;
    let cached = newer();
    *stored.object.lock().unwrap() = named("hello", "6", &json!({ "url": "https://one.test" }));
    assert_eq!(stored.fixture.pass_over(cached).await, Due::ON_CHANGE);
    assert_eq!(stored.writes.lock().unwrap().len(), 0);
}

#[tokio::test]
async fn a_status_that_can_not_be_written_is_tried_again() {
    let fixture = fixture_of(|request| match request.method {
        Method::GET => listed(&newer()),
        _ => Answer::status(500),
    })
    .await;
    let due = fixture.pass_over(newer()).await;
    let longest = Due {
        wait: Some(Timing::default().backoff_most()),
        class: Class::Retry,
    };
    assert_eq!(due, longest);
    assert_eq!(fixture.passes("Failed"), "1");
}
