//! A database that was there before the operator: what is recorded without being run, and when.

use ace_api::{Baseline, MigrationReason, OutOfOrder};

use super::{
    super::{Decision, LedgerRow, SchemaObservation, Step},
    fixture::{Case, fresh, pending, settled},
    values::{A, B, DROP, HARMLESS, LIVE, OTHER, V1, V2, V3, V4, bare, file, reason, taken},
};
use crate::reconcile::{fixture::at, kind::Step as _};

/// Nothing is recorded, the schema has objects, and `spec.baseline` names this.
pub(super) fn named(through: &str, digest: &str) -> Case {
    fresh()
        .observation(|observation| observation.schema = taken(LIVE, Vec::new()))
        .spec(|spec| {
            spec.baseline = Some(Baseline {
                through: through.to_owned(),
                schema_digest: digest.to_owned(),
            });
        })
}

/// The steps of a locked reconcile whose observations show what was claimed, up to the first that does not write `ace_ops`.
fn records(case: Case) -> Option<Vec<String>> {
    let mut case = case.locked();
    case.does("Claim", Ok(super::super::StepResult::Written));
    let seen = case.sees(|observation| {
        observation.operator_schema = settled().state.memory.observation.unwrap().operator_schema.clone();
        observation.operator_schema.as_mut().unwrap().rows.clear();
    });
    case.does("ObserveAgain", seen);
    match case.decide() {
        Decision::Do(Step::Baseline(files)) => Some(files.iter().map(|file| file.version.to_string()).collect()),
        _ => None,
    }
}

#[test]
fn files_up_to_the_one_that_is_named_are_recorded_if_the_live_schema_is_the_one_that_is_named() {
    assert_eq!(records(named(V1, LIVE)), Some(vec![V1.to_owned()]));
    assert_eq!(records(named(V2, LIVE)), Some(vec![V1.to_owned(), V2.to_owned()]));
}

/// Older than every file, a part of a version, between two, newer than every file.
const NO_FILE: [&str; 4] = ["2025", "20260101", "20260101000001", V4];

#[test]
fn a_name_that_no_file_has_records_nothing_and_runs_nothing_whatever_the_schema_is() {
    for through in NO_FILE {
        for schema in [taken(LIVE, Vec::new()), bare(), SchemaObservation::Busy] {
            for digest in [LIVE, OTHER] {
                let case = named(through, digest)
                    .observation(|observation| (observation.at, observation.schema) = (at(0), schema.clone()));
                for case in [case.clone().locked(), case] {
                    assert_eq!(reason(&case), MigrationReason::BaselineMismatch, "{through}");
                }
            }
        }
    }
}

#[test]
fn nor_does_it_run_anything_where_somebody_has_recorded_something() {
    for through in NO_FILE {
        let case = named(through, LIVE).row("2019", LedgerRow::default());
        assert_eq!(reason(&case), MigrationReason::BaselineMismatch, "{through}");
    }
}

#[test]
fn once_it_was_taken_the_file_that_it_names_may_leave_the_folder() {
    let taken = |files: &[(&str, &str)], digest: &str| {
        settled().files(files).spec(|spec| {
            spec.baseline = Some(Baseline {
                through: V2.to_owned(),
                schema_digest: digest.to_owned(),
            });
        })
    };
    let left = taken(&[(V1, A), (V3, HARMLESS)], OTHER);
    for case in [left.clone(), left.clone().unnoted(V2), left.gone(V2)] {
        assert_eq!(case.locked().step().name(), "Prepare");
    }
    let inserted = taken(&[(V1, A), ("20260101500000", DROP)], LIVE).locked();
    assert_eq!(inserted.step(), Step::Baseline(vec![file("20260101500000", DROP)]));
}

#[test]
fn an_empty_schema_needs_none() {
    let case = named(V2, OTHER).observation(|observation| observation.schema = bare());
    assert_eq!(
        reason(&case),
        MigrationReason::BaselineMismatch,
        "one that is named is meant"
    );
    assert_eq!(fresh().step().name(), "Begin");
}

