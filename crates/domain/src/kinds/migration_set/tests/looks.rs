//! When the database is looked at, and when it is left alone.

use ace_api::MigrationReason;

use super::{
    super::{Decision, SchemaObservation, SourceState},
    fixture::{Case, at, pending, settled},
    messages::{A, B, DROP, HARMLESS, V1, V2, V3, reason},
};
use crate::reconcile::kind::Step as _;
use crate::{kinds::platform::DatabaseFailure, reconcile::decision::Requeue, reconcile::timing::Timing};

fn looks(case: &Case) -> bool {
    matches!(case.decide(), Decision::Do(step) if step.name() == "Look")
}

fn unanswered() -> DatabaseFailure {
    DatabaseFailure::Unanswered("refused".to_owned())
}

#[test]
fn it_is_looked_at_once_an_interval_and_sleeps_between() {
    assert_eq!(
        settled().decide(),
        Decision::Settled(Requeue::After(std::time::Duration::from_mins(4)))
    );
    assert!(!looks(&settled().later(239)));
    assert!(looks(&settled().later(240).with(|case| case.state.began = case.now)));
}

#[test]
fn a_look_that_takes_longer_than_it_counts_is_not_made_for_ever() {
    let mut case = settled().with(|case| case.state.timing = Timing::scaled(1_000_000));
    assert!(looks(&case));
    let seen = case.sees(|_| ());
    case.does("Look", seen);
    assert!(!looks(&case.later(60)));
}

#[test]
fn somebody_who_asks_gets_one_look_and_its_echo() {
    let mut case = settled().asks("now");
    assert!(looks(&case));
    assert_eq!(case.status().common.last_handled_reconcile_at, None);
    let seen = case.sees(|_| ());
    case.does("Look", seen);
    assert_eq!(case.status().common.last_handled_reconcile_at.as_deref(), Some("now"));
    let case = case.later(1).next_pass();
    assert!(!looks(&case));
    assert!(looks(&case.asks("again")));
}

#[test]
fn who_asks_while_it_does_not_answer_is_not_told_that_it_was_looked_at() {
    let mut case = settled().asks("now");
    case.does("Look", Err(super::super::StepError::Database(unanswered())));
    assert_eq!(case.status().common.last_handled_reconcile_at, None);
    assert!(looks(&case.later(1).next_pass()), "and is not made to wait");
}

#[test]
fn an_empty_memory_looks_at_once() {
    assert!(looks(&settled().restarted()));
}

#[test]
fn another_host_user_secret_or_schema_leads_to_a_new_look_at_once() {
    let elsewhere = |case: Case| case.platform(|platform| platform.place = "db2.example.com public".to_owned());
    assert!(looks(&elsewhere(settled())));
    let banned = settled().failed_observation(-1, DatabaseFailure::PasswordRejected);
    assert!(!looks(&banned));
    assert!(looks(&elsewhere(banned)));
}

#[test]
fn a_look_in_vain_is_not_repeated_before_its_time() {
    for (step_error, seconds) in [(unanswered(), 30), (DatabaseFailure::PasswordRejected, 300)] {
        let case = settled().failed_observation(-10, step_error);
        assert!(!looks(&case.clone().later(seconds - 11)));
        let wait = match case.decide() {
            Decision::Wait(_, Requeue::After(wait)) | Decision::Refuse(_, Requeue::After(wait)) => wait.as_secs(),
            other => panic!("{other:?}"),
        };
        assert_eq!(
            i64::try_from(wait),
            Ok(seconds - 10),
            "whoever wakes it does not put it off"
        );
        assert!(looks(&case.clone().later(seconds - 10)));
        assert!(looks(&case.asks("now")));
    }
}

#[test]
fn a_schema_that_was_busy_or_is_behind_is_looked_at_soon() {
    let busy =
        settled().observation(|observation| (observation.at, observation.schema) = (at(-14), SchemaObservation::Busy));
    assert!(!looks(&busy));
    assert!(looks(&busy.later(1)));
    let mut snapshot_pending = settled().snapshot_pending().locked();
    let seen = snapshot_pending.sees(|observation| observation.schema = SchemaObservation::Busy);
    snapshot_pending.does("LookBehind", seen);
    let soon = Decision::Settled(Requeue::After(std::time::Duration::from_secs(15)));
    assert_eq!(snapshot_pending.decide(), soon);
}

#[test]
fn a_refusal_goes_with_its_cause_and_needs_no_look() {
    let edited = settled().files(&[(V1, A), (V2, "SELECT 2;")]);
    assert_eq!(reason(edited.decide()), MigrationReason::ChecksumMismatch);
    assert!(matches!(
        edited.files(&[(V1, A), (V2, B)]).decide(),
        Decision::Settled(_)
    ));
    let refused = pending("COMMIT;");
    assert_eq!(reason(refused.decide()), MigrationReason::MigrationRefused);
    assert_eq!(
        refused.files(&[(V1, A), (V2, B), (V3, HARMLESS)]).step().name(),
        "Begin"
    );
    let unapproved = pending(DROP);
    assert_eq!(reason(unapproved.decide()), MigrationReason::ApprovalRequired);
    assert_eq!(
        unapproved.spec(|spec| spec.policy.approve.clear()).step().name(),
        "Begin"
    );
    let blocked = pending(HARMLESS).source(SourceState::Invalid("x".to_owned()));
    assert_eq!(reason(blocked.decide()), MigrationReason::SourceInvalid);
    assert_eq!(
        blocked.files(&[(V1, A), (V2, B), (V3, HARMLESS)]).step().name(),
        "Begin"
    );
}

#[test]
fn what_was_seen_elsewhere_is_not_believed() {
    let case = settled().platform(|platform| platform.place = "db2.example.com public".to_owned());
    assert!(case.state.observation().is_none());
    assert_eq!(
        case.status().head,
        settled().status().head,
        "the memo stands until it is looked at"
    );
}
