//! Whether the live schema is the one that it should be.

use ace_api::{Drift, MigrationEventType, MigrationSetStatus};

use super::{
    super::{Decision, OperatorSchema, SchemaObservation, Step, StepResult},
    fixture::{Case, pending, ran, settled},
    values::{HARMLESS, LIVE, OTHER, THIRD, differs, taken},
};
use crate::reconcile::{
    fixture::{at, message, shown},
    kind::Step as _,
};

const GONE: &str = "the schema matches the reference";

fn drifted() -> Case {
    settled().observation(|observation| {
        observation.schema = taken(OTHER, vec![differs("column/public.a.x"), differs("table/public.t")]);
    })
}

fn assessment(case: &Case) -> (String, String) {
    let status = case.status();
    let line = shown(&status)
        .into_iter()
        .find(|line| line.starts_with("Drifted="))
        .unwrap();
    (line["Drifted=".len()..].to_owned(), message(&status, "Drifted"))
}

fn says(case: &Case, expected: &str, message: &str) {
    assert_eq!(assessment(case), (expected.to_owned(), message.to_owned()));
}

fn drift(status: &MigrationSetStatus) -> Drift {
    status.drift.clone().unwrap()
}

#[test]
fn what_differs_from_the_reference_is_named() {
    says(&settled(), "False/NoDrift", GONE);
    says(
        &drifted(),
        "True/OutOfBandChange",
        "2 objects differ: column public.a.x, table public.t",
    );
    let expected = Drift {
        detected_time: at(0),
        count: 2,
        fields: vec![differs("column/public.a.x"), differs("table/public.t")],
        corrected_time: None,
    };
    assert_eq!(drift(&drifted().status()), expected);
    assert_eq!(
        shown(&drifted().status())[0],
        "Ready=True/Applied",
        "it does not touch Ready"
    );
}

#[test]
fn more_than_can_be_named_is_counted() {
    let many: Vec<_> = (10..50)
        .map(|number| differs(&format!("table/public.t{number}")))
        .collect();
    let case = settled().observation(|observation| observation.schema = taken(OTHER, many));
    let drift = drift(&case.status());
    assert_eq!((drift.count, drift.fields.len()), (40, 16));
    let message = "40 objects differ: table public.t10, table public.t11, table public.t12 and 37 more";
    says(&case, "True/OutOfBandChange", message);
}

#[test]
fn when_it_came_is_kept_and_when_it_went_is_noted() {
    let first = drifted();
    let later = first.next_pass().later(60);
    assert_eq!(drift(&later.status()).detected_time, at(0));
    let gone = later
        .next_pass()
        .observation(|observation| observation.schema = taken(LIVE, Vec::new()));
    let expected = Drift {
        corrected_time: Some(at(60)),
        ..drift(&drifted().status())
    };
    assert_eq!(drift(&gone.status()), expected);
    says(&gone, "False/NoDrift", GONE);
    let again = gone
        .next_pass()
        .later(60)
        .observation(|observation| observation.schema = taken(OTHER, vec![differs("table/public.t")]));
    let drift = drift(&again.status());
    assert_eq!((drift.detected_time, drift.corrected_time), (at(120), None));
}

#[test]
fn what_can_t_be_compared_is_unknown_and_keeps_what_was_found() {
    let none = settled().operator_schema(|operator_schema| operator_schema.reference = None);
    let observing = "there is no reference schema: set `spec.acceptedSchema` to the digest of the expected one; the live schema is ";
    for (case, reason, message) in [
        (none, "NotCompared", "the schema has not been compared yet".to_owned()),
        (
            settled().snapshot_pending(),
            "SnapshotPending",
            "migrations ran, and the schema snapshot after the run is pending".to_owned(),
        ),
        (
            settled().observation(|observation| observation.schema = SchemaObservation::Busy),
            "NotComparable",
            "the schema can't be read now: another session holds a lock on part of it".to_owned(),
        ),
        (settled().observe(), "NoReference", format!("{observing}{LIVE}")),
        (
            settled().restarted().forgotten(),
            "NotCompared",
            "the schema has not been compared yet".to_owned(),
        ),
    ] {
        says(&case, &format!("Unknown/{reason}"), &message);
    }
    let busy = drifted()
        .next_pass()
        .observation(|observation| observation.schema = SchemaObservation::Busy);
    assert_eq!(drift(&busy.status()), drift(&drifted().status()));
}