#[test]
fn nothing_is_claimed_before_it_is_known_what_the_schema_is() {
    for schema in [SchemaObservation::Busy, taken(LIVE, Vec::new())] {
        let case = fresh().observation(|observation| observation.schema = schema).locked();
        assert!(!matches!(case.decide(), Decision::Do(_)));
    }
}

#[test]
fn one_version_in_the_ledger_is_a_history_and_needs_no_baseline() {
    let case = fresh().observation(|observation| {
        observation.schema = taken(LIVE, Vec::new());
        observation.ledger.insert("2019".to_owned(), LedgerRow::default());
    });
    assert_eq!(case.step().name(), "Begin");
}

#[test]
fn it_counts_only_while_a_version_is_absent() {
    let recorded = settled().spec(|spec| {
        spec.baseline = Some(Baseline {
            through: V2.to_owned(),
            schema_digest: OTHER.to_owned(),
        });
    });
    assert!(
        matches!(recorded.decide(), Decision::Settled(_)),
        "another digest by now"
    );
    let inserted = recorded.files(&[(V1, A), ("20260101500000", HARMLESS), (V2, B)]);
    assert_eq!(reason(&inserted), MigrationReason::BaselineMismatch);
}

#[test]
fn what_it_records_is_never_out_of_order_and_never_run() {
    let case = settled()
        .files(&[(V1, A), ("20260101500000", DROP), (V2, B)])
        .spec(|spec| {
            spec.policy.out_of_order = OutOfOrder::Refuse;
            spec.baseline = Some(Baseline {
                through: V2.to_owned(),
                schema_digest: LIVE.to_owned(),
            });
        })
        .locked();
    assert_eq!(case.step(), Step::Baseline(vec![file("20260101500000", DROP)]));
}

#[test]
fn what_ran_once_is_not_recorded_by_it() {
    let case = settled().gone(V2).spec(|spec| {
        spec.baseline = Some(Baseline {
            through: V2.to_owned(),
            schema_digest: LIVE.to_owned(),
        });
    });
    assert_eq!(reason(&case), MigrationReason::LedgerRegressed);
}

#[test]
fn a_pending_file_behind_it_runs() {
    let case = pending(HARMLESS).spec(|spec| {
        spec.baseline = Some(Baseline {
            through: V2.to_owned(),
            schema_digest: OTHER.to_owned(),
        });
    });
    assert_eq!(case.locked().step().name(), "Prepare");
}

#[test]
fn where_no_file_made_anything_of_the_schema_all_of_them_run() {
    let case = named("none", LIVE).locked();
    assert_eq!(case.step().name(), "Claim");
    assert_eq!(records(named("none", LIVE)), None);
    let mut case = named("none", LIVE).locked();
    case.does("Claim", Ok(super::super::StepResult::Written));
    let seen = case.sees(|observation| {
        observation.operator_schema = settled().state.memory.observation.unwrap().operator_schema.clone();
        observation.operator_schema.as_mut().unwrap().rows.clear();
    });
    case.does("ObserveAgain", seen);
    match case.step() {
        Step::Prepare(plan) => assert_eq!(plan.items.iter().map(|item| &item.0).collect::<Vec<_>>(), [V1, V2]),
        other => panic!("{other:?}"),
    }
}

#[test]
fn none_of_another_schema_runs_nothing() {
    for case in [named("none", OTHER), named("none", OTHER).locked()] {
        assert_eq!(reason(&case), MigrationReason::BaselineMismatch);
    }
}

#[test]
fn none_counts_only_until_something_was_recorded() {
    let case = pending(HARMLESS).spec(|spec| {
        spec.baseline = Some(Baseline {
            through: "none".to_owned(),
            schema_digest: OTHER.to_owned(),
        });
    });
    assert_eq!(case.locked().step().name(), "Prepare");
}
