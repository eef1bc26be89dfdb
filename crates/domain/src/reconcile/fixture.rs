//! What the tests of all kinds share.

use std::time::Duration;

use ace_api::{
    CommonStatus,
    ConditionType::{Drifted, Ready, Reconciling, Stalled, Suspended},
    KindEntry, MESSAGE_LIMIT, ObjectStatus, ShownBy,
};
use jiff::{SignedDuration, Timestamp};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::{Resource as _, core::object::HasStatus};
use serde_json::json;

use super::{decision::Requeue, kind::Kind};

type Decision<K> = super::decision::Decision<<K as Kind>::Step, <K as Kind>::Reason>;

pub(crate) fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + second).unwrap()
}

pub(crate) fn after(seconds: u64) -> Requeue {
    Requeue::After(Duration::from_secs(seconds))
}

/// By the clock, in this second.
pub(crate) fn next(second: i64) -> Requeue {
    Requeue::At(at(second))
}

/// `Ready=True/Live …`, one line per condition.
pub(crate) fn shown(status: &impl ObjectStatus) -> Vec<String> {
    let line = |c: &Condition| format!("{}={}/{}", c.type_, c.status, c.reason);
    status.common().conditions.iter().map(line).collect()
}

/// What is shown of an object that a person has to act on.
pub(crate) fn stalled(reason: &str, drifted: &str) -> [String; 3] {
    explained("Stalled", reason, drifted)
}

/// What is shown of an object that is worked on or waits.
pub(crate) fn reconciling(reason: &str, drifted: &str) -> [String; 3] {
    explained("Reconciling", reason, drifted)
}

fn explained(by: &str, reason: &str, drifted: &str) -> [String; 3] {
    [
        format!("Ready=False/{reason}"),
        format!("{by}=True/{reason}"),
        format!("Drifted={drifted}"),
    ]
}

pub(crate) fn message(status: &impl ObjectStatus, type_: &str) -> String {
    let found = status.common().conditions.iter().find(|c| c.type_ == type_);
    found.map(|c| c.message.clone()).unwrap_or_default()
}

/// Panics where the status differs half a minute after it was written.
#[track_caller]
pub(crate) fn does_not_differ_when_only_the_clock_moved<K: Kind>(
    object: &K::Object,
    state: &mut K::State,
    decision: &Decision<K>,
    now: Timestamp,
) {
    let first = K::status(object, state, decision, now);
    K::memo(state).clone_from(&first);
    let again = K::status(object, state, decision, now + SignedDuration::from_secs(30));
    assert_eq!(again, first);
}

/// Panics where a status has more than 12 KiB.
#[track_caller]
pub(crate) fn is_small<K: Kind>(status: &K::Status) {
    let bytes = serde_json::to_string(status).unwrap().len();
    assert!(bytes <= 12 * 1024, "{bytes} bytes");
}

/// Panics where the status that the API server gives a new object like this one is taken for a finished one.
#[track_caller]
pub(crate) fn is_not_finished_when_new<K: Kind>(object: &K::Object) {
    let mut new = serde_json::to_value(object).unwrap();
    new["status"] = json!({ "observedGeneration": -1 });
    let new: K::Object = serde_json::from_value(new).unwrap();
    let mut expected = K::Status::default();
    *expected.common_mut() = CommonStatus {
        observed_generation: Some(-1),
        ..CommonStatus::default()
    };
    assert_eq!(new.status(), Some(&expected));
}

/// Panics where the status does not tell pipelines whether to wait or to act, or has a reason in the wrong place.
#[track_caller]
pub(crate) fn tells_whether_to_wait_or_to_act<K: Kind>(object: &K::Object, status: &K::Status) {
    let (conditions, generation) = (&status.common().conditions, object.meta().generation);
    let kind = KindEntry::named(K::NAME).unwrap();
    let ready = Ready.of(conditions).map(|ready| ready.status.as_str());
    let [reconciling, stalled, suspended] =
        [Reconciling, Stalled, Suspended].map(|type_| type_.of(conditions).is_some());
    let mut others = kind.conditions.iter().filter(|(type_, _)| type_.is_always_there());
    let rules = [
        ready.is_some() && others.all(|(type_, _)| type_.of(conditions).is_some()),
        kind.has_drift() || Drifted.of(conditions).is_none(),
        !(reconciling && stalled),
        ready != Some("True") || !(reconciling || stalled),
        ready != Some("Unknown") || reconciling,
        ready != Some("False") || reconciling || stalled || suspended,
        [Reconciling, Stalled, Suspended]
            .iter()
            .all(|only| only.of(conditions).is_none() || only.is_true(conditions)),
        conditions.iter().all(|c| c.observed_generation == generation),
        conditions
            .iter()
            .all(|c| !c.message.is_empty() && c.message.len() <= MESSAGE_LIMIT),
        conditions.iter().all(|c| is_in_its_place(kind, c)),
    ];
    assert_eq!(rules, [true; 10], "{conditions:#?}");
}

/// The reason is used in the condition that it belongs to. `Ready` shares the reason of the condition that explains it.
fn is_in_its_place(kind: &KindEntry, condition: &Condition) -> bool {
    let reasons = kind.reasons_of(&condition.type_);
    let Some(known) = reasons.iter().find(|known| known.name == condition.reason) else {
        return false;
    };
    match (condition.type_.as_str(), condition.status.as_str()) {
        ("Ready", "True") => known.shown_by == ShownBy::Ready,
        ("Ready", _) => known.shown_by != ShownBy::Ready,
        ("Reconciling", _) => [ShownBy::Reconciling, ShownBy::ReadyUnknown].contains(&known.shown_by),
        ("Stalled", _) => known.shown_by == ShownBy::Stalled,
        ("Suspended", _) => known.shown_by == ShownBy::Suspended,
        (_, "True") => known.shown_by == ShownBy::True,
        (_, "False") => known.shown_by == ShownBy::False,
        (_, "Unknown") => known.shown_by == ShownBy::Unknown,
        _ => false,
    }
}