#[test]
fn a_failed_observation_leaves_drift_as_it_was() {
    let before = drifted().next_pass();
    let lost = before.clone().restarted();
    assert_eq!(assessment(&lost), assessment(&before));
    assert_eq!(lost.status().drift, before.status().drift);
}

#[test]
fn in_observe_only_an_accepted_schema_says_what_it_should_be() {
    let accepts = |digest: &str| {
        settled()
            .observe()
            .spec(|spec| spec.accepted_schema = Some(digest.to_owned()))
    };
    says(&accepts(LIVE), "False/NoDrift", GONE);
    says(&accepts(OTHER), "True/OutOfBandChange", "1 object differs: schema");
    let digests = &drift(&accepts(OTHER).status()).fields[0];
    assert_eq!((digests.desired.as_str(), digests.observed.as_str()), (OTHER, LIVE));
    let status = accepts(OTHER).status();
    assert_eq!(status.schema.unwrap().reference_digest.as_deref(), Some(OTHER));
}

#[test]
fn an_accepted_schema_becomes_the_reference_only_while_it_is_the_live_one() {
    let accepts = |digest: &str| drifted().spec(|spec| spec.accepted_schema = Some(digest.to_owned()));
    assert_eq!(accepts(OTHER).step().name(), "Begin");
    for digest in [LIVE, THIRD] {
        assert_eq!(assessment(&accepts(digest)).0, "True/OutOfBandChange");
        assert!(matches!(accepts(digest).decide(), Decision::Settled(_)));
    }
}

#[test]
fn drift_that_stood_before_a_run_is_shown_behind_it() {
    let standing = vec![differs("column/public.a.x")];
    let mut case = pending(HARMLESS)
        .observation(|observation| observation.schema = taken(OTHER, standing.clone()))
        .prepared();
    assert_eq!(assessment(&case).0, "True/OutOfBandChange");
    case.does("Run", ran());
    case.does("SnapshotAfterRun", {
        let observed = case.clone().snapshot_taken();
        observed.sees(|observation| observation.schema = taken(THIRD, standing))
    });
    says(&case, "True/OutOfBandChange", "1 object differs: column public.a.x");
}

/// The schemas whose objects keep their reference when it is replaced, and the entry in the history; `None` when no replacement
/// is due.
fn renewed(case: Case) -> Option<(Vec<String>, Vec<MigrationEventType>)> {
    let mut case = case.locked();
    let keep = match case.decide() {
        Decision::Do(Step::SetReference { digest, keep }) if digest == LIVE => keep,
        Decision::Settled(_) => return None,
        other => panic!("{other:?}"),
    };
    case.does("SetReference", Ok(StepResult::Written));
    assert_eq!(case.step().name(), "ObserveAgain");
    let reported = case.state.memo.history.iter().map(|event| event.type_).collect();
    Some((keep, reported))
}

fn watching(case: Case, schemas: &[&str]) -> Case {
    case.spec(|spec| spec.schemas = schemas.iter().map(|&schema| schema.to_owned()).collect())
}

