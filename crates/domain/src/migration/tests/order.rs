//! What comes before what, and that every pass comes to an end.

use std::sync::Arc;

use ace_api::{MigrationReason, OutOfOrder};

use super::{
    super::{Answer, Decision, Fact, LedgerRow, Step, Trouble, learn},
    fixture::{Case, at, fresh, pending, ran, settled},
    words::{A, B, DROP, HARMLESS, LIVE, V1, V2, V3, V4, file, own, reason, said, script, taken},
};
use crate::script::read;

#[test]
fn a_new_database_is_claimed_described_and_then_written() {
    let mut case = fresh();
    let mut steps = Vec::new();
    while let Decision::Do(step) = case.decide() {
        steps.push(step.name());
        let outcome = obedient(&case, &step);
        learn(&case.object, &mut case.world, &step, outcome, case.now);
    }
    let expected = [
        "Begin",
        "Claim",
        "LookAgain",
        "SetReference",
        "LookAgain",
        "Prepare",
        "Run",
        "Run",
        "LookBehind",
    ];
    assert_eq!(steps, expected);
    assert!(matches!(case.decide(), Decision::Settled(_)));
}

/// What a database answers that does what it is told.
fn obedient(case: &Case, step: &Step) -> Result<Fact, Trouble> {
    match step {
        Step::Read(files) => Ok(Fact::Read(
            files
                .iter()
                .map(|file| (file.sha256.clone(), read(file).map(Arc::new)))
                .collect(),
        )),
        Step::Ask(asked) => Ok(Fact::Asked(
            asked.iter().map(|text| (text.clone(), Answer::Parses)).collect(),
        )),
        Step::Prepare { .. } => Ok(Fact::Prepared),
        Step::Run { .. } => ran(),
        Step::Claim | Step::Adopt(_) | Step::Baseline(_) | Step::SetReference { .. } => Ok(Fact::Written),
        Step::Look | Step::Begin | Step::LookAgain | Step::LookBehind => case.sees(|view| {
            let claimed = case.world.wrote.contains("Claim");
            let described = case.world.wrote.contains("SetReference");
            let model = settled().world.recall.view.unwrap();
            if claimed && view.house.is_none() {
                view.house.clone_from(&model.house);
                let house = view.house.as_mut().unwrap();
                (house.rows, house.reference) = Default::default();
            }
            if let Some(house) = view.house.as_mut().filter(|_| described) {
                house.reference = model.house.as_ref().unwrap().reference.clone();
            }
        }),
    }
}

#[test]
fn a_database_that_says_yes_and_changes_nothing_ends_every_pass() {
    let stubborn = [
        fresh(),
        settled().house(|house| house.reference = None),
        settled()
            .files(&[(V1, A), (V2, B), (V3, HARMLESS)])
            .row(V3, super::words::recorded(&[HARMLESS])),
        super::baseline::named(V2, LIVE),
        pending(HARMLESS),
        settled().behind(),
        pending(HARMLESS).behind(),
        settled().view(|view| view.at = at(-3600)),
        settled().asks("now"),
        pending(HARMLESS).with(|case| case.world.scripts.clear()),
        pending("FROBNICATE public.a;"),
    ];
    for (number, mut case) in stubborn.into_iter().enumerate() {
        let before = case.world.recall.view.clone().unwrap();
        for steps in 0.. {
            let Decision::Do(step) = case.decide() else { break };
            assert!(steps < 10, "{number}: {step:?}");
            let outcome = match step {
                Step::Look | Step::Begin | Step::LookAgain | Step::LookBehind => case.sees(|view| {
                    *view = super::super::View {
                        at: at(0),
                        ..(*before).clone()
                    };
                }),
                _ => obedient(&case, &step),
            };
            learn(&case.object, &mut case.world, &step, outcome, case.now);
        }
    }
}

