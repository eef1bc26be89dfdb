//! When the database is observed, and when it is not.

use ace_api::MigrationReason as Reason;

use super::{
    super::{Decision, SchemaObservation, SourceState, StepError, status},
    fixture::{Case, pending, settled},
    values::{A, B, DROP, HARMLESS, V1, V2, V3, reason, said},
};
use crate::{
    kinds::platform::DatabaseFailure,
    reconcile::{decision::Requeue, fixture::at, kind::Step as _, refusals::Refusals, timing::Timing},
};

fn observes(case: &Case) -> bool {
    matches!(case.decide(), Decision::Do(step) if step.name() == "Observe")
}

fn unanswered() -> DatabaseFailure {
    DatabaseFailure::Unanswered("refused".to_owned())
}

#[test]
fn it_is_observed_once_an_interval() {
    assert_eq!(settled().decide(), Decision::Settled(Requeue::At(at(240))));
    assert!(!observes(&settled().later(239)));
    assert!(observes(&settled().later(240).with(|case| case.state.began = case.now)));
}

#[test]
fn an_observation_that_takes_longer_than_it_is_valid_is_not_repeated_for_ever() {
    let mut case = settled().with(|case| case.state.timing = Timing::scaled(1_000_000));
    assert!(observes(&case));
    let seen = case.sees(|_| ());
    case.does("Observe", seen);
    assert!(!observes(&case.later(60)));
}

#[test]
fn a_requested_reconcile_makes_one_observation_and_is_acknowledged() {
    let mut case = settled().asks("now");
    assert!(observes(&case));
    assert_eq!(case.status().common.last_handled_reconcile_at, None);
    let seen = case.sees(|_| ());
    case.does("Observe", seen);
    assert_eq!(case.status().common.last_handled_reconcile_at.as_deref(), Some("now"));
    let case = case.later(1).next_pass();
    assert!(!observes(&case));
    assert!(observes(&case.asks("again")));
}

#[test]
fn a_requested_reconcile_is_not_acknowledged_while_the_database_does_not_answer() {
    let mut case = settled().asks("now");
    case.does("Observe", Err(super::super::StepError::Database(unanswered())));
    assert_eq!(case.status().common.last_handled_reconcile_at, None);
    assert!(observes(&case.later(1).next_pass()), "and is not made to wait");
}

#[test]
fn an_empty_memory_observes_at_once() {
    assert!(observes(&settled().restarted()));
}

#[test]
fn another_host_user_secret_or_schema_is_observed_at_once() {
    let elsewhere = |case: Case| case.platform(|platform| platform.place = "db2.example.com public".to_owned());
    assert!(observes(&elsewhere(settled())));
    let banned = settled().failed_observation(-1, DatabaseFailure::PasswordRejected);
    assert!(!observes(&banned));
    assert!(observes(&elsewhere(banned)));
}

#[test]
fn a_failed_observation_is_not_repeated_before_its_time() {
    for (step_error, seconds) in [(unanswered(), 30), (DatabaseFailure::PasswordRejected, 300)] {
        let case = settled().failed_observation(-10, step_error);
        assert!(!observes(&case.clone().later(seconds - 11)));
        let wait = match case.decide() {
            Decision::Wait(_, requeue) | Decision::Refuse(_, requeue) => requeue,
            other => panic!("{other:?}"),
        };
        assert_eq!(
            wait,
            Requeue::At(at(seconds - 10)),
            "another reconcile does not postpone it"
        );
        assert!(observes(&case.clone().later(seconds - 10)));
        assert!(observes(&case.asks("now")));
    }
}

#[test]
fn a_schema_that_was_busy_or_has_no_snapshot_is_observed_again_soon() {
    let busy =
        settled().observation(|observation| (observation.at, observation.schema) = (at(-14), SchemaObservation::Busy));
    assert!(!observes(&busy));
    assert!(observes(&busy.later(1)));
    let mut snapshot_pending = settled().snapshot_pending().locked();
    let seen = snapshot_pending.sees(|observation| observation.schema = SchemaObservation::Busy);
    snapshot_pending.does("SnapshotAfterRun", seen);
    let soon = Decision::Settled(Requeue::At(snapshot_pending.now + std::time::Duration::from_secs(15)));
    assert_eq!(snapshot_pending.decide(), soon);
}

