//! A pass that panics is one object's trouble.

use std::sync::atomic::Ordering;

use ace_api::ConditionType;
use serde_json::json;

use super::super::{caught, on_own_thread};
use super::{Due, answering, fixture, key, named, places_are_noted};

#[tokio::test]
async fn a_panic_anywhere_in_a_pass_puts_that_object_aside_and_the_others_are_served() {
    for place in [
        "references",
        "facts",
        "observe",
        "findings",
        "infer",
        "decide",
        "admit",
        "act",
        "update",
        "status",
        "events",
        "into_memory",
        "release",
    ] {
        let fixture = fixture(answering(200)).await;
        assert_eq!(
            fixture.pass_over(named(place, "5", &json!({ "url": place }))).await,
            Due::ON_CHANGE,
            "{place}"
        );
        let written = fixture.written();
        let conditions = &written.last().unwrap().common.conditions;
        let stalled = ConditionType::Stalled.of(conditions).unwrap();
        assert!(!ConditionType::Ready.is_true(conditions) && stalled.reason == "InternalError");
        let (before, rest) = stalled.message.split_once("/src/reconcile/tests.rs:").unwrap();
        let (line, rest) = rest.split_once(' ').unwrap();
        assert_eq!(before, "the operator hit an internal error at crates/runtime");
        assert!(line.parse::<u32>().is_ok(), "{line}");
        let todo = format!(
            "in version {}: report it; this object is not tried again until its spec or the annotation \
             `ops.mobulace.com/reconcile-at` change",
            env!("CARGO_PKG_VERSION")
        );
        assert_eq!(rest, todo);
        assert_eq!(fixture.passes("InternalError"), "1", "{place}");
        fixture.pass("5", json!({})).await;
        assert_eq!(fixture.passes("Settled"), "1", "after {place}");
    }
}

#[tokio::test]
async fn a_panic_on_a_thread_of_its_own_is_told_with_its_place() {
    places_are_noted();
    assert_eq!(caught(on_own_thread(|| 1)).await, Ok(1));
    let line = line!() + 1;
    let place = caught(on_own_thread(|| assert!(std::env::args().count() == 0)))
        .await
        .unwrap_err();
    assert_eq!(place, format!("{}:{line}", file!()));
}

#[tokio::test]
async fn what_was_put_aside_is_tried_again_when_it_or_the_request_for_a_reconcile_changes() {
    let fixture = fixture(answering(200)).await;
    let mut object = named("observe", "5", &json!({}));
    fixture.pass_over(object.clone()).await;
    for source in 1..=3 {
        // Whatever it depends on has changed.
        fixture.context.states.mark(&key("observe"));
        object["metadata"]["resourceVersion"] = json!((10 + source).to_string());
        fixture.pass_over(object.clone()).await;
    }
    assert_eq!(fixture.observed().len(), 1);
    object["metadata"]["generation"] = json!(2);
    fixture.pass_over(object.clone()).await;
    assert_eq!(fixture.observed().len(), 2);
    object["metadata"]["annotations"] = json!({ "ops.mobulace.com/reconcile-at": "now" });
    fixture.pass_over(object.clone()).await;
    assert_eq!(fixture.observed().len(), 3);
    let handled = fixture
        .written()
        .last()
        .unwrap()
        .common
        .last_handled_reconcile_at
        .clone();
    assert_eq!(handled.as_deref(), Some("now"));
    fixture.context.states.mark(&key("observe"));
    fixture.pass_over(object.clone()).await;
    assert_eq!(fixture.observed().len(), 3);
    // Also back to what was requested before.
    object["metadata"]["annotations"] = json!({});
    fixture.pass_over(object.clone()).await;
    assert_eq!(fixture.observed().len(), 4);
    object["metadata"]["annotations"] = json!({ "ops.mobulace.com/reconcile-at": "now" });
    fixture.pass_over(object).await;
    assert_eq!(fixture.observed().len(), 5);
}

#[tokio::test]
async fn a_panic_that_can_not_be_told_is_met_again_until_it_is() {
    let code = answering(500);
    let fixture = fixture(code.clone()).await;
    let object = named("observe", "5", &json!({}));
    assert_ne!(fixture.pass_over(object.clone()).await, Due::ON_CHANGE);
    code.store(200, Ordering::SeqCst);
    assert_eq!(fixture.pass_over(object.clone()).await, Due::ON_CHANGE);
    assert_eq!((fixture.observed().len(), fixture.written().len()), (2, 1));
}

#[tokio::test]
async fn what_a_pass_had_announced_stays_in_the_status_when_it_panics() {
    let fixture = fixture(answering(200)).await;
    fixture.pass_over(named("announced", "5", &json!({}))).await;
    let written = fixture.written();
    assert_eq!(written.len(), 2);
    assert_eq!(written[0].url.as_deref(), Some("cut off 0 times"));
    assert_eq!(written[1].url, written[0].url);
    assert!(ConditionType::Stalled.is_true(&written[1].common.conditions));
}
