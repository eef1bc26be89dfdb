//! An observation that never ends.

use std::{sync::Arc, time::Duration};

use ace_api::ConditionType;
use ace_domain::reconcile::{shard::Shards, timing::Timing};
use kube::{
    core::DeserializeGuard,
    runtime::{reflector, watcher::Event},
};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::super::{Context, Due};
use super::{Fixture, Hanging, answering, fixture, key, named};
use crate::{
    controllers::runner,
    index::ObjectId,
    leases::Holding,
    queue::{Class, Limits},
};

fn fine() -> Value {
    json!({ "observedGeneration": 1, "conditions": [
        { "type": "Ready", "status": "True", "reason": "Live", "message": "a", "lastTransitionTime": "2026-01-01T00:00:00Z" },
        { "type": "Drifted", "status": "False", "reason": "NoDrift", "message": "b", "lastTransitionTime": "2026-01-01T00:00:00Z" },
    ] })
}

/// At such a pace three intervals have passed before an observation is cut off.
fn hurried(fixture: Fixture) -> Fixture {
    let mut tools = fixture.context.tools.clone();
    tools.timing = Timing::scaled(1_000_000);
    let Context {
        controller,
        states,
        dependents,
        scheduler,
        ..
    } = &*fixture.context;
    let context = Context {
        controller: controller.clone(),
        tools,
        states: states.clone(),
        dependents: dependents.clone(),
        scheduler: scheduler.clone(),
    };
    Fixture {
        context: Arc::new(context),
        ..fixture
    }
}

#[tokio::test]
async fn one_observation_that_was_cut_off_is_repeated_and_changes_nothing_that_is_shown() {
    let fixture = fixture(answering(200)).await;
    let again = fixture.pass_over(named("silent", "5", &fine())).await;
    assert_ne!(again, Due::ON_CHANGE);
    assert_eq!(fixture.server.requests(), Vec::<String>::new());
    assert_eq!(fixture.passes("Failed"), "1");
}

#[tokio::test]
async fn an_object_that_was_not_observed_for_three_intervals_says_so_and_is_never_fine() {
    let fixture = hurried(fixture(answering(200)).await);
    let again = fixture.pass_over(named("silent", "5", &fine())).await;
    assert_ne!(again, Due::ON_CHANGE);
    let written = fixture.written();
    let [status] = &written[..] else { panic!("{written:?}") };
    let line = |type_: ConditionType| {
        let condition = type_.of(&status.common.conditions)?;
        Some((condition.status.as_str(), condition.reason.as_str()))
    };
    assert_eq!(line(ConditionType::Ready), Some(("Unknown", "NotObserved")));
    assert_eq!(line(ConditionType::Reconciling), Some(("True", "NotObserved")));
    assert_eq!(line(ConditionType::Drifted), Some(("Unknown", "NotCompared")));
    assert_eq!(line(ConditionType::Stalled), None);
    // Said once, and tried again.
    fixture.pass_over(named("silent", "8", &json!(status))).await;
    assert_eq!(fixture.written().len(), 1);
}

#[tokio::test]
async fn nothing_is_said_of_an_object_that_is_suspended() {
    let fixture = hurried(fixture(answering(200)).await);
    let mut suspended = named("silent", "5", &fine());
    suspended["spec"]["suspend"] = json!(true);
    assert_ne!(fixture.pass_over(suspended).await, Due::ON_CHANGE);
    assert_eq!(fixture.server.requests(), Vec::<String>::new());
}

#[tokio::test]
async fn objects_that_can_not_be_observed_give_their_places_to_the_others() {
    let fixture = fixture(answering(200)).await;
    let (store, mut writer) = reflector::store();
    let silent: Vec<String> = (0..Limits::new(Timing::default()).tenant)
        .map(|number| format!("silent-{number}"))
        .collect();
    writer.apply_watcher_event(&Event::Init);
    for name in silent.iter().map(String::as_str).chain(["hello"]) {
        let object: DeserializeGuard<_> = serde_json::from_value(named(name, "5", &json!({}))).unwrap();
        writer.apply_watcher_event(&Event::InitApply(object));
    }
    writer.apply_watcher_event(&Event::InitDone);
    let scheduler = fixture.context.scheduler.clone();
    let runners = [("Hanging", runner(fixture.context.clone(), store))].into();
    scheduler.hold(&Holding::all(Shards::ONE));
    let running = tokio::spawn(scheduler.clone().run(runners, CancellationToken::new()));
    for name in &silent {
        scheduler.wake(&ObjectId::of::<Hanging>(key(name)), Class::Change);
    }
    until(|| fixture.observed().len() == silent.len()).await;
    scheduler.wake(&ObjectId::of::<Hanging>(key("hello")), Class::Change);
    until(|| !fixture.written().is_empty()).await;
    running.abort();
}

async fn until(happens: impl Fn() -> bool) {
    let waiting = async {
        while !happens() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), waiting).await.unwrap();
}
