//! A database or source that does not answer: which conditions change, and when.

use ace_api::MigrationReason;

use super::{
    super::{Decision, LedgerRow, SourceState, StepError},
    fixture::{Case, pending, settled},
    values::{A, B, HARMLESS, V1, V2, V3, reason, said},
};
use crate::{
    kinds::platform::DatabaseFailure,
    reconcile::fixture::{at, message, shown},
};

fn unanswered() -> StepError {
    StepError::Database(DatabaseFailure::Unanswered("refused".to_owned()))
}

/// The observation that was due failed.
fn unreachable(mut case: Case) -> Case {
    case = case.observation(|observation| observation.at = at(-300));
    case.does("Observe", Err(unanswered()));
    case
}

const READY: [&str; 2] = ["Ready=True/Applied", "Drifted=False/NoDrift"];
const WAITS: [&str; 3] = [
    "Ready=False/DatabaseUnreachable",
    "Reconciling=True/DatabaseUnreachable",
    "Drifted=False/NoDrift",
];
const LOST: [&str; 3] = [
    "Ready=Unknown/NotObserved",
    "Reconciling=True/NotObserved",
    "Drifted=False/NoDrift",
];

#[test]
fn a_damaged_ledger_is_named_and_never_told_as_a_database_that_does_not_answer() {
    let mut case = pending(HARMLESS);
    case.state.memory.observation = None;
    let what = "`ace_ops.step` is not as it was made: its column `indexes` can't be read";
    case.does(
        "Observe",
        Err(StepError::Database(DatabaseFailure::Damaged(what.to_owned()))),
    );
    let (stalls, reason, message, again) = said(&case);
    assert_eq!(
        (stalls, reason, again),
        (true, MigrationReason::LedgerDamaged, Some(300))
    );
    let todo = message.strip_prefix(what).unwrap();
    assert!(
        todo.contains("restore it from a backup") && todo.contains("`DROP SCHEMA ace_ops CASCADE`"),
        "{todo}"
    );
}

#[test]
fn one_failed_observation_changes_nothing() {
    assert_eq!(shown(&unreachable(settled()).status()), READY);
    assert_eq!(
        shown(&unreachable(settled().observe()).status())[0],
        "Ready=False/DatabaseUnreachable",
        "a new spec was not seen"
    );
}

/// A file that comes too late was refused, and the status has that.
fn refused() -> Case {
    settled()
        .files(&[(V1, A), ("20260101500000", HARMLESS), (V2, B)])
        .next_pass()
}

#[test]
fn what_a_person_has_to_do_stays_after_a_failed_observation() {
    let failed = |case: Case| case.source(SourceState::Failed("it timed out".to_owned()));
    let mut restarted = refused().restarted();
    restarted.does("Observe", Err(unanswered()));
    for case in [unreachable(refused()), restarted, failed(refused())] {
        assert_eq!(case.status(), refused().status());
    }
    let lost = unreachable(refused()).later(601);
    assert_eq!(shown(&lost.status()), LOST);
}

#[test]
fn a_refusal_from_before_files_or_spec_changed_is_dropped() {
    let renamed = refused().files(&[(V1, A), (V2, B), (V3, HARMLESS)]);
    let edited = refused().files(&[(V1, A), (V2, "SELECT 2;")]);
    let allowed = refused().spec(|spec| spec.policy.out_of_order = ace_api::OutOfOrder::Apply);
    let seen_by_nobody = refused().restarted().with(|case| {
        if let SourceState::Ready { artifact_revision, .. } = &mut case.state.source {
            "main@sha1:new".clone_into(artifact_revision);
        }
    });
    for case in [renamed, allowed] {
        assert_eq!(shown(&unreachable(case).status()), WAITS);
    }
    let mut case = seen_by_nobody;
    case.does("Observe", Err(unanswered()));
    assert_eq!(shown(&case.status()), WAITS);
    assert_eq!(
        shown(&unreachable(edited).status())[1],
        "Stalled=True/ChecksumMismatch",
        "another refusal takes its place"
    );
}

#[test]
fn a_refusal_of_the_database_is_dropped_when_it_does_not_answer() {
    let mut rejected = settled().observation(|observation| observation.at = at(-300));
    rejected.does("Observe", Err(StepError::Database(DatabaseFailure::PasswordRejected)));
    let mut case = rejected.next_pass().restarted();
    case.does("Observe", Err(unanswered()));
    assert_eq!(shown(&case.status()), WAITS);
}

#[test]
fn in_observe_a_source_that_is_there_again_ends_its_refusal_even_in_an_outage() {
    let invalid = settled()
        .observe()
        .source(SourceState::Invalid("no folder".to_owned()))
        .next_pass();
    assert_eq!(shown(&invalid.status())[1], "Stalled=True/SourceInvalid");
    assert_eq!(
        shown(&unreachable(invalid.clone()).status())[1],
        "Stalled=True/SourceInvalid"
    );
    let mended = invalid.files(&[(V1, A), ("20260101500000", HARMLESS), (V2, B)]);
    assert_eq!(shown(&unreachable(mended).status())[1], WAITS[1]);
}

