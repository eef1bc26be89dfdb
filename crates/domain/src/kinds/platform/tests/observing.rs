//! When a Platform is checked, and its status.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use ace_api::{FunctionCount, Platform, PlatformReason};

use super::{
    super::{
        Access, Cause, Decision, Observation, Points, State, Step, StepError, Window, decide, has_listed, is_due,
        status, update,
    },
    fixture::{closed, listed, new, platform, project, with},
    observation::entry,
};
use crate::reconcile::{
    decision::{Deferral, Limiter, Requeue},
    fixture::{after, at, message, shown},
};

const INTERVAL: u64 = 300;

#[test]
fn the_first_check_reads_the_project_then_its_functions_then_the_required_secrets() {
    let mut state = new();
    state.needs_secrets = true;
    assert_eq!(decide(&platform(), &state, at(0)), Decision::Do(Step::GetProject));
    state.observation.record_project(at(0), Some(project("ACTIVE_HEALTHY")));
    assert_eq!(decide(&platform(), &state, at(0)), Decision::Do(Step::ListFunctions));
    state.observation.record_list(at(0), BTreeMap::new());
    assert_eq!(decide(&platform(), &state, at(0)), Decision::Do(Step::ListSecrets));
    state.observation.record_secrets(at(0), BTreeSet::new());
    assert_eq!(
        decide(&platform(), &state, at(0)),
        Decision::Settled(Requeue::At(at(300)))
    );
}

#[test]
fn the_platforms_own_backups_are_listed_only_while_somebody_counts_them_and_once_per_interval() {
    let mut state = listed();
    let shown = |state: &State| status(&platform(), state, &decide(&platform(), state, at(1)), at(1)).recovery;
    assert_eq!(
        (decide(&platform(), &state, at(1)), shown(&state)),
        (Decision::Settled(Requeue::At(at(300))), None)
    );
    state.needs_points = true;
    assert_eq!(decide(&platform(), &state, at(1)), Decision::Do(Step::ListBackups));
    let latest = Window {
        earliest: None,
        latest: Some(at(0)),
    };
    let points = Points {
        pitr: Some(latest),
        daily: Vec::new(),
    };
    state.observation.record_points(at(1), Ok(points.clone()));
    assert_eq!(
        decide(&platform(), &state, at(1)),
        Decision::Settled(Requeue::At(at(300)))
    );
    assert_eq!(shown(&state), Some(points.shown()));
    state.observation.record_list(at(300), BTreeMap::new());
    assert_eq!(decide(&platform(), &state, at(301)), Decision::Do(Step::ListBackups));
    // One that fails is repeated at the next interval, and takes nothing away.
    state.observation.record_points(at(301), Err("forbidden".to_owned()));
    assert_eq!(
        decide(&platform(), &state, at(301)),
        Decision::Settled(Requeue::At(at(600)))
    );
    assert_eq!(
        (state.observation.points(), shown(&state)),
        (Some(Ok(&points)), Some(points.shown()))
    );
    state.needs_points = false;
    assert_eq!(shown(&state), None, "nobody counts them any more");
}

#[test]
fn one_list_per_interval_and_the_project_once_an_hour() {
    let state = listed();
    assert_eq!(
        [299, 300].map(|second| is_due(&platform(), &state, at(second))),
        [false, true]
    );
    assert_eq!(
        decide(&platform(), &state, at(299)),
        Decision::Settled(Requeue::At(at(300)))
    );
    assert_eq!(decide(&platform(), &state, at(300)), Decision::Do(Step::ListFunctions));
    let mut hourly = listed();
    hourly.observation.record_list(at(3_500), BTreeMap::new());
    assert_eq!(
        decide(&platform(), &hourly, at(3_599)),
        Decision::Settled(Requeue::At(at(3_800)))
    );
    assert_eq!(decide(&platform(), &hourly, at(3_600)), Decision::Do(Step::GetProject));
}

#[test]
fn a_changed_annotation_requests_both_reads_now_and_is_acknowledged_after_them() {
    let annotation = ("reconcile.fluxcd.io/requestedAt".to_owned(), "now".to_owned());
    let mut object = platform();
    object.metadata.annotations = Some(BTreeMap::from([annotation]));
    let mut state = listed();
    state.began = at(10);
    assert_eq!(decide(&object, &state, at(10)), Decision::Do(Step::GetProject));
    state
        .observation
        .record_project(at(10), Some(project("ACTIVE_HEALTHY")));
    assert_eq!(decide(&object, &state, at(10)), Decision::Do(Step::ListFunctions));
    state.observation.record_list(at(11), BTreeMap::new());
    let decision = decide(&object, &state, at(11));
    let status = status(&object, &state, &decision, at(11));
    assert_eq!(
        (decision, status.common.last_handled_reconcile_at.as_deref()),
        (Decision::Settled(Requeue::At(at(311))), Some("now"))
    );
}

