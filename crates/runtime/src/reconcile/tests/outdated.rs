//! A definition that is older than the operator.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use ace_api::ConditionType;
use ace_domain::reconcile::timing::Timing;
use serde_json::{Value, json};

use super::{Due, Fixture, fixture_with, key, named};
use crate::{queue::Class, testing::Answer};

/// An API server whose definition has no `status.url`, while it is outdated. It answers as a real one does.
async fn outdated_fixture(is_outdated: Arc<AtomicBool>) -> Fixture {
    fixture_with(move |status| {
        let message = "failed to create typed patch object (ace/hello; ops.mobulace.com/v1alpha1, Kind=EdgeFunction): \
                       .status.url: field not declared in schema";
        let body =
            json!({ "kind": "Status", "apiVersion": "v1", "status": "Failure", "code": 500, "message": message });
        let refuses = is_outdated.load(Ordering::SeqCst) && status["url"] != Value::Null;
        refuses.then(|| Answer::json(&body).code(500))
    })
    .await
}

#[tokio::test]
async fn what_would_be_recorded_in_a_field_that_is_missing_is_not_done_and_the_field_is_named() {
    let fixture = outdated_fixture(Arc::new(AtomicBool::new(true))).await;
    // It panics where it acts.
    let due = fixture.pass_over(named("announced", "5", &json!({}))).await;
    let longest = Due {
        wait: Some(Timing::default().backoff_most()),
        class: Class::Retry,
    };
    assert_eq!(due, longest);
    assert_eq!(
        ["DefinitionOutdated", "InternalError", "Failed"].map(|outcome| fixture.passes(outcome)),
        ["1", "0", "0"]
    );
    let written = fixture.written();
    let [said] = &written[..] else { panic!("{written:?}") };
    let stalled = ConditionType::Stalled.of(&said.common.conditions).unwrap();
    assert_eq!(
        (stalled.status.as_str(), stalled.reason.as_str()),
        ("True", "DefinitionOutdated")
    );
    assert!(stalled.message.contains(" has no status.url: "), "{}", stalled.message);
    assert!(!ConditionType::Ready.is_true(&said.common.conditions));
    let drifted = ConditionType::Drifted.of(&said.common.conditions).unwrap();
    assert_eq!(
        (drifted.status.as_str(), drifted.reason.as_str()),
        ("Unknown", "NotCompared")
    );
}

#[tokio::test]
async fn it_is_told_once_and_over_when_the_definition_has_the_field() {
    let is_outdated = Arc::new(AtomicBool::new(true));
    let fixture = outdated_fixture(is_outdated.clone()).await;
    fixture.pass("5", json!({})).await;
    let said = json!(fixture.written()[0]);
    for _ in 0..2 {
        fixture.context.states.mark(&key("hello"));
        fixture.pass("9", said.clone()).await;
    }
    assert_eq!(
        (fixture.written().len(), fixture.passes("DefinitionOutdated")),
        (1, "3".to_owned())
    );
    is_outdated.store(false, Ordering::SeqCst);
    fixture.context.states.mark(&key("hello"));
    assert_eq!(fixture.pass("9", said).await, Due::ON_CHANGE);
    assert_eq!(fixture.written()[1].url.as_deref(), Some("cut off 4 times"));
}
