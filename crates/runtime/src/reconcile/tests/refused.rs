//! A status that the API server refuses.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use ace_api::ConditionType;
use ace_domain::reconcile::{key::Key, timing::Timing};
use serde_json::{Value, json};

use super::{Due, Fixture, fixture_with};
use crate::{queue::Class, testing::Answer};

/// An API server that refuses such statuses, as it does what breaks the rules of a definition.
async fn refusing_fixture(refusing: impl Fn(&Value) -> bool + Clone + Send + Sync + 'static, code: u16) -> Fixture {
    fixture_with(move |status| {
        let cause =
            |field: &str| json!({ "reason": "FieldValueTooLong", "field": field, "message": "Too long: canary" });
        let causes = [cause("status.url"), cause("status.history[0].revision")];
        let body = json!({
            "kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code, "reason": "Invalid",
            "message": "canary is invalid", "details": { "causes": causes },
        });
        refusing(status).then(|| Answer::json(&body).code(code))
    })
    .await
}

#[tokio::test]
async fn a_status_that_the_api_server_refuses_is_replaced_by_one_that_says_so() {
    let refusing = |written: &Value| written["url"] == "cut off 1 times";
    for code in [400, 413, 422] {
        let before = json!({ "url": "before", "conditions": [
            { "type": "Ready", "status": "True", "reason": "Live", "message": "a", "lastTransitionTime": "2026-01-01T00:00:00Z" },
            { "type": "Drifted", "status": "False", "reason": "NoDrift", "message": "b", "lastTransitionTime": "2026-01-01T00:00:00Z" },
        ] });
        let fixture = refusing_fixture(refusing, code).await;
        let longest = Due {
            wait: Some(Timing::default().backoff_most()),
            class: Class::Retry,
        };
        assert_eq!(fixture.pass("5", before).await, longest, "{code}");
        let written = fixture.written();
        let [status] = &written[..] else { panic!("{written:?}") };
        assert_eq!(status.url.as_deref(), Some("before"), "what was written before stays");
        let line = |type_: ConditionType| {
            let condition = type_.of(&status.common.conditions).unwrap();
            (condition.status.clone(), condition.reason.clone())
        };
        let refused = |status: &str| (status.to_owned(), "StatusRefused".to_owned());
        assert_eq!(line(ConditionType::Ready), refused("Unknown"));
        assert_eq!(line(ConditionType::Reconciling), refused("True"));
        assert_eq!(line(ConditionType::Drifted), refused("Unknown"));
        let ready = ConditionType::Ready.of(&status.common.conditions).unwrap();
        let expected = format!(
            "the API server refused the status of version {} of the operator (status.url, status.history[0].revision): ",
            env!("CARGO_PKG_VERSION")
        );
        assert!(ready.message.starts_with(&expected), "{}", ready.message);
        assert_eq!(
            (fixture.passes("StatusRefused"), fixture.passes("Failed")),
            ("1".to_owned(), "0".to_owned())
        );
    }
}

#[tokio::test]
async fn a_refused_status_is_told_once_and_tried_again_until_it_is_taken() {
    let refuses = Arc::new(AtomicBool::new(true));
    let still = refuses.clone();
    let refusing = move |written: &Value| still.load(Ordering::SeqCst) && written["url"] != Value::Null;
    let fixture = refusing_fixture(refusing, 422).await;
    fixture.pass("5", json!({})).await;
    let said = json!(fixture.written()[0]);
    let key = Key {
        namespace: "ace".to_owned(),
        name: "hello".to_owned(),
    };
    fixture.context.states.mark(&key);
    fixture.pass("9", said.clone()).await;
    assert_eq!(
        (fixture.written().len(), fixture.passes("StatusRefused")),
        (1, "2".to_owned())
    );
    refuses.store(false, Ordering::SeqCst);
    fixture.context.states.mark(&key);
    assert_eq!(fixture.pass("9", said).await, Due::ON_CHANGE);
    let written = fixture.written();
    assert_eq!(
        written[1].url.as_deref(),
        Some("cut off 3 times"),
        "and what was learned meanwhile is kept"
    );
}

#[tokio::test]
async fn another_objects_status_is_not_a_refused_one() {
    let fixture = fixture_with(|_| Some(Answer::refusal(409, "Conflict"))).await;
    assert_eq!(fixture.pass("5", json!({})).await, Due::ON_CHANGE);
    assert_eq!(
        (fixture.passes("Gone"), fixture.passes("StatusRefused")),
        ("1".to_owned(), "0".to_owned())
    );
}
