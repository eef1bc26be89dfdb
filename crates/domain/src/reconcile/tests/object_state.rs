//! Which events are echoes of our own writes, and when the next pass is due.

#![allow(clippy::disallowed_methods, reason = "an `Instant` can only be had from the clock")]

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use jiff::Timestamp;
use k8s_openapi::api::core::v1::ConfigMap;
use serde_json::{Value, json};

use crate::reconcile::{decision::Requeue, object_state::ObjectState, timing::Timing};

type State = ObjectState<ConfigMap, ()>;

fn object(mut metadata: Value) -> ConfigMap {
    metadata["uid"] = json!("1");
    serde_json::from_value(json!({ "metadata": metadata })).unwrap()
}

/// What is kept after a write to the object of generation 1 was answered with this metadata.
fn written(mut metadata: Value) -> (State, ConfigMap) {
    metadata["resourceVersion"] = json!("8");
    let answer = object(metadata);
    let mut state = State::default();
    state.note_write(
        &object(json!({ "generation": 1, "resourceVersion": "5" })),
        &Arc::new(answer.clone()),
    );
    (state, answer)
}

#[test]
fn the_event_of_our_own_write_is_an_echo() {
    let (state, answer) = written(json!({ "generation": 1 }));
    assert_eq!(state.echo(&answer, Instant::now()), Some(None));
    let later = object(json!({ "generation": 1, "resourceVersion": "9" }));
    assert_eq!(state.echo(&later, Instant::now()), None);
    assert_eq!(State::default().echo(&answer, Instant::now()), None);
}

#[test]
fn a_desired_state_that_changed_between_reading_and_writing_is_no_echo() {
    let changed = [
        json!({ "generation": 2 }),
        json!({ "generation": 1, "annotations": { "ask": "now" } }),
        json!({ "generation": 1, "deletionTimestamp": "2026-11-23T10:00:00Z" }),
    ];
    for metadata in changed {
        let (state, answer) = written(metadata.clone());
        assert_eq!(state.echo(&answer, Instant::now()), None, "{metadata}");
    }
}

#[test]
fn an_echo_waits_for_the_time_that_the_pass_named_and_is_none_once_that_has_come() {
    let (mut state, answer) = written(json!({ "generation": 1 }));
    let (now, wait) = (Instant::now(), Duration::from_mins(5));
    state.requeue(
        Requeue::After(wait),
        Timing::default(),
        1.0,
        (now, Timestamp::UNIX_EPOCH),
    );
    assert_eq!(state.echo(&answer, now), Some(Some(wait)));
    assert_eq!(state.echo(&answer, now + wait), None);
}

#[test]
fn a_pass_begins_with_the_newer_of_the_cache_and_the_answer_to_our_own_write() {
    let version = |state: &mut State, cached: &str| {
        let cached = object(json!({ "generation": 1, "resourceVersion": cached }));
        let newer = state.newer_than(&cached);
        newer
            .map_or(cached, |newer| newer.as_ref().clone())
            .metadata
            .resource_version
            .unwrap()
    };
    let (mut state, _) = written(json!({ "generation": 1 }));
    assert_eq!([version(&mut state, "5"), version(&mut state, "7")], ["8", "8"]);
    // Versions are numbers: 10 comes after 8.
    assert_eq!(version(&mut state, "10"), "10");

    let (mut state, _) = written(json!({ "generation": 1 }));
    let another: ConfigMap =
        serde_json::from_value(json!({ "metadata": { "uid": "2", "resourceVersion": "5" } })).unwrap();
    assert_eq!(state.newer_than(&another), None);
}

#[test]
fn waits_double_with_each_failure_in_a_row_up_to_five_minutes_and_begin_anew_after_a_success() {
    let mut state = State::default();
    let mut wait = |requeue| {
        let wait = state.requeue(requeue, Timing::default(), 1.0, (Instant::now(), Timestamp::UNIX_EPOCH));
        wait.map(|wait| wait.as_secs())
    };
    let failures = [(); 7].map(|()| wait(Requeue::Backoff));
    assert_eq!(failures, [15, 30, 60, 120, 240, 300, 300].map(Some));
    assert_eq!(wait(Requeue::OnChange), None);
    assert_eq!(wait(Requeue::Backoff), Some(15));
    assert_eq!(wait(Requeue::After(Duration::from_secs(7))), Some(7));
    assert_eq!(wait(Requeue::At(Timestamp::from_second(9).unwrap())), Some(9));
    assert_eq!(wait(Requeue::At(Timestamp::from_second(-9).unwrap())), Some(0));
    assert_eq!(wait(Requeue::Backoff), Some(15));
}

#[test]
fn an_object_is_lost_when_no_pass_could_observe_it_for_three_intervals() {
    let mut state = State::default();
    let (timing, began) = (Timing::default(), Timestamp::UNIX_EPOCH);
    let after = |minutes: u64| began + Duration::from_mins(minutes);
    assert!(!state.is_lost(timing, after(60)), "no pass had to");
    state.unobserved(began);
    state.unobserved(after(14));
    assert!(!state.is_lost(timing, after(15)));
    assert!(state.is_lost(timing, after(16)));
    state.observed();
    state.unobserved(after(16));
    assert!(!state.is_lost(timing, after(31)), "counted from the first one since");
}