#[test]
fn after_three_intervals_nothing_is_known_and_the_message_says_why() {
    let case = unreachable(settled());
    for (second, expected) in [(600, &READY[..]), (601, &LOST)] {
        let later = case.clone().with(|case| case.state.step_error = None).later(second);
        let later = later.failed_observation(second, DatabaseFailure::Unanswered("refused".to_owned()));
        assert_eq!(shown(&later.status()), expected);
    }
    let lost = case.later(601);
    assert_eq!(
        message(&lost.status(), "Ready"),
        "the database at db.example.com:5432 does not answer: refused"
    );
}

#[test]
fn who_has_just_started_has_not_missed_anything_yet() {
    let mut case = settled().restarted();
    case.does("Observe", Err(unanswered()));
    assert_eq!(shown(&case.status()), READY);
    assert_eq!(shown(&case.clone().later(900).status()), READY);
    assert_eq!(shown(&case.later(901).status()), LOST);
}

#[test]
fn what_is_known_to_be_left_to_do_is_not_hidden_by_an_outage() {
    assert_eq!(shown(&unreachable(pending(HARMLESS)).status()), WAITS);
    let edited = settled().files(&[(V1, A), (V2, "SELECT 2;")]);
    assert_eq!(shown(&unreachable(edited).status()), WAITS);
    let mut new_files = settled().restarted().with(|case| {
        if let SourceState::Ready { artifact_revision, .. } = &mut case.state.source {
            "main@sha1:new".clone_into(artifact_revision);
        }
    });
    new_files.does("Observe", Err(unanswered()));
    assert_eq!(shown(&new_files.status()), WAITS, "they were not compared yet");
}

#[test]
fn a_spec_that_was_not_seen_is_not_ready() {
    let changed = settled().spec(|spec| spec.lock_timeout = ace_api::Duration::from_secs(9));
    assert_eq!(shown(&unreachable(changed).status()), WAITS);
}

#[test]
fn a_source_that_can_t_be_read_once_changes_nothing_either() {
    let failed = |case: Case| case.source(SourceState::Failed("it timed out".to_owned()));
    assert_eq!(shown(&failed(settled()).status()), READY);
    let waiting = failed(pending(HARMLESS).next_pass());
    assert_eq!(
        shown(&waiting.status())[..2],
        ["Ready=False/Retrying", "Reconciling=True/Retrying"]
    );
}

#[test]
fn what_else_is_tried_again_is_news_although_the_source_can_t_be_read_either() {
    let failed = settled().source(SourceState::Failed("it timed out".to_owned()));
    let lost = failed.with(|case| case.state.step_error = Some(StepError::Passing("it was lost".to_owned())));
    assert_eq!(
        shown(&lost.status())[..2],
        ["Ready=False/Retrying", "Reconciling=True/Retrying"]
    );
}

#[test]
fn a_wrong_password_is_for_a_person() {
    let mut case = settled().observation(|observation| observation.at = at(-300));
    case.does("Observe", Err(StepError::Database(DatabaseFailure::PasswordRejected)));
    let expected = [
        "Ready=False/DatabasePasswordRejected",
        "Stalled=True/DatabasePasswordRejected",
        "Drifted=False/NoDrift",
    ];
    assert_eq!(shown(&case.status()), expected);
}

#[test]
fn an_answer_ends_it() {
    let mut case = unreachable(settled()).later(1_000).next_pass();
    let seen = case.sees(|_| ());
    case.does("Observe", seen);
    assert_eq!(case.state.memory.failed_observation, None);
    assert_eq!(shown(&case.status()), READY);
}

#[test]
fn an_error_during_a_run_releases_the_lock_and_ends_the_reconcile() {
    for step_error in [unanswered(), StepError::Passing("COMMIT's answer was lost".to_owned())] {
        let mut case = settled().files(&[(V1, A), (V2, B), (V3, HARMLESS)]).prepared();
        case.does("Run", Err(step_error));
        assert!(matches!(case.decide(), Decision::Wait(..)));
        assert!(!case.state.locked && !case.state.prepared);
    }
}

#[test]
fn after_a_lost_answer_the_ledger_tells_before_anything_runs() {
    let mut case = pending(HARMLESS).prepared();
    case.does("Run", Err(StepError::Passing("COMMIT's answer was lost".to_owned())));
    let mut case = case.next_pass();
    let seen = case
        .clone()
        .row(V3, LedgerRow::default())
        .noted(V3, HARMLESS)
        .snapshot_pending()
        .sees(|_| ());
    case.does("Begin", seen);
    let seen = case.clone().snapshot_taken().sees(|_| ());
    case.does("SnapshotAfterRun", seen);
    assert!(matches!(case.decide(), Decision::Settled(_)));
}

#[test]
fn another_one_s_turn_does_not_make_it_unseen() {
    let mut case = pending(HARMLESS);
    case.does("Begin", Err(StepError::Busy(None)));
    assert_eq!(reason(&case), MigrationReason::WaitingForTurn);
}
