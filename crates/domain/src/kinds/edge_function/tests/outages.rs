//! The platform, or something else, does not answer.

use std::time::Duration;

use ace_api::{DriftReason, FunctionReason, Mode, Reason};
use serde_json::json;

use super::{
    super::{Claim, Decision, LiveFunction, PlatformState, SourceState, Step, events},
    fixture::{Case, settled},
    values::{A, B, X, cause, entry, foreign},
};
use crate::reconcile::{
    decision::{Deferral, Limiter, Requeue, StepError},
    fixture::{at, message, reconciling, shown},
};

fn deferral(by: Limiter) -> Deferral {
    Deferral {
        again: Duration::from_secs(7),
        by,
    }
}

fn step_errors() -> [(StepError, Requeue); 6] {
    [
        (
            StepError::Deferred(deferral(Limiter::Budget)),
            Requeue::After(Duration::from_secs(7)),
        ),
        (StepError::Unanswered("503".to_owned()), Requeue::Backoff),
        (StepError::OutcomeUnknown(None), Requeue::Backoff),
        (StepError::Refused("400".to_owned()), Requeue::Backoff),
        (
            StepError::AccessMissing("kubectl create rolebinding".to_owned()),
            Requeue::After(Duration::from_mins(5)),
        ),
        (StepError::Failed("disk".to_owned()), Requeue::Backoff),
    ]
}

#[test]
fn an_error_of_any_class_changes_nothing_while_the_desired_state_is_live() {
    for (step_error, again) in step_errors() {
        let mut case = settled().with(|case| case.state.step_error = Some(step_error));
        assert_eq!(case.decide(), Decision::Settled(again));
        assert_eq!(case.status(), case.state.memo);
    }
}

