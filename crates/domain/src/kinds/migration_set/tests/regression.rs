//! A ledger that went back: what was run once is not run again by itself, and that is not forgotten.

use crate::reconcile::kind::Step as _;
use ace_api::MigrationReason;

use super::{
    super::{Decision, LedgerRow, OperatorSchema, Step, StepResult},
    fixture::{Case, ran, settled},
    values::{A, B, HARMLESS, V1, V2, V3, V4, own},
};

/// The database was restored to a time before `ace_ops` existed: its head went back to `V1`.
fn restored() -> Case {
    settled().observation(|observation| {
        observation.ledger.remove(V2);
        observation.operator_schema = Some(OperatorSchema {
            rows: [(V1.to_owned(), own(A))].into(),
            ..observation.operator_schema.clone().unwrap()
        });
    })
}

fn regressed(case: &Case) -> bool {
    matches!(case.decide(), Decision::Refuse(refusal, _) if refusal.reason == MigrationReason::LedgerRegressed)
}

#[test]
fn a_row_that_ace_ops_has_and_the_ledger_has_not() {
    assert!(regressed(&settled().gone(V2)));
    assert!(regressed(&settled().gone(V1)), "in the middle");
    assert!(regressed(&settled().gone(V2).forgotten()), "`ace_ops` still has it");
}

#[test]
fn a_head_that_went_back_on_the_same_database() {
    assert!(regressed(&restored()));
    assert!(
        regressed(&restored().observation(|observation| observation.target.timeline = 2)),
        "restored to a point in time"
    );
    assert!(!regressed(&restored().forgotten()), "only status knew it");
}

#[test]
fn a_head_that_another_database_had_is_no_memory() {
    for case in [
        restored().observation(|observation| observation.target.system_identifier = "7".to_owned()),
        restored().observation(|observation| observation.target.database_oid = 6),
        restored().observation(|observation| observation.target.database = "another".to_owned()),
    ] {
        assert_eq!(case.step().name(), "Begin");
    }
}

#[test]
fn the_status_that_shows_it_keeps_the_memory() {
    let mut case = restored();
    for _ in 0..3 {
        case = case.next_pass().later(10);
        assert!(regressed(&case));
        assert_eq!(case.status().head.as_deref(), Some(V2));
    }
    let mut again = case.restarted();
    let seen = settled();
    assert_eq!(again.status().head.as_deref(), Some(V2), "not observed yet");
    let observation = restored().state.memory.observation.unwrap();
    again.does("Observe", seen.sees(|shown| *shown = (*observation).clone()));
    assert!(regressed(&again));
}

#[test]
fn it_is_not_lost_by_other_refusals_either() {
    let edited = restored().files(&[(V1, "SELECT 1;"), (V2, B)]);
    assert_eq!(edited.status().head.as_deref(), Some(V2));
    let edited = edited.next_pass();
    assert!(regressed(&edited.files(&[(V1, A), (V2, B)])));
}

#[test]
fn it_is_not_lost_while_the_files_run_again() {
    let restored = || {
        settled()
            .files(&[(V1, A), (V2, B), (V3, HARMLESS)])
            .with(|case| case.state.memo.head = Some(V3.to_owned()))
            .gone(V2)
            .unnoted(V2)
    };
    let plan = restored().plan();
    let mut case = restored().approve(&plan).prepared();
    case.does("Run", ran());
    assert_eq!(case.status().head.as_deref(), Some(V3));
    // The process dies, and the approval is taken back.
    let after = case.next_pass().spec(|spec| spec.approvals.clear());
    assert!(regressed(&after.snapshot_taken()));
}

#[test]
fn it_ends_when_the_ledger_is_repaired() {
    let case = restored().next_pass().row(V2, LedgerRow::default());
    assert!(matches!(case.decide(), Decision::Settled(_)));
    assert_eq!(case.status().head.as_deref(), Some(V2));
}

/// No desired file is missing then; and whether new files up to that head were run before is unknown.
#[test]
fn what_only_status_has_goes_with_its_files_and_what_ace_ops_has_does_not() {
    let without = |case: Case| case.files(&[(V1, A)]);
    let with = |case: Case| case.files(&[(V1, A), (V2, B)]);
    for (case, known) in [(restored(), false), (settled().gone(V2), true)] {
        let left = without(case.next_pass());
        assert!(matches!(left.decide(), Decision::Settled(_)));
        assert_eq!(left.status().head.as_deref(), Some(V1));
        assert_eq!(regressed(&with(left.next_pass())), known);
    }
}

#[test]
fn new_files_wait_with_it_and_are_no_part_of_it() {
    let case = restored().files(&[(V1, A), (V2, B), (V4, HARMLESS)]);
    assert!(regressed(&case));
    let plan = case.plan();
    let mut case = case.approve(&plan).locked();
    case.does("Prepare", Ok(StepResult::Prepared));
    let again = |case: &Case| match case.step() {
        Step::Run { again, .. } => again,
        other => panic!("{other:?}"),
    };
    assert!(again(&case));
    case.does("Run", ran());
    assert!(!again(&case));
}

#[test]
fn a_head_that_only_files_of_others_had_is_let_go() {
    let case = settled().row("2029", LedgerRow::default()).next_pass().gone("2029");
    assert!(matches!(case.decide(), Decision::Settled(_)));
    assert_eq!(case.status().head.as_deref(), Some(V2));
}