#[test]
fn a_reference_that_is_missing_or_in_other_words_is_taken_anew_as_a_whole() {
    let whole = |reported: &[MigrationEventType]| Some((Vec::new(), reported.to_vec()));
    let missing = settled().operator_schema(|operator_schema| operator_schema.reference = None);
    assert_eq!(renewed(missing), whole(&[]), "nothing was accepted");
    for case in [
        settled().observation(|observation| observation.target.server_version = "17.0".to_owned()),
        settled().observation(|observation| observation.form = 2),
    ] {
        assert_eq!(renewed(case.clone()), whole(&[MigrationEventType::SchemaReworded]));
        let accepted = case.spec(|spec| spec.accepted_schema = Some(LIVE.to_owned()));
        assert_eq!(renewed(accepted), whole(&[MigrationEventType::SchemaAccepted]));
    }
    assert_eq!(renewed(settled()), None);
}

#[test]
fn where_other_schemas_are_watched_those_that_stay_keep_their_reference() {
    let of = |schemas: &[&str]| {
        let schemas: Vec<_> = schemas.iter().map(|&schema| schema.to_owned()).collect();
        settled().operator_schema(|operator_schema| operator_schema.reference.as_mut().unwrap().schemas = schemas)
    };
    for (before, after, kept) in [
        (&["public"][..], &["public", "private"][..], &["public"][..]),
        (&["private", "public"], &["public"], &["public"]),
        (&["a", "b"], &["c", "b"], &["b"]),
        (&["public"], &["private"], &[]),
    ] {
        let kept = kept.iter().map(|&schema| schema.to_owned()).collect();
        assert_eq!(
            renewed(watching(of(before), after)),
            Some((kept, Vec::new())),
            "{before:?} {after:?}"
        );
    }
    let accepted = |case: Case| case.spec(|spec| spec.accepted_schema = Some(LIVE.to_owned()));
    let whole = Some((Vec::new(), vec![MigrationEventType::SchemaAccepted]));
    assert_eq!(renewed(watching(accepted(settled()), &["public", "private"])), whole);
    let digest =
        |operator_schema: &mut OperatorSchema| operator_schema.reference.as_mut().unwrap().digest = OTHER.to_owned();
    assert_eq!(renewed(accepted(settled()).operator_schema(digest)), whole);
}

#[test]
fn a_reference_in_other_words_or_of_other_schemas_says_nothing_of_drift() {
    for case in [
        drifted().observation(|observation| observation.target.server_version = "17.0".to_owned()),
        drifted().observation(|observation| observation.form = 2),
        watching(drifted(), &["public", "private"]),
    ] {
        says(&case, "Unknown/NotCompared", "the schema has not been compared yet");
    }
}

#[test]
fn what_a_rule_ignores_is_counted_and_is_no_drift() {
    let case = |of_rule: usize, others: &[&str]| {
        settled().observation(|observation| {
            observation.schema = taken(OTHER, others.iter().map(|path| differs(path)).collect());
            let SchemaObservation::Taken { ignored, .. } = &mut observation.schema else {
                panic!("it is taken")
            };
            *ignored = of_rule;
        })
    };
    says(
        &case(14, &[]),
        "False/NoDrift",
        "the schema matches the reference; 14 objects that differ are ignored",
    );
    says(
        &case(1, &[]),
        "False/NoDrift",
        "the schema matches the reference; 1 object that differs is ignored",
    );
    says(
        &case(3, &["table/public.t"]),
        "True/OutOfBandChange",
        "1 object differs: table public.t",
    );
    let ignored = |case: &Case| case.status().schema.unwrap().ignored;
    assert_eq!(ignored(&case(3, &["table/public.t"])), Some(3));
    assert_eq!(ignored(&case(0, &[])), None);
    // A stored reference is of no account in `Observe`: rules can't excuse another digest.
    let observed = case(3, &[])
        .observe()
        .spec(|spec| spec.accepted_schema = Some(LIVE.to_owned()));
    says(&observed, "True/OutOfBandChange", "1 object differs: schema");
    assert_eq!(ignored(&observed), None);
    let blocks = case(3, &[]).spec(|spec| spec.policy.while_drifted = ace_api::WhileDrifted::Block);
    assert_eq!(shown(&blocks.status())[0], "Ready=True/Applied");
}
