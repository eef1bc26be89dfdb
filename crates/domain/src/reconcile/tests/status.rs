//! What the common status fields say of each outcome, whatever the kind.

use ace_api::{CommonStatus, ConditionType, Conditions, DriftReason, FunctionReason};
use jiff::Timestamp;
use k8s_openapi::api::core::v1::ConfigMap;
use serde_json::json;

use crate::reconcile::{
    decision::Cause,
    drift::DriftAssessment,
    status::{Shown, common, remember, with_drift},
};

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn object(generation: i64) -> ConfigMap {
    let annotations = json!({ "ops.mobulace.com/reconcile-at": "now" });
    serde_json::from_value(json!({ "metadata": { "generation": generation, "annotations": annotations } })).unwrap()
}

fn cause(reason: FunctionReason) -> Cause<FunctionReason> {
    Cause::new(reason, "says why")
}

/// Ready for generation 1 since second 1, with a request that was handled.
fn ready() -> CommonStatus {
    CommonStatus {
        conditions: Conditions::new(&[], Some(1), at(1))
            .set(ConditionType::Ready, Some(true), FunctionReason::Live, "is live")
            .finish(),
        observed_generation: Some(1),
        last_handled_reconcile_at: Some("before".to_owned()),
    }
}

fn next(shown: Shown<FunctionReason>) -> CommonStatus {
    common(&object(2), &ready(), shown, false, at(9))
}

fn lines(status: &CommonStatus) -> Vec<String> {
    let line = |c: &k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition| {
        format!("{}={}/{}: {}", c.type_, c.status, c.reason, c.message)
    };
    status.conditions.iter().map(line).collect()
}

#[test]
fn each_outcome_is_shown_by_ready_and_the_condition_that_explains_it() {
    use FunctionReason::{
        Deploying, NotObserved, Observed, SlugClaimed, Suspended, SuspendedByUser, WaitingForPlatform,
    };
    let suspended = |is_live| Shown::Suspended {
        cause: cause(SuspendedByUser),
        is_live,
        unready: Suspended,
    };
    let cases: [(Shown<FunctionReason>, &[&str]); 8] = [
        (Shown::Ready(cause(Observed)), &["Ready=True/Observed: says why"]),
        (
            Shown::InProgress(cause(Deploying)),
            &[
                "Ready=False/Deploying: says why",
                "Reconciling=True/Deploying: says why",
            ],
        ),
        (
            Shown::Waiting(cause(WaitingForPlatform)),
            &[
                "Ready=False/WaitingForPlatform: says why",
                "Reconciling=True/WaitingForPlatform: says why",
            ],
        ),
        // Nobody could look: that is neither True nor False.
        (
            Shown::Waiting(cause(NotObserved)),
            &[
                "Ready=Unknown/NotObserved: says why",
                "Reconciling=True/NotObserved: says why",
            ],
        ),
        (
            Shown::Refused(cause(SlugClaimed)),
            &[
                "Ready=False/SlugClaimed: says why",
                "Stalled=True/SlugClaimed: says why",
            ],
        ),
        (Shown::Unchanged, &["Ready=True/Live: is live"]),
        // What was live stays so, and the column says that nobody looks.
        (
            suspended(true),
            &["Ready=True/Live: says why", "Suspended=True/SuspendedByUser: says why"],
        ),
        (
            suspended(false),
            &[
                "Ready=False/Suspended: says why",
                "Suspended=True/SuspendedByUser: says why",
            ],
        ),
    ];
    for (shown, expected) in cases {
        let status = next(shown.clone());
        assert_eq!(lines(&status), expected, "{shown:?}");
        assert!(status.conditions.iter().all(|c| c.observed_generation == Some(2)));
        assert_eq!(status.observed_generation, Some(2));
    }
}

#[test]
fn drift_is_as_assessed_or_as_it_was_and_unknown_before_that() {
    let unassessed = Cause::new(DriftReason::NotCompared, "not yet");
    let drifted = |before: &CommonStatus, assessment| {
        let ready = Shown::Ready(cause(FunctionReason::Live));
        let next = common(&object(2), before, ready, false, at(9));
        with_drift(next, before, assessment, &unassessed, at(9))
    };
    let found = Cause::new(DriftReason::OutOfBandChange, "2 files differ");
    let assessed = DriftAssessment::found(found, Vec::new(), None, at(9));
    let says = "Drifted=True/OutOfBandChange: 2 files differ";
    let after = drifted(&ready(), Some(&assessed));
    assert_eq!(lines(&after)[1], says);
    assert_eq!(
        lines(&drifted(&ready(), None))[1],
        "Drifted=Unknown/NotCompared: not yet"
    );
    assert_eq!(lines(&drifted(&after, None))[1], says);
}

#[test]
fn a_kind_that_can_not_drift_has_no_such_condition() {
    let status = next(Shown::Unchanged);
    assert!(ConditionType::Drifted.of(&status.conditions).is_none());
}

#[test]
fn a_request_is_echoed_once_it_was_handled_and_not_before() {
    let echoed = |handled| {
        let shown = Shown::Ready(cause(FunctionReason::Live));
        common(&object(2), &ready(), shown, handled, at(9)).last_handled_reconcile_at
    };
    assert_eq!(echoed(false).as_deref(), Some("before"));
    assert_eq!(echoed(true).as_deref(), Some("now"));
}

#[test]
fn a_history_has_the_last_ten_newest_first() {
    let mut history = Vec::new();
    (0..12).for_each(|event| remember(&mut history, event));
    assert_eq!(history, [11, 10, 9, 8, 7, 6, 5, 4, 3, 2]);
}