#[test]
fn what_was_written_and_is_not_seen_is_not_written_again() {
    let mut case = fresh().locked();
    case.does("Claim", Ok(Fact::Written));
    let seen = case.sees(|_| ());
    case.does("LookAgain", seen);
    let message = "the database does not show what step Claim wrote; it is looked at again".to_owned();
    assert_eq!(
        said(case.decide()),
        (false, MigrationReason::Retrying, message, Some(0))
    );
}

#[test]
fn under_the_lock_what_was_seen_before_counts_no_more() {
    let mut case = pending(HARMLESS);
    let seen = case.sees(|view| {
        view.ledger.insert(V3.to_owned(), LedgerRow::default());
        let rows = &mut view.house.as_mut().unwrap().rows;
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
    assert_eq!(reason(late(OutOfOrder::Refuse).decide()), MigrationReason::OutOfOrder);
    let mut case = late(OutOfOrder::Apply).prepared();
    for version in ["20260101500000", "21", "3"] {
        match case.step() {
            Step::Run { file, again, .. } => assert_eq!((file.version.as_str(), again), (version, false)),
            other => panic!("{other:?}"),
        }
        case.does("Run", ran());
    }
    assert_eq!(case.step().name(), "LookBehind");
}

#[test]
fn only_what_is_pending_is_read() {
    let mut case = settled()
        .files(&[(V1, A), (V2, B), (V3, HARMLESS), (V4, DROP)])
        .with(|case| case.world.scripts.clear());
    assert_eq!(case.step(), Step::Read(vec![file(V3, HARMLESS), file(V4, DROP)]));
    let one = [(file(V3, HARMLESS).sha256, Ok(script(HARMLESS)))];
    case.does("Read", Ok(Fact::Read(one.into())));
    assert_eq!(case.step(), Step::Read(vec![file(V4, DROP)]));
}

#[test]
fn what_our_parser_can_t_read_the_server_is_asked_about() {
    let strange = "SELECT 1;\n\nSELECT 1\n  FROBNICATE THE THINGS 7 WITH;\n";
    let asked = pending(strange);
    let piece = asked
        .world
        .scripts
        .values()
        .flatten()
        .find_map(|script| script.unread.first().cloned());
    let statement = strange[piece.expect("our parser does not know it").range].to_owned();
    assert_eq!(asked.step(), Step::Ask(vec![statement.clone()]));
    let answered = |answer| {
        let mut case = asked.clone();
        case.does("Ask", Ok(Fact::Asked([(statement.clone(), answer)].into())));
        case
    };
    assert_eq!(
        answered(Answer::Parses)
            .spec(|spec| spec.policy.approve.clear())
            .step()
            .name(),
        "Begin"
    );
    let fault = Answer::Fault {
        line: 1,
        message: "syntax error at or near \"THE\"".to_owned(),
    };
    let message = "20260103000000_x.sql: line 4: syntax error at or near \"THE\"".to_owned();
    let expected = (true, MigrationReason::MigrationRefused, message, Some(240));
    assert_eq!(said(answered(fault).decide()), expected);
}

#[test]
fn a_reference_comes_before_the_first_file() {
    for case in [
        pending(HARMLESS).house(|house| house.reference = None),
        pending(HARMLESS).view(|view| view.server_major = 17),
        pending(HARMLESS).spec(|spec| spec.schemas.push("private".to_owned())),
        pending(HARMLESS)
            .view(|view| view.schema = taken(super::words::OTHER, Vec::new()))
            .spec(|spec| spec.accepted_schema = Some(super::words::OTHER.to_owned())),
    ] {
        assert_eq!(case.locked().step().name(), "SetReference");
    }
}

#[test]
fn the_order_in_which_schemas_are_named_is_no_news() {
    let case = settled()
        .spec(|spec| spec.schemas = vec!["b".to_owned(), "a".to_owned()])
        .house(|house| house.reference.as_mut().unwrap().schemas = vec!["a".to_owned(), "b".to_owned()]);
    assert!(matches!(case.decide(), Decision::Settled(_)));
}
