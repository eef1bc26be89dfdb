//! What failed is not tried again by itself, and what lifts that.

use ace_api::{Approval, HeldMigration, HeldOutcome, MigrationReason};

use super::{
    super::{Decision, LedgerRow, Refusal, StepError},
    fixture::{Case, pending, ran, settled},
    values::{A, B, CONCURRENT, HARMLESS, V1, V2, V3, V4, reason},
};
use crate::reconcile::{fixture::message, kind::Step as _};

const MESSAGE: &str = "20260103000000_x.sql line 1: column c exists (SQLSTATE 42701); correct the file";

fn refusal() -> StepError {
    StepError::Refused(Refusal {
        version: V3.parse().unwrap(),
        half: false,
        message: MESSAGE.to_owned(),
    })
}

/// The third file failed in the last reconcile.
fn held() -> Case {
    let mut case = pending(HARMLESS).prepared();
    case.does("Run", Err(refusal()));
    case.next_pass()
}

fn is_held(case: &Case) -> bool {
    match case.decide() {
        Decision::Refuse(refusal, _) if refusal.reason == MigrationReason::MigrationFailed => true,
        Decision::Do(_) => false,
        other => panic!("{other:?}"),
    }
}

#[test]
fn it_is_noted_with_all_that_lifts_it() {
    let case = held().asks("first").later(300);
    let mut again = case.prepared();
    again.does("Run", Err(refusal()));
    let held = again.status().held.unwrap();
    let expected = HeldMigration {
        outcome: HeldOutcome {
            reason: "MigrationFailed".to_owned(),
            message: MESSAGE.to_owned(),
            generation: 2,
            reconcile_at: Some("first".to_owned()),
        },
        version: V3.to_owned(),
        digest: held.digest.clone(),
    };
    assert_eq!(held, expected);
    assert_eq!(message(&again.status(), "Stalled"), MESSAGE);
}

#[test]
fn it_outlives_time_and_restarts() {
    assert!(is_held(&held()));
    let mut case = held().later(86_400).restarted();
    let seen = case.sees(|_| ());
    case.does("Observe", seen);
    assert!(is_held(&case));
    assert_eq!(case.status().held, held().status().held);
}

#[test]
fn files_spec_and_asking_lift_it() {
    let files = |files: &[(&str, &str)]| held().files(&[&[(V1, A), (V2, B)], files].concat());
    for (case, what) in [
        (files(&[(V3, "SELECT 3;")]), "the file was corrected"),
        (files(&[(V3, HARMLESS), (V4, "SELECT 4;")]), "another file came"),
        (files(&[("202601030", HARMLESS)]), "the file was renamed"),
        (
            held().spec(|spec| spec.lock_timeout = ace_api::Duration::from_secs(9)),
            "the spec",
        ),
        (
            held().spec(|spec| {
                spec.approvals.push(Approval {
                    plan: super::values::OTHER.to_owned(),
                    without_backup: false,
                    reason: None,
                });
            }),
            "an approval",
        ),
        (held().asks("now"), "a reconcile was requested"),
        (
            files(&[(V3, HARMLESS), (V4, "SELECT 4;")])
                .row(V4, LedgerRow::default())
                .row(V3, LedgerRow::default()),
            "the ledger was repaired",
        ),
    ] {
        assert!(!matches!(case.decide(), Decision::Refuse(..)), "{what}");
        assert_eq!(case.status().held, None, "{what}");
    }
}

#[test]
fn a_run_that_goes_on_forgets_it() {
    let mut case = held().asks("now").prepared();
    case.does("Run", ran());
    assert_eq!(case.state.memo.held, None);
}

#[test]
fn the_ledgers_of_others_come_before_what_is_held() {
    let edited = held().files(&[(V1, A), (V2, "SELECT 2;"), (V3, HARMLESS)]);
    assert_eq!(reason(&edited), MigrationReason::ChecksumMismatch);
}

#[test]
fn a_schema_snapshot_follows_the_files_that_ran_before_the_failure() {
    let mut case = settled()
        .files(&[(V1, A), (V2, B), (V3, HARMLESS), (V4, "SELECT 4;")])
        .prepared();
    case.does("Run", ran());
    case.does("Run", Err(refusal()));
    assert_eq!(case.step().name(), "SnapshotAfterRun");
    let failed = StepError::Passing("the session ended".to_owned());
    case.does("SnapshotAfterRun", Err(failed));
    assert!(
        is_held(&case),
        "the cause of the stop is reported, even if the snapshot fails"
    );
    assert!(case.status().held.is_some());
    assert_eq!(
        case.next_pass().step().name(),
        "Begin",
        "and the snapshot is taken in the next reconcile"
    );
}

#[test]
fn a_schema_snapshot_follows_the_parts_that_stay() {
    for (text, expected) in [(HARMLESS, None), (CONCURRENT, Some("SnapshotAfterRun"))] {
        let mut case = pending(text).prepared();
        case.does("Run", Err(refusal()));
        let step = match case.decide() {
            Decision::Do(step) => Some(step.name()),
            _ => None,
        };
        assert_eq!(step, expected);
    }
}
