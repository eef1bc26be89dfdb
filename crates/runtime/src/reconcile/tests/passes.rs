//! What the carrying out of a pass adds to its decisions: deadlines, what is kept when a write fails, echoes.

use std::sync::{Arc, atomic::Ordering};

use ace_api::EdgeFunction;
use ace_domain::reconcile::dependency::Dependency;
use axum::http::Method;
use kube::{core::DeserializeGuard, runtime::watcher};
use serde_json::{Value, json};

use super::{Fixture, Hanging, Observing, answering, fixture, fixture_of, fixture_with, key, list, named, object};
use crate::{
    controllers::{Controllers, follow},
    index::ObjectId,
    reconcile::{Context, Due, pass},
    testing::{Answer, Received},
};

#[tokio::test]
async fn of_an_object_that_goes_during_a_pass_nothing_is_kept_or_counted() {
    let passing = Arc::<std::sync::OnceLock<Arc<Context<Observing>>>>::default();
    let leaving = passing.clone();
    let fixture = fixture_with(move |_| {
        let context = leaving.get()?;
        context.states.forget(&key("hello"));
        context.tools.metrics.forget_object("Hanging", "ace", "hello");
        None
    })
    .await;
    let objects = || {
        let text = fixture.metrics.text().unwrap();
        let objects = text.lines().filter(|line| line.starts_with("ace_objects{"));
        objects.filter(|line| !line.ends_with(" 0")).count()
    };
    fixture.pass("5", json!({})).await;
    assert!(objects() > 0, "it is there");
    assert!(passing.set(fixture.context.clone()).is_ok());
    fixture.context.states.mark(&key("hello"));
    fixture.pass("6", json!({})).await;
    assert_eq!(objects(), 0, "it went");
    // Another one of this name knows nothing of it.
    fixture.context.states.mark(&key("hello"));
    fixture.pass("7", json!({})).await;
    assert_eq!(fixture.observed(), [0, 1, 0]);
}

#[tokio::test]
async fn a_step_that_never_ends_is_cut_off_at_its_deadline_and_the_pass_goes_on() {
    let fixture = fixture(answering(200)).await;
    assert_eq!(fixture.pass("5", json!({})).await, Due::ON_CHANGE);
    assert_eq!(fixture.server.requests().len(), 1, "the status that says so is written");
    let text = fixture.metrics.text().unwrap();
    let failed = "ace_steps_total{kind=\"Hanging\",step=\"Try\",outcome=\"Failed\"} 1";
    assert!(text.contains(failed), "{text}");
}

#[tokio::test]
async fn what_was_learned_is_kept_when_the_status_can_not_be_written_and_the_pass_is_repeated() {
    let code = answering(500);
    let fixture = fixture(code.clone()).await;
    assert_ne!(fixture.pass("5", json!({})).await, Due::ON_CHANGE);
    code.store(200, Ordering::SeqCst);
    assert_eq!(fixture.pass("5", json!({})).await, Due::ON_CHANGE);
    assert_eq!(fixture.observed(), [0, 1]);
}

#[tokio::test]
async fn the_event_of_our_own_write_causes_no_second_pass() {
    let fixture = fixture(answering(200)).await;
    fixture.pass("5", json!({})).await;
    assert_eq!(
        fixture.pass("8", json!({ "url": "cut off 1 times" })).await,
        Due::ON_CHANGE
    );
    assert_eq!(fixture.observed(), [0]);
    // Somebody asks for one all the same.
    assert!(fixture.context.states.mark(&key("hello")));
    fixture.pass("8", json!({ "url": "cut off 1 times" })).await;
    assert_eq!(fixture.observed(), [0, 1]);
}

