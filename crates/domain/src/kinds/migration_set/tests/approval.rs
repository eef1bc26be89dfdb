//! Approvals: of a plan, and of exactly what is left of it.

use ace_api::{MigrationReason, MigrationTarget};

use super::{
    super::{Decision, LedgerRow, Refusal, Step, StepError, StepResult, StoredPlan},
    fixture::{Case, pending, ran, settled},
    values::{A, B, DROP, HARMLESS, OTHER, V1, V2, V3, V4, file, own, reason, target},
};
use crate::reconcile::{fixture::at, kind::Step as _};

const MORE: &str = "DROP TABLE public.b;\n";

fn two() -> Case {
    settled().files(&[(V1, A), (V2, B), (V3, DROP), (V4, MORE)])
}

/// Both were approved and begun, the first one ran, and the process died.
fn begun() -> Case {
    let plan = two().plan();
    two()
        .approve(&plan)
        .row(V3, LedgerRow::default())
        .operator_schema(|operator_schema| {
            operator_schema.rows.insert(V3.to_owned(), own(DROP));
            operator_schema.plan = Some(stored(&plan, &target()));
        })
}

fn stored(digest: &str, target: &MigrationTarget) -> StoredPlan {
    StoredPlan {
        digest: digest.to_owned(),
        system_identifier: target.system_identifier.clone(),
        timeline: target.timeline,
        database_oid: target.database_oid,
        items: [(V3, DROP), (V4, MORE)]
            .map(|(version, text)| (version.to_owned(), file(version, text).sha256))
            .into(),
    }
}

fn is_refused(case: &Case) -> bool {
    let refused =
        matches!(case.decide(), Decision::Refuse(refusal, _) if refusal.reason == MigrationReason::ApprovalRequired);
    assert_eq!(case.status().plan.unwrap().approval_required, refused);
    refused
}

#[test]
fn nothing_of_a_plan_runs_before_it_is_approved() {
    let harmless_first = settled().files(&[(V1, A), (V2, B), (V3, HARMLESS), (V4, DROP)]);
    for case in [pending(DROP), two(), harmless_first] {
        assert!(is_refused(&case));
        assert!(is_refused(&case.clone().approve(OTHER)));
        assert!(is_refused(&case.clone().locked()));
        let plan = case.plan();
        assert!(!is_refused(&case.approve(&plan)));
    }
}

#[test]
fn an_approval_for_another_database_is_none() {
    let elsewhere = pending(DROP).observation(|observation| observation.target.system_identifier = "7".to_owned());
    let plan = elsewhere.plan();
    assert!(is_refused(&pending(DROP).approve(&plan)));
    assert!(!is_refused(&elsewhere.approve(&plan)));
}

#[test]
fn one_that_is_given_while_the_view_is_old_is_acted_upon_at_once() {
    let case = pending(DROP).observation(|observation| observation.at = at(-299));
    let plan = case.plan();
    let mut case = case.approve(&plan);
    let seen = case.sees(|_| ());
    case.does("Begin", seen);
    let stored = StoredPlan {
        items: vec![(V3.to_owned(), file(V3, DROP).sha256)],
        ..stored(&plan, &target())
    };
    assert_eq!(case.step(), Step::Prepare(stored));
}

#[test]
fn what_is_seen_under_the_lock_decides() {
    let plan = pending(DROP).plan();
    let mut case = pending(DROP).approve(&plan);
    let seen = case.sees(|observation| observation.target.timeline = 2);
    case.does("Begin", seen);
    assert!(is_refused(&case));
}

#[test]
fn it_holds_for_what_is_left_after_a_crash() {
    assert!(!is_refused(&begun()));
    assert_eq!(begun().locked().step().name(), "Prepare");
}

#[test]
fn it_holds_for_what_is_left_after_a_failure_once_something_was_done_about_it() {
    let plan = two().plan();
    let mut case = two().approve(&plan).prepared();
    case.does("Run", ran());
    let refusal = Refusal {
        version: V4.parse().unwrap(),
        half: false,
        message: "it did not work".to_owned(),
    };
    case.does("Run", Err(StepError::Refused(refusal)));
    let seen = case.clone().snapshot_taken().sees(|_| ());
    case.does("SnapshotAfterRun", seen);
    let held = case.next_pass();
    assert_eq!(reason(&held), MigrationReason::MigrationFailed);
    assert_eq!(held.asks("now").locked().step().name(), "Prepare");
}

#[test]
fn it_does_not_hold_for_anything_else_than_what_is_left() {
    let files = |files: &[(&str, &str)]| begun().files(&[&[(V1, A), (V2, B), (V3, DROP)], files].concat());
    for (case, cause) in [
        (files(&[(V4, "DROP TABLE public.b; -- really\n")]), "an edited file"),
        (files(&[(V4, MORE), ("20260105", HARMLESS)]), "one more file"),
        (files(&[("20260103500000", HARMLESS), (V4, MORE)]), "an inserted file"),
        (files(&[("20260104000001", MORE)]), "a renamed file"),
        (
            begun().observation(|observation| observation.target.timeline = 2),
            "a restored database",
        ),
        (
            begun().observation(|observation| observation.target.system_identifier = "7".to_owned()),
            "another cluster",
        ),
        (
            begun().observation(|observation| observation.target.database_oid = 6),
            "a recreated database",
        ),
        (begun().spec(|spec| spec.approvals.clear()), "an approval taken back"),
        (
            begun().operator_schema(|operator_schema| operator_schema.plan = None),
            "a plan that is missing",
        ),
    ] {
        assert!(is_refused(&case), "{cause}");
    }
}

#[test]
fn it_does_not_let_run_again_what_it_let_run_once() {
    let reverted = begun().gone(V3);
    assert_eq!(reason(&reverted), MigrationReason::LedgerRegressed);
    let all = begun().row(V4, LedgerRow::default()).noted(V4, MORE);
    assert!(matches!(all.decide(), Decision::Settled(_)));
    for gone in [&[V4][..], &[V3], &[V3, V4]] {
        let reverted = all.clone().observation(|observation| {
            observation
                .ledger
                .retain(|version, _| !gone.contains(&version.as_str()));
        });
        assert_eq!(reason(&reverted), MigrationReason::LedgerRegressed, "{gone:?}");
    }
}

#[test]
fn an_approval_lets_a_file_run_again_only_once() {
    let gone = settled().gone(V2);
    let plan = gone.plan();
    let mut case = gone.approve(&plan).locked();
    case.does("Prepare", Ok(StepResult::Prepared));
    assert!(matches!(case.step(), Step::Run { again: true, .. }));
    case.does("Run", ran());
    let seen = case.clone().snapshot_taken().gone(V2).sees(|_| ());
    case.does("SnapshotAfterRun", seen);
    assert_eq!(reason(&case), MigrationReason::LedgerRegressed);
}

#[test]
fn what_needs_none_needs_none_whatever_ran_before() {
    let case =
        pending(HARMLESS).operator_schema(|operator_schema| operator_schema.plan = Some(stored(OTHER, &target())));
    assert_eq!(case.locked().step().name(), "Prepare");
    let nothing_guarded = pending(DROP).spec(|spec| spec.policy.approve.clear());
    assert_eq!(nothing_guarded.locked().step().name(), "Prepare");
}
