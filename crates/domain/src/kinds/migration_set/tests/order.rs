//! The order of steps, and that every reconcile ends.

use std::sync::Arc;

use ace_api::{MigrationReason, OutOfOrder};

use super::{
    super::{Decision, Kind, LedgerRow, Step, StepError, StepResult, SyntaxCheck},
    fixture::{Case, fresh, pending, ran, settled},
    values::{A, B, DROP, HARMLESS, LIVE, V1, V2, V3, V4, file, own, reason, said, script, taken},
};
use crate::{
    reconcile::{
        fixture::at,
        kind::{Kind as _, Step as _},
    },
    sql::read,
};

#[test]
fn a_new_database_is_claimed_described_and_then_written() {
    let mut case = fresh();
    let mut steps = Vec::new();
    while let Decision::Do(step) = case.decide() {
        steps.push(step.name());
        let outcome = obedient(&case, &step);
        Kind::update(&case.object, &mut case.state, &step, outcome, case.now);
    }
    let expected = [
        "Begin",
        "Claim",
        "ObserveAgain",
        "SetReference",
        "ObserveAgain",
        "Prepare",
        "Run",
        "Run",
        "SnapshotAfterRun",
    ];
    assert_eq!(steps, expected);
    assert!(matches!(case.decide(), Decision::Settled(_)));
}

/// The answers of a database that does what each step asks for.
fn obedient(case: &Case, step: &Step) -> Result<StepResult, StepError> {
    match step {
        Step::Read(files) => Ok(StepResult::Read(
            files
                .iter()
                .map(|file| (file.sha256.clone(), read(file).map(Arc::new)))
                .collect(),
        )),
        Step::Assess(unassessed) => Ok(StepResult::Assessed(Arc::new(unassessed.clone().assess()))),
        Step::CheckSyntax(asked) => Ok(StepResult::SyntaxChecked(
            asked.iter().map(|text| (text.clone(), SyntaxCheck::Parses)).collect(),
        )),
        Step::MakeBackup(_) | Step::CheckBackup(_) => unreachable!("no set requires a backup"),
        Step::Prepare(_) => Ok(StepResult::Prepared),
        Step::Run { .. } => ran(),
        Step::Claim | Step::Adopt(_) | Step::Baseline(_) | Step::SetReference { .. } => Ok(StepResult::Written),
        Step::Observe | Step::Begin | Step::ObserveAgain | Step::SnapshotAfterRun => case.sees(|observation| {
            let claimed = case.state.written_steps.contains("Claim");
            let described = case.state.written_steps.contains("SetReference");
            let model = settled().state.memory.observation.unwrap();
            if claimed && observation.operator_schema.is_none() {
                observation.operator_schema.clone_from(&model.operator_schema);
                let operator_schema = observation.operator_schema.as_mut().unwrap();
                (operator_schema.rows, operator_schema.reference) = Default::default();
            }
            if let Some(operator_schema) = observation.operator_schema.as_mut().filter(|_| described) {
                operator_schema.reference = model.operator_schema.as_ref().unwrap().reference.clone();
            }
        }),
    }
}

#[test]
fn a_database_that_accepts_writes_and_changes_nothing_ends_every_reconcile() {
    let stubborn = [
        fresh(),
        settled().operator_schema(|operator_schema| operator_schema.reference = None),
        settled()
            .files(&[(V1, A), (V2, B), (V3, HARMLESS)])
            .row(V3, super::values::recorded(&[HARMLESS])),
        super::baseline::named(V2, LIVE),
        pending(HARMLESS),
        settled().snapshot_pending(),
        pending(HARMLESS).snapshot_pending(),
        settled().observation(|observation| observation.at = at(-3600)),
        settled().asks("now"),
        pending(HARMLESS).with(|case| case.state.scripts.clear()),
        pending("FROBNICATE public.a;"),
    ];
    for (number, mut case) in stubborn.into_iter().enumerate() {
        let before = case.state.memory.observation.clone().unwrap();
        for steps in 0.. {
            let Decision::Do(step) = case.decide() else { break };
            assert!(steps < 10, "{number}: {step:?}");
            let outcome = match step {
                Step::Observe | Step::Begin | Step::ObserveAgain | Step::SnapshotAfterRun => case.sees(|observation| {
                    *observation = super::super::Observation {
                        at: at(0),
                        ..(*before).clone()
                    };
                }),
                _ => obedient(&case, &step),
            };
            Kind::update(&case.object, &mut case.state, &step, outcome, case.now);
        }
    }
}