/// What is observed of a function that would wait for a migration, that does not exist yet, and that the platform shows in a state.
fn observed() -> [(Case, &'static str); 3] {
    let required = json!({ "migration": { "name": "main", "version": "20260204400000" } });
    let waiting = settled().wants(B).mode(Mode::Observe).with(|case| {
        case.object.spec.requires = serde_json::from_value(required).unwrap();
    });
    let throttled = LiveFunction {
        state: Some("THROTTLED".to_owned()),
        ..entry(A, 3)
    };
    [
        (waiting, "or its database has not been observed yet"),
        (
            settled().forgotten().mode(Mode::Observe).sees(None),
            "nothing is live yet",
        ),
        (
            settled().mode(Mode::Observe).sees(Some(throttled)),
            "shows it as THROTTLED",
        ),
    ]
    .map(|(case, says)| (case.written(), says))
}

#[test]
fn an_error_of_any_class_changes_nothing_that_is_said_of_a_function_that_is_only_observed() {
    for (observed, says) in observed() {
        assert!(message(&observed.state.memo, "Ready").contains(says), "{says}");
        for (step_error, again) in step_errors() {
            for case in [observed.clone(), observed.clone().asks("now")] {
                let mut case = case.with(|case| case.state.step_error = Some(step_error.clone()));
                assert_eq!(case.decide(), Decision::Settled(again));
                assert_eq!(case.status(), case.state.memo, "{says}, after {step_error:?}");
            }
        }
    }
}

#[test]
fn a_rate_limit_says_whose_it_is_and_until_when() {
    // Asked at 07:59, and again 7 s later.
    let ours = "`requestsPerMinute` (90) is used up until 08:00 UTC";
    let theirs = "rate limited by the Management API until 08:00 UTC";
    for (by, expected) in [(Limiter::Budget, ours), (Limiter::Platform, theirs)] {
        for case in [settled().wants(B), settled().deleted()] {
            let mut case = case.platform(|platform| platform.requests_per_minute = 90);
            case.state.step_error = Some(StepError::Deferred(deferral(by)));
            let expected = (FunctionReason::RateLimited, expected.to_owned());
            // Attempts within the minute change nothing.
            for began in [-60, -40, -20] {
                case.state.began = at(began);
                assert_eq!(cause(case.decide()), expected);
            }
        }
    }
}

#[test]
fn a_function_is_ready_although_a_rate_limit_holds_back_the_look_at_its_body() {
    let mut case = settled().with(|case| case.state.memo.applied.as_mut().unwrap().body_digest = None);
    let look = Step::ReadBody(super::values::stamp(3));
    case.does(look, Err(StepError::Deferred(deferral(Limiter::Budget))));
    assert_eq!(case.decide(), Decision::Settled(Requeue::After(Duration::from_secs(7))));
    assert_eq!(shown(&case.status())[0], "Ready=True/Live");
}

#[test]
fn errors_are_retried_while_the_desired_state_is_not_live_and_only_a_missing_right_stalls() {
    let expected = [
        "RateLimited",
        "Retrying",
        "Retrying",
        "Retrying",
        "AccessMissing",
        "Retrying",
    ];
    for ((step_error, _), reason) in step_errors().into_iter().zip(expected) {
        let mut case = settled().wants(B).with(|case| case.state.step_error = Some(step_error));
        let second = if reason == "AccessMissing" {
            "Stalled"
        } else {
            "Reconciling"
        };
        assert_eq!(
            shown(&case.status())[..2],
            [format!("Ready=False/{reason}"), format!("{second}=True/{reason}")]
        );
    }
}

#[test]
fn what_an_older_version_said_of_a_lost_platform_stays_said_after_the_restart() {
    for reason in ["NotObserved", "NotSeen"] {
        let mut case = settled().platform(|platform| platform.listed = false);
        let ready = case
            .state
            .memo
            .common
            .conditions
            .iter_mut()
            .find(|condition| condition.type_ == "Ready");
        let ready = ready.unwrap();
        (ready.status, ready.reason, ready.message) = ("Unknown".to_owned(), reason.to_owned(), "no answer".to_owned());
        let expected = (FunctionReason::NotObserved, "no answer".to_owned());
        assert_eq!(cause(case.decide()), expected);
    }
}

#[test]
fn a_function_that_was_not_seen_for_three_intervals_is_unknown_and_says_why() {
    let mut case = settled().platform(|platform| {
        platform.seen = at(-901);
        platform.answering = false;
        platform.message = "no answer: connection refused".to_owned();
    });
    let status = case.status();
    assert_eq!(
        shown(&status),
        [
            "Ready=Unknown/NotObserved",
            "Reconciling=True/NotObserved",
            "Drifted=Unknown/NotCompared"
        ]
    );
    assert_eq!(
        message(&status, "Ready"),
        "not observed for three intervals: no answer: connection refused"
    );
    let mut in_time = settled().platform(|platform| platform.seen = at(-900));
    assert_eq!(shown(&in_time.status())[0], "Ready=True/Live");
}

#[test]
fn drift_is_never_reported_while_the_platform_is_unreachable() {
    let mut case = settled()
        .sees(Some(foreign(4)))
        .read(X)
        .platform(|platform| platform.seen = at(-901));
    assert_eq!(shown(&case.status())[2], "Drifted=Unknown/NotCompared");
    let mut gone = settled().sees(None).platform(|platform| platform.seen = at(-901));
    assert_eq!(shown(&gone.status())[2], "Drifted=Unknown/NotCompared");
}

#[test]
fn drift_comes_back_unchanged_with_the_first_list() {
    let drifted = settled().mode(Mode::Apply).sees(Some(foreign(4))).read(X).written();
    for before in [drifted, settled()] {
        let mut case = before
            .clone()
            .platform(|platform| platform.seen = at(-901))
            .written()
            .platform(|platform| platform.seen = at(0));
        let status = case.status();
        assert_eq!(shown(&status), shown(&before.state.memo));
        assert_eq!(status.drift, before.state.memo.drift);
        assert_eq!(events(&case.state.memo, &status), []);
    }
}

#[test]
fn a_failed_request_for_one_function_is_not_absence() {
    let mut case = settled().sees(None);
    case.does(Step::Get, Err(StepError::Unanswered("503".to_owned())));
    assert_eq!(case.decide(), Decision::Settled(Requeue::Backoff));
    let status = case.status();
    assert_eq!(shown(&status), ["Ready=True/Live", "Drifted=Unknown/NotCompared"]);
    assert_eq!(status.live, case.state.memo.live);
}

#[test]
fn a_failed_body_is_no_drift_and_no_leave_to_say_that_there_is_none() {
    let mut case = settled().sees(Some(foreign(4)));
    case.does(
        Step::ReadBody(super::values::stamp(4)),
        Err(StepError::Unanswered("503".to_owned())),
    );
    assert_eq!(case.decide(), Decision::Settled(Requeue::Backoff));
    let status = case.status();
    assert_eq!(shown(&status), ["Ready=True/Live", "Drifted=Unknown/NotComparable"]);
    let live = status.live.unwrap();
    assert_eq!((live.revision.as_str(), live.version), ("foreign", 4));
}

#[test]
fn a_platform_that_does_not_answer_gets_no_request() {
    let mute = |case: Case| {
        case.platform(|platform| {
            platform.answering = false;
            platform.message = "503".to_owned();
        })
    };
    let mut live = mute(settled().sees(Some(foreign(4))));
    assert_eq!(live.decide(), Decision::Settled(Requeue::OnChange));
    let mut desired_digest = mute(settled().wants(B));
    assert_eq!(shown(&desired_digest.status())[1], "Reconciling=True/Retrying");
}

#[test]
fn a_restart_says_nothing_new_before_the_first_list() {
    let unlisted = |case: Case| {
        let mut case = case.platform(|platform| platform.listed = false);
        case.state.listing = None;
        case.status()
    };
    assert_eq!(unlisted(settled()), settled().state.memo);
    for (observed, says) in observed() {
        assert_eq!(unlisted(observed.clone().restarted()), observed.state.memo, "{says}");
    }
    let throttled = observed()[2].0.clone().mode(Mode::Enforce).written();
    assert_eq!(unlisted(throttled.clone().restarted()), throttled.state.memo);
    let drifted = settled().mode(Mode::Apply).sees(Some(foreign(4))).read(X).written();
    assert_eq!(unlisted(drifted.clone().restarted()), drifted.state.memo);
    let lost = settled().platform(|platform| platform.seen = at(-901)).written();
    assert_eq!(
        shown(&unlisted(lost.clone().platform(|platform| platform.seen = at(0)))),
        shown(&lost.state.memo),
        "nor that it was seen"
    );
    assert_eq!(
        shown(&unlisted(settled().wants(B)))[1],
        "Reconciling=True/WaitingForPlatform"
    );
}

#[test]
fn a_status_that_is_not_final_waits_for_the_platforms_first_check() {
    let unlooked = |case: Case| {
        let mut case = case.platform(|platform| (platform.first_check_done, platform.listed) = (false, false));
        case.state.listing = None;
        (case.status(), case.state.memo)
    };
    let stalled = settled()
        .wants(B)
        .with(|case| case.state.claim = Claim::Lost(Some("ns/old".to_owned())))
        .written();
    let freed = stalled.with(|case| case.state.claim = Claim::Owned);
    for unfinished in [settled().forgotten(), freed] {
        let (status, memo) = unlooked(unfinished);
        assert_eq!(status, memo);
    }
    let (finished, _) = unlooked(settled().wants(B));
    assert_eq!(shown(&finished)[1], "Reconciling=True/WaitingForPlatform");
}

#[test]
fn in_enforce_a_function_that_can_not_be_corrected_is_not_ready() {
    let mut case = settled()
        .sees(Some(foreign(4)))
        .read(X)
        .with(|case| case.state.step_error = Some(StepError::Failed("disk".to_owned())));
    assert_eq!(shown(&case.status()), reconciling("Retrying", "True/OutOfBandChange"));
    let mut apply = case.mode(Mode::Apply);
    assert_eq!(shown(&apply.status())[0], "Ready=True/Live");
}

#[test]
fn a_source_that_can_not_be_read_once_changes_nothing_while_the_desired_state_is_live() {
    let failed = SourceState::Failed("timeout".to_owned());
    let mut case = settled().with(|case| case.state.source = failed.clone());
    assert_eq!(case.status(), case.state.memo);
    let mut changed = settled().with(|case| {
        case.state.source = failed;
        case.object.metadata.generation = Some(5);
    });
    assert_eq!(shown(&changed.status())[1], "Reconciling=True/Retrying");
}

#[test]
fn a_platform_that_is_not_there_is_waited_for() {
    let mut case = settled().with(|case| case.state.platform = PlatformState::Absent);
    let status = case.status();
    assert_eq!(
        shown(&status),
        [
            "Ready=False/WaitingForPlatform".to_owned(),
            "Reconciling=True/WaitingForPlatform".to_owned(),
            format!("Drifted=False/{}", DriftReason::NoDrift.as_str())
        ]
    );
    assert_eq!(
        message(&status, "Ready"),
        "there is no Platform `prod` in this namespace"
    );
}