#[test]
fn a_refusal_ends_with_its_cause_and_needs_no_observation() {
    let edited = settled().files(&[(V1, A), (V2, "SELECT 2;")]);
    assert_eq!(reason(&edited), Reason::ChecksumMismatch);
    assert!(matches!(
        edited.files(&[(V1, A), (V2, B)]).decide(),
        Decision::Settled(_)
    ));
    let refused = pending("COMMIT;");
    assert_eq!(reason(&refused), Reason::MigrationRefused);
    assert_eq!(
        refused.files(&[(V1, A), (V2, B), (V3, HARMLESS)]).step().name(),
        "Begin"
    );
    let unapproved = pending(DROP);
    assert_eq!(reason(&unapproved), Reason::ApprovalRequired);
    assert_eq!(
        unapproved.spec(|spec| spec.policy.approve.clear()).step().name(),
        "Begin"
    );
    let blocked = pending(HARMLESS).source(SourceState::Invalid("x".to_owned()));
    assert_eq!(reason(&blocked), Reason::SourceInvalid);
    assert_eq!(
        blocked.files(&[(V1, A), (V2, B), (V3, HARMLESS)]).step().name(),
        "Begin"
    );
}

#[test]
fn an_observation_of_another_database_is_not_used() {
    let case = settled().platform(|platform| platform.place = "db2.example.com public".to_owned());
    assert!(case.state.observation().is_none());
    assert_eq!(
        case.status().head,
        settled().status().head,
        "the status stays until it is observed"
    );
}

#[test]
fn why_the_database_can_t_be_observed() {
    use DatabaseFailure as Failure;
    let words = || "why".to_owned();
    for (step_error, stalls, reason, again) in [
        (Failure::Unanswered(words()), false, Reason::DatabaseUnreachable, 30),
        (
            Failure::SecretMissing(words()),
            false,
            Reason::DatabaseSecretMissing,
            30,
        ),
        (Failure::SecretUnanswered(words()), false, Reason::Retrying, 30),
        (Failure::SecretInvalid(words()), true, Reason::SecretInvalid, 300),
        (Failure::PasswordInvalid(words()), true, Reason::SecretInvalid, 300),
        (Failure::AuthorityInvalid(words()), true, Reason::SecretInvalid, 300),
        (Failure::AccessMissing(words()), true, Reason::AccessMissing, 300),
        (Failure::SecretNotOffered(words()), true, Reason::SecretNotOffered, 300),
        (Failure::HostNotAllowed, true, Reason::HostNotAllowed, 300),
        (Failure::PasswordRejected, true, Reason::DatabasePasswordRejected, 300),
        (
            Failure::CertificateRefused(words()),
            true,
            Reason::DatabaseCertificateRefused,
            300,
        ),
        (Failure::Pooler, true, Reason::PoolerUnsupported, 300),
        (Failure::Refused("42501".to_owned()), true, Reason::DatabaseRefused, 300),
    ] {
        let mut case = settled()
            .restarted()
            .failed_observation(-600, Failure::AccessMissing(words()));
        refused(&mut case, 2);
        case.does("Observe", Err(StepError::Database(step_error)));
        let (was_stalled, said_reason, message, said_again) = said(&case);
        assert_eq!((was_stalled, said_reason, said_again), (stalls, reason, Some(again)));
        assert!(!message.is_empty());
    }
}

#[test]
fn a_right_that_is_refused_is_asked_for_again_before_anything_is_said() {
    let denied = || Err(StepError::Database(DatabaseFailure::AccessMissing("why".to_owned())));
    for before in 0..2 {
        let mut case = settled().restarted();
        if before > 0 {
            case = case.failed_observation(-600, DatabaseFailure::AccessMissing("why".to_owned()));
            refused(&mut case, before);
        }
        let memo = case.state.memo.clone();
        case.does("Observe", denied());
        let decision = case.decide();
        assert_eq!(status(&case.object, &case.state, &decision, case.now), memo, "{before}");
        assert_eq!(said(&case).3, Some(2));
    }
}

/// The last observations, so many of them, were refused for want of a right.
fn refused(case: &mut Case, times: u32) {
    let failed = case.state.memory.failed_observation.as_mut().unwrap();
    failed.refusals = (0..times).fold(Refusals::default(), |refusals, _| refusals.after(true));
}