#[tokio::test]
async fn nobody_is_enqueued_before_all_caches_are_filled() {
    let fixture = fixture(answering(200)).await;
    let dependents = fixture.context.dependents.clone();
    let mut controllers = Controllers::new(fixture.context.tools.clone(), dependents.clone());
    controllers.add(Arc::new(Observing::default()));
    let platform = Dependency::Platform(key("prod"));
    dependents.apply(
        &ObjectId::of::<Hanging>(key("hello")),
        vec![platform.clone()],
        Vec::new(),
    );
    dependents.changed(&[platform], None);
    let text = fixture.metrics.text().unwrap();
    assert!(!text.contains("ace_enqueued_total{"), "{text}");
}

#[tokio::test]
async fn an_object_whose_references_can_not_be_read_ends_no_watch() {
    let fixture = fixture(answering(200)).await;
    let dependents = fixture.context.dependents.clone();
    let mut follow = follow(fixture.context.clone());
    for name in ["references", "facts", "hello"] {
        let listed: DeserializeGuard<EdgeFunction> = serde_json::from_value(named(name, "5", &json!({}))).unwrap();
        follow(&watcher::Event::InitApply(listed));
    }
    assert_eq!(dependents.of_kind("Hanging", ..), [key("hello")]);
}

#[tokio::test]
async fn nothing_of_an_object_is_kept_for_another_one_of_its_name() {
    let fixture = fixture(answering(200)).await;
    fixture.pass("5", json!({})).await;
    let mut another = object("9", &json!({}));
    another["metadata"]["uid"] = json!("2");
    let another: DeserializeGuard<EdgeFunction> = serde_json::from_value(another).unwrap();
    pass::<Observing>(Arc::new(another), fixture.context.clone()).await;
    assert_eq!(fixture.observed(), [0, 0]);
}

#[tokio::test]
async fn a_step_is_announced_in_the_version_that_was_read_and_not_made_where_another_has_changed_that() {
    let fixture = fixture_with(|_| Some(Answer::refusal(409, "Conflict"))).await;
    let again = fixture.pass_over(named("announced", "5", &json!({}))).await;
    assert_ne!(again, Due::ON_CHANGE, "it is looked at again");
    assert_eq!(fixture.passes("StartedOver"), "1");
    let [write] = &fixture.server.bodies()[..] else {
        panic!("one write");
    };
    assert_eq!(write["metadata"]["resourceVersion"], "5");
}

/// An API server that takes a status in the newest version only, of an object whose status somebody may have written meanwhile.
async fn with_newest(version: &'static str, status: Value) -> Fixture {
    fixture_of(move |request: Received| {
        let newest = object(version, &status);
        if request.method == Method::GET {
            return Answer::json(&list(&[newest]));
        }
        let written: Value = serde_json::from_slice(&request.body).unwrap();
        if written["metadata"]["resourceVersion"] == version {
            return Answer::json(&object("8", &written["status"]));
        }
        Answer::refusal(409, "Conflict")
    })
    .await
}

#[tokio::test]
async fn a_status_takes_back_nothing_that_another_process_has_noted() {
    let fixture = with_newest("6", json!({ "url": "of another process" })).await;
    let again = fixture.pass("5", json!({})).await;
    assert_ne!(again, Due::ON_CHANGE, "it is looked at again");
    assert_eq!(fixture.passes("StartedOver"), "1");
    assert_eq!(fixture.server.bodies()[0]["metadata"]["resourceVersion"], "5");
    assert_eq!(fixture.server.bodies().len(), 1, "nothing else is written");
    // What was learned is kept.
    fixture.pass("6", json!({ "url": "of another process" })).await;
    assert_eq!(fixture.observed(), [0, 1]);
    assert_eq!(fixture.server.bodies()[1]["metadata"]["resourceVersion"], "6");
}

#[tokio::test]
async fn a_status_is_written_though_a_user_changed_the_object_meanwhile() {
    let fixture = with_newest("6", json!({})).await;
    assert_eq!(fixture.pass("5", json!({})).await, Due::ON_CHANGE);
    let versions: Vec<Value> = fixture
        .server
        .bodies()
        .iter()
        .map(|body| body["metadata"]["resourceVersion"].clone())
        .collect();
    assert_eq!(versions, ["5", "6"]);
    assert_eq!(fixture.passes("StartedOver"), "0");
}