#[test]
fn what_was_written_and_is_not_seen_is_not_written_again() {
    let mut case = fresh().locked();
    case.does("Claim", Ok(StepResult::Written));
    let seen = case.sees(|_| ());
    case.does("ObserveAgain", seen);
    let message = "the database does not show what step Claim wrote; checking again".to_owned();
    assert_eq!(said(&case), (false, MigrationReason::Retrying, message, Some(0)));
}

#[test]
fn under_the_lock_what_was_seen_before_counts_no_more() {
    let mut case = pending(HARMLESS);
    let seen = case.sees(|observation| {
        observation.ledger.insert(V3.to_owned(), LedgerRow::default());
        let rows = &mut observation.operator_schema.as_mut().unwrap().rows;
        rows.insert(V3.to_owned(), own(HARMLESS));
    });
    case.does("Begin", seen);
    assert!(
        matches!(case.decide(), Decision::Settled(_)),
        "another operator was faster"
    );
}

#[test]
fn files_run_in_the_order_of_their_versions_as_text() {
    let late = |policy| {
        settled()
            .files(&[
                (V1, A),
                ("20260101500000", HARMLESS),
                (V2, B),
                ("3", "SELECT 3;"),
                ("21", "SELECT 21;"),
            ])
            .spec(|spec| spec.policy.out_of_order = policy)
    };
    assert_eq!(reason(&late(OutOfOrder::Refuse)), MigrationReason::OutOfOrder);
    let mut case = late(OutOfOrder::Apply).prepared();
    for version in ["20260101500000", "21", "3"] {
        match case.step() {
            Step::Run { file, again, .. } => assert_eq!((file.version.as_str(), again), (version, false)),
            other => panic!("{other:?}"),
        }
        case.does("Run", ran());
    }
    assert_eq!(case.step().name(), "SnapshotAfterRun");
}

#[test]
fn only_what_is_pending_is_read() {
    let mut case = settled()
        .files(&[(V1, A), (V2, B), (V3, HARMLESS), (V4, DROP)])
        .with(|case| case.state.scripts.clear());
    assert_eq!(case.step(), Step::Read(vec![file(V3, HARMLESS), file(V4, DROP)]));
    let one = [(file(V3, HARMLESS).sha256, Ok(script(HARMLESS)))];
    case.does("Read", Ok(StepResult::Read(one.into())));
    assert_eq!(case.step(), Step::Read(vec![file(V4, DROP)]));
}

#[test]
fn statements_that_our_parser_can_t_read_are_checked_by_the_server() {
    let strange = "SELECT 1;\n\nSELECT 1\n  FROBNICATE THE THINGS 7 WITH;\n";
    let asked = pending(strange);
    let piece = asked
        .state
        .scripts
        .values()
        .flatten()
        .find_map(|script| script.unread.first().cloned());
    let statement = strange[piece.expect("our parser does not know it").range].to_owned();
    assert_eq!(asked.step(), Step::CheckSyntax(vec![statement.clone()]));
    let answered = |answer| {
        let mut case = asked.clone();
        case.does(
            "CheckSyntax",
            Ok(StepResult::SyntaxChecked([(statement.clone(), answer)].into())),
        );
        case
    };
    assert_eq!(
        answered(SyntaxCheck::Parses)
            .spec(|spec| spec.policy.approve.clear())
            .step()
            .name(),
        "Begin"
    );
    let fault = SyntaxCheck::Fault {
        line: 1,
        message: "syntax error at or near \"THE\"".to_owned(),
    };
    let message = "20260103000000_x.sql: line 4: syntax error at or near \"THE\"".to_owned();
    let expected = (true, MigrationReason::MigrationRefused, message, Some(240));
    assert_eq!(said(&answered(fault)), expected);
}

#[test]
fn a_reference_comes_before_the_first_file() {
    for case in [
        pending(HARMLESS).operator_schema(|operator_schema| operator_schema.reference = None),
        pending(HARMLESS).observation(|observation| observation.target.server_version = "17.0".to_owned()),
        pending(HARMLESS).spec(|spec| spec.schemas.push("private".to_owned())),
        pending(HARMLESS)
            .observation(|observation| observation.schema = taken(super::values::OTHER, Vec::new()))
            .spec(|spec| spec.accepted_schema = Some(super::values::OTHER.to_owned())),
    ] {
        assert_eq!(case.locked().step().name(), "SetReference");
    }
}

#[test]
fn the_order_of_schemas_in_the_spec_changes_nothing() {
    let case = settled()
        .spec(|spec| spec.schemas = vec!["b".to_owned(), "a".to_owned()])
        .operator_schema(|operator_schema| {
            operator_schema.reference.as_mut().unwrap().schemas = vec!["a".to_owned(), "b".to_owned()];
        });
    assert!(matches!(case.decide(), Decision::Settled(_)));
}