#[test]
fn without_access_there_is_a_wait_or_a_refusal_and_no_request() {
    let says = || "kubectl create rolebinding".to_owned();
    let cases = [
        (Access::Unanswered(says()), "Reconciling=True/Retrying"),
        (
            closed(PlatformReason::SecretMissing, says()),
            "Reconciling=True/SecretMissing",
        ),
        (
            closed(PlatformReason::AccessMissing, says()),
            "Stalled=True/AccessMissing",
        ),
        (
            closed(PlatformReason::SecretNotOffered, says()),
            "Stalled=True/SecretNotOffered",
        ),
        (
            closed(PlatformReason::SecretInvalid, says()),
            "Stalled=True/SecretInvalid",
        ),
        (
            closed(PlatformReason::HostNotAllowed, says()),
            "Stalled=True/HostNotAllowed",
        ),
    ];
    for (access, expected) in cases {
        let mut state = new();
        state.access = access;
        assert_eq!(conditions(&state)[1], expected);
    }
}

#[test]
fn one_failed_request_changes_nothing_and_is_repeated_at_most_twice_a_minute() {
    let mut state = ready();
    let memo = state.memo.clone();
    state.observation.failed("503".to_owned());
    assert_eq!(decide(&platform(), &state, at(60)), Decision::Do(Step::GetProject));
    update(&mut state, Err(StepError::Unanswered("503".to_owned())));
    let decision = decide(&platform(), &state, at(60));
    assert_eq!(
        decision,
        Decision::Wait(Cause::new(PlatformReason::Unreachable, "503"), after(30))
    );
    assert_eq!(status(&platform(), &state, &decision, at(60)), memo);
}

#[test]
fn a_secret_that_could_not_be_read_is_a_failed_request_and_no_missing_secret() {
    let mut state = ready();
    let memo = state.memo.clone();
    state.access = Access::Unanswered("the API server did not answer for Secret `supabase`".to_owned());
    let decision = decide(&platform(), &state, at(60));
    assert!(matches!(&decision, Decision::Wait(cause, _) if cause.reason == PlatformReason::Retrying));
    assert_eq!(status(&platform(), &state, &decision, at(60)), memo);
    let decision = decide(&platform(), &state, at(901));
    assert!(matches!(&decision, Decision::Wait(cause, _) if cause.reason == PlatformReason::NotObserved));
}

#[test]
fn without_a_successful_list_for_three_intervals_ready_is_unknown_with_the_cause() {
    for step_error in [
        StepError::Unanswered("503".to_owned()),
        StepError::Failed("an answer that can't be read".to_owned()),
        StepError::Deferred(Deferral {
            again: Duration::from_secs(7),
            by: Limiter::Platform,
        }),
    ] {
        let mut state = ready();
        state.step_error = Some(step_error);
        let in_time = decide(&platform(), &state, at(900));
        assert_eq!(status(&platform(), &state, &in_time, at(900)), state.memo);
        let lost = decide(&platform(), &state, at(901));
        assert_eq!(
            shown(&status(&platform(), &state, &lost, at(901))),
            ["Ready=Unknown/NotObserved", "Reconciling=True/NotObserved"]
        );
    }
}

#[test]
fn a_rate_limit_says_whose_it_is_and_until_when() {
    let ours = "`requestsPerMinute` (90) is used up until 08:01 UTC";
    let theirs = "rate limited by the Management API until 08:01 UTC";
    let object = with(&serde_json::json!({ "requestsPerMinute": 90 }));
    for (by, expected) in [(Limiter::Budget, ours), (Limiter::Platform, theirs)] {
        let again = Duration::from_secs(7);
        let mut state = new();
        state.step_error = Some(StepError::Deferred(Deferral { again, by }));
        let decision = decide(&object, &state, at(0));
        let cause = Cause::new(PlatformReason::RateLimited, expected);
        assert_eq!(decision, Decision::Wait(cause, Requeue::After(again)));
        let status = status(&object, &state, &decision, at(0));
        assert_eq!(message(&status, "Ready"), expected);
    }
}

#[test]
fn after_a_restart_the_three_intervals_count_from_the_start() {
    let mut state = ready();
    state.observation = Observation::new(at(10_000));
    state.began = at(10_000);
    state.step_error = Some(StepError::Unanswered("503".to_owned()));
    let decision = decide(&platform(), &state, at(10_000));
    assert_eq!(status(&platform(), &state, &decision, at(10_000)), state.memo);
    let lost = decide(&platform(), &state, at(10_901));
    assert_eq!(
        shown(&status(&platform(), &state, &lost, at(10_901)))[0],
        "Ready=Unknown/NotObserved"
    );
}

#[test]
fn an_answer_that_only_a_person_can_change_stalls() {
    let cases = [
        (
            StepError::TokenRejected,
            PlatformReason::TokenRejected,
            "the platform refuses the token in key `token` of Secret `supabase`: put an access token (`sbp_…`) there, alone and unquoted",
        ),
        (
            StepError::Forbidden("403".to_owned()),
            PlatformReason::TokenRejected,
            "the token lacks a permission (403): it needs functions read and write, secrets read, project read",
        ),
        (
            StepError::ProjectNotFound,
            PlatformReason::ProjectNotFound,
            "the owner of the token has no project `abcdefghijklmnopqrst`: check `spec.project` and the token",
        ),
    ];
    for (step_error, reason, message) in cases {
        let mut state = ready();
        state.step_error = Some(step_error);
        let refusal = Decision::Refuse(Cause::new(reason, message), after(INTERVAL));
        assert_eq!(decide(&platform(), &state, at(1)), refusal);
    }
}

#[test]
fn a_project_that_is_asleep_stalls_and_one_that_is_on_its_way_is_waited_for() {
    let cases = [
        ("INACTIVE", "Stalled=True/ProjectInactive"),
        ("PAUSE_FAILED", "Stalled=True/ProjectInactive"),
        ("COMING_UP", "Reconciling=True/ProjectNotReady"),
        ("ACTIVE_UNHEALTHY", "Reconciling=True/ProjectNotReady"),
    ];
    for (phase, expected) in cases {
        let mut state = listed();
        state.observation.record_project(at(0), Some(project(phase)));
        assert_eq!(conditions(&state)[1], expected);
    }
}

#[test]
fn an_unknown_state_and_a_project_that_may_not_be_read_are_no_errors() {
    for known in [Some(project("DREAMING")), None] {
        let mut state = listed();
        state.observation.record_project(at(0), known);
        assert_eq!(conditions(&state), ["Ready=True/Reachable"]);
    }
}

#[test]
fn a_suspended_platform_is_not_checked_and_stays_what_it_was() {
    let mut object = platform();
    object.spec.suspend = true;
    for (state, expected) in [
        (ready(), "Ready=True/Reachable"),
        (new(), "Ready=False/SuspendedByUser"),
    ] {
        let decision = decide(&object, &state, at(9_999));
        assert_eq!(decision, Decision::Settled(Requeue::OnChange));
        let status = status(&object, &state, &decision, at(9_999));
        assert_eq!(shown(&status), [expected, "Suspended=True/SuspendedByUser"]);
        let text = "`spec.suspend` is true: nothing is checked or changed";
        assert!(
            status
                .common
                .conditions
                .iter()
                .all(|condition| condition.message == text)
        );
    }
}

#[test]
fn a_deleted_platform_leaves_at_once() {
    let mut object = platform();
    object.metadata.deletion_timestamp = Some(k8s_openapi::apimachinery::pkg::apis::meta::v1::Time(at(0)));
    assert_eq!(decide(&object, &new(), at(0)), Decision::Release { event: None });
}

#[test]
fn functions_are_counted_and_fifty_that_nobody_describes_are_named() {
    let mut state = listed();
    let slugs = (0..60).map(|n| (format!("f{n:02}"), entry(1))).collect();
    state.observation.record_list(at(1), slugs);
    state.managed = ["f00".to_owned(), "absent".to_owned()].into();
    let decision = decide(&platform(), &state, at(1));
    let counted = status(&platform(), &state, &decision, at(1)).functions.unwrap();
    assert_eq!(
        (counted.managed, counted.unmanaged_count, counted.unmanaged.len()),
        (1, 59, 50)
    );
}

#[test]
fn a_status_does_not_differ_when_only_the_clock_moved() {
    let state = ready();
    let decision = decide(&platform(), &state, at(200));
    assert_eq!(status(&platform(), &state, &decision, at(200)), state.memo);
}

/// Project and functions were read at 0, and that stands in status.
fn ready() -> State {
    let mut state = listed();
    let decision = decide(&platform(), &state, at(0));
    state.memo = status(&platform(), &state, &decision, at(0));
    state
}

fn conditions(state: &State) -> Vec<String> {
    let decision = decide(&platform(), state, at(0));
    shown(&status(&platform(), state, &decision, at(0)))
}

#[test]
fn what_was_counted_for_another_generation_is_not_shown_and_proves_no_access() {
    let mut listed = ready();
    listed.observation.record_list(at(1), BTreeMap::new());
    let mut object = platform();
    let decision = decide(&object, &listed, at(1));
    object.status = Some(status(&object, &listed, &decision, at(1)));
    assert!(has_listed(&object));
    // The process is another one, and has not listed yet.
    let mut state = new();
    state.memo = object.status.clone().unwrap();
    state.step_error = Some(StepError::Unanswered("503".to_owned()));
    let shown = |object: &Platform| {
        let decision = decide(object, &state, at(2));
        status(object, &state, &decision, at(2)).functions
    };
    assert_eq!(shown(&object), Some(FunctionCount::default()));
    object.metadata.generation = Some(2);
    assert!(!has_listed(&object));
    assert_eq!(shown(&object), None);
}
