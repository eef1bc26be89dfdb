//! The live function is not what was applied.

use ace_api::{Drift, DriftField, FunctionEventType, IntentType, Mode};

use super::{
    super::{BodyContent, Decision, LiveFunction, Memory, Step, StepResult},
    fixture::{Case, settled},
    values::{A, B, X, applied, archived, body, bundle, deploy, entry, field, file_digest, foreign, names, stamp},
};
use crate::reconcile::{
    decision::{Requeue, StepError},
    fixture::{at, message, reconciling, shown, stalled},
};

#[test]
fn the_known_stamp_costs_no_request() {
    let mut case = settled();
    assert_eq!(case.decide(), Decision::Settled(Requeue::OnChange));
    assert_eq!(case.status(), case.state.memo);
}

#[test]
fn the_same_code_deployed_by_somebody_else_is_a_new_stamp_and_no_drift() {
    let unmarked = LiveFunction {
        mark: None,
        ..entry(A, 4)
    };
    let mut case = settled().sees(Some(unmarked));
    case.does(Step::ReadBody(stamp(4)), Ok(StepResult::Body(body(A, &stamp(4)))));
    assert_eq!(case.decide(), Decision::Settled(Requeue::OnChange));
    let status = case.status();
    assert_eq!(status.applied, Some(applied(A, 4)));
    assert_eq!(shown(&status), ["Ready=True/Live", "Drifted=False/NoDrift"]);
}

#[test]
fn one_list_with_other_content_is_not_drift_yet() {
    let mut case = changed();
    case.state.listing.as_mut().unwrap().since = at(-60);
    assert_eq!(
        case.decide(),
        Decision::Do(Step::List { not_before: at(-45) }),
        "the confirming list is due"
    );
    case.state.listing.as_mut().unwrap().started = at(0);
    case.state.listing.as_mut().unwrap().since = at(0);
    assert_eq!(case.decide(), Decision::Settled(Requeue::At(case.now + seconds(15))));
    assert_eq!(case.status(), case.state.memo);
}

#[test]
fn one_byte_is_reported_by_file_in_apply_and_nothing_is_written() {
    let mut case = changed().mode(Mode::Apply);
    assert_eq!(case.decide(), Decision::Settled(Requeue::OnChange));
    let status = case.status();
    assert_eq!(shown(&status), ["Ready=True/Live", "Drifted=True/OutOfBandChange"]);
    assert_eq!(
        message(&status, "Drifted"),
        "redeployed out of band: 1 file differs: hello/index.ts"
    );
    assert_eq!(
        message(&status, "Ready"),
        "redeployed out of band: 1 file differs: hello/index.ts"
    );
    assert_eq!(status.drift, Some(drift(at(0))));
    assert_eq!(
        status.applied,
        Some(applied(A, 3)),
        "a foreign stamp changes only what is live"
    );
    assert_eq!(status.live.unwrap().revision, "foreign");
}

#[test]
fn one_byte_is_reported_in_observe() {
    let mut case = changed().mode(Mode::Observe);
    assert_eq!(case.decide(), Decision::Settled(Requeue::OnChange));
    assert_eq!(
        shown(&case.status()),
        ["Ready=True/Observed", "Drifted=True/OutOfBandChange"]
    );
}

#[test]
fn one_byte_is_archived_and_corrected_by_one_upload_in_enforce() {
    let mut case = changed();
    case.archives_foreign();
    let correction = deploy(IntentType::Correction, A, Some(4), at(0));
    let status = case.status();
    assert_eq!(shown(&status), reconciling("CorrectingDrift", "True/OutOfBandChange"));
    assert_eq!(
        status.drift,
        Some(drift(at(0))),
        "what is about to be undone is reported first"
    );
    case.does(correction, Ok(StepResult::Deployed(stamp(5))));
    case = case.later(1);
    case.lists(at(0), Some(entry(A, 5)));
    case.does(Step::ReadBody(stamp(5)), Ok(StepResult::Body(body_of_ours())));
    assert_eq!(case.decide(), Decision::Settled(Requeue::OnChange));
    let status = case.status();
    assert_eq!(shown(&status), ["Ready=True/Live", "Drifted=False/DriftCorrected"]);
    assert_eq!(
        status.drift,
        Some(Drift {
            corrected_time: Some(at(1)),
            ..drift(at(0))
        })
    );
    assert_eq!(status.applied, Some(applied(A, 5)));
    assert_eq!(status.history[0].type_, FunctionEventType::Corrected);
    assert_eq!(status.intent, None);
}

#[test]
fn a_foreign_body_is_not_overwritten_before_it_is_archived() {
    let mut case = changed();
    let step = Step::ArchiveForeign(case.state.memory.body.clone().unwrap());
    case.does(
        step,
        Err(StepError::Failed("the API server does not answer".to_owned())),
    );
    assert_eq!(shown(&case.status()), reconciling("Retrying", "True/OutOfBandChange"));
    let remembered = Memory {
        archived: Some(stamp(3)),
        ..case.state.memory.clone()
    };
    let mut case = changed().with(|case| case.state.memory = remembered);
    let body = case.state.memory.body.clone().unwrap();
    assert_eq!(
        case.decide(),
        Decision::Do(Step::ArchiveForeign(body)),
        "another stamp's archive is none"
    );
}

#[test]
fn a_foreign_body_that_is_too_large_for_an_archive_is_not_overwritten() {
    let mut case = changed();
    let step = Step::ArchiveForeign(case.state.memory.body.clone().unwrap());
    case.does(step, Ok(StepResult::ArchiveTooLarge(2_000_000)));
    let status = case.status();
    assert_eq!(shown(&status), stalled("ArchiveTooLarge", "True/OutOfBandChange"));
    assert_eq!(
        message(&status, "Stalled"),
        "version 4 was not deployed from this object and packs to 2000000 bytes, too large to archive: download it, then delete the live function"
    );
}

#[test]
fn a_foreign_body_that_is_larger_than_the_operator_reads_is_not_overwritten() {
    let mut case = changed().wants(B).with(|case| {
        case.state.memory.body.as_mut().unwrap().content = BodyContent::TooLarge;
    });
    assert_eq!(
        shown(&case.status()),
        stalled("ArchiveUnreadable", "Unknown/NotComparable")
    );
}

#[test]
fn content_that_can_not_be_compared_is_unknown_drift_and_is_not_corrected() {
    let mut case = settled()
        .sees(Some(foreign(4)))
        .with(|case| case.state.memory.body = Some(bundle(&stamp(4))));
    assert_eq!(case.decide(), Decision::Settled(Requeue::OnChange));
    assert_eq!(
        shown(&case.status()),
        ["Ready=True/Live", "Drifted=Unknown/NotComparable"]
    );
}

#[test]
fn the_same_bundle_with_another_time_is_the_same_content_in_whatever_form_it_comes() {
    let touched = touched();
    let mut case = settled().sees(Some(touched.clone()));
    case.does(
        Step::ReadBody(touched.stamp.clone()),
        Ok(StepResult::Body(bundle(&touched.stamp))),
    );
    assert_eq!(case.decide(), Decision::Settled(Requeue::OnChange));
    assert_eq!(shown(&case.status()), ["Ready=True/Live", "Drifted=False/NoDrift"]);
}

#[test]
fn a_function_missing_from_a_list_is_requested_alone_before_it_counts_as_deleted() {
    let mut case = settled().sees(None).mode(Mode::Apply);
    case.is_gone();
    assert_eq!(case.decide(), Decision::Settled(Requeue::OnChange));
    let status = case.status();
    assert_eq!(shown(&status), ["Ready=True/Live", "Drifted=True/Missing"]);
    assert_eq!(status.live, None);
    let mut again = settled().sees(None);
    again.does(Step::Get, Ok(StepResult::Got(Some(entry(A, 3)))));
    assert_eq!(
        again.decide(),
        Decision::Settled(Requeue::OnChange),
        "the list had left it out"
    );
}

#[test]
fn a_missing_function_is_created_again_in_enforce() {
    let mut case = settled().sees(None);
    case.is_gone();
    assert_eq!(
        case.decide(),
        Decision::Do(deploy(IntentType::Correction, A, None, at(0)))
    );
    assert_eq!(shown(&case.status())[2], "Drifted=True/Missing");
}

#[test]
fn content_that_a_roll_back_left_live_is_corrected_from_its_archive() {
    let held = super::memory::rolled_back().sees(Some(foreign(6))).read(X);
    let mut case = held;
    case.loads_archive(A, archived(A, false));
    case.archives_foreign();
    assert_eq!(
        case.decide(),
        Decision::Do(deploy(IntentType::Correction, A, Some(6), at(0)))
    );
}

#[test]
fn a_secret_that_vanishes_is_drift_and_no_deploy() {
    let mut case = requiring().with(|case| case.state.secrets = names(&[]));
    assert_eq!(case.decide(), Decision::Settled(Requeue::OnChange));
    let status = case.status();
    assert_eq!(shown(&status), ["Ready=True/Live", "Drifted=True/OutOfBandChange"]);
    assert_eq!(
        status.drift.unwrap().fields,
        [field("secrets/RESEND_API_KEY or SENDGRID_API_KEY", "set", "absent")]
    );
    let mut one_of_two = requiring().with(|case| case.state.secrets = names(&["SENDGRID_API_KEY"]));
    assert_eq!(shown(&one_of_two.status())[1], "Drifted=False/NoDrift");
}

#[test]
fn confirmed_drift_needs_no_second_body_after_a_restart() {
    let mut case = changed().mode(Mode::Apply).written().restarted();
    assert_eq!(case.decide(), Decision::Settled(Requeue::OnChange));
    assert_eq!(case.status(), case.state.memo);
}

#[test]
fn drift_ends_when_somebody_brings_the_applied_content_back() {
    let mut case = changed().mode(Mode::Apply).written().sees(Some(entry(A, 5))).read(A);
    let status = case.status();
    assert_eq!(shown(&status), ["Ready=True/Live", "Drifted=False/NoDrift"]);
    assert_eq!(status.drift, None);
}

#[test]
fn desired_content_that_was_deployed_out_of_band_saves_the_upload() {
    let mut case = settled()
        .wants(B)
        .sees(Some(LiveFunction {
            mark: None,
            ..entry(B, 4)
        }))
        .read(B);
    case.decide();
    assert_eq!(case.state.memo.applied, Some(applied(B, 4)));
    assert_eq!(case.state.memo.history[0].type_, FunctionEventType::Adopted);
}

#[test]
fn another_operators_deploy_of_the_desired_content_is_known_by_its_mark_if_the_body_has_no_files() {
    let mut case = settled().wants(B).sees(Some(entry(B, 4)));
    case.state.memory.body = Some(bundle(&stamp(4)));
    case.decide();
    assert_eq!(case.state.memo.history[0].type_, FunctionEventType::Adopted);
}

#[test]
fn a_body_that_is_newer_than_the_list_does_not_become_the_memo() {
    let mut stale = settled().sees(Some(touched()));
    stale.does(
        Step::ReadBody(touched().stamp),
        Ok(StepResult::Body(body(X, &touched().stamp))),
    );
    stale.decide();
    let mut unread = settled().with(|case| case.state.memo.applied.as_mut().unwrap().body_digest = None);
    unread.does(Step::ReadBody(stamp(3)), Ok(StepResult::Body(body(X, &stamp(3)))));
    unread.decide();
    let memory = |case: Case| case.state.memo.applied.unwrap().body_digest;
    assert_eq!((memory(stale), memory(unread)), (applied(A, 3).body_digest, None));
}

/// One byte was changed out of band, three lists have shown it, and the body was read.
fn changed() -> Case {
    settled().sees(Some(foreign(4))).read(X)
}

fn touched() -> LiveFunction {
    let mut entry = entry(A, 3);
    entry.stamp.updated_time = at(-100);
    entry.mark = None;
    entry
}

fn requiring() -> Case {
    settled().with(|case| {
        let requires = serde_json::json!({ "secrets": [{ "anyOf": ["RESEND_API_KEY", "SENDGRID_API_KEY"] }] });
        case.object.spec.requires = Some(serde_json::from_value(requires).unwrap());
    })
}

fn body_of_ours() -> super::super::Body {
    body(A, &stamp(5))
}

fn drift(detected: jiff::Timestamp) -> Drift {
    Drift {
        detected_time: detected,
        count: 1,
        fields: vec![DriftField {
            path: "files/hello/index.ts".to_owned(),
            desired: file_digest(A),
            observed: file_digest(X),
        }],
        corrected_time: None,
    }
}

fn seconds(seconds: u64) -> std::time::Duration {
    std::time::Duration::from_secs(seconds)
}

#[test]
fn the_files_that_differ_are_named_in_the_message_as_far_as_there_is_room() {
    let fields = |paths: &[&str]| -> Vec<_> {
        let differing = paths
            .iter()
            .map(|path| field(&format!("files/{path}"), "sha256:1", "sha256:2"));
        differing.collect()
    };
    let named = |paths: &[&str]| super::super::drift::named_files(&fields(paths)).unwrap();
    assert_eq!(named(&["a.ts"]), "a.ts");
    assert_eq!(
        named(&["a.ts", "b.ts", "c.ts", "d.ts", "e.ts"]),
        "a.ts, b.ts, c.ts and 2 more"
    );
    let long = format!("{}/index.ts", "ä".repeat(500));
    assert_eq!(named(&[&long]), format!("…{}/index.ts", "ä".repeat(71)));
    assert_eq!(named(&[&long, &long, &long]).chars().count(), 3 * 81 + 4);
    assert_eq!(
        super::super::drift::named_files(&[field("files", "sha256:1", "sha256:2")]),
        None
    );
}

#[test]
fn at_the_first_look_nobody_is_said_to_have_redeployed() {
    let mut case = settled().forgotten().mode(Mode::Observe).sees(Some(foreign(4))).read(X);
    let status = case.status();
    assert_eq!(
        message(&status, "Drifted"),
        "the live function was not deployed from this object: 1 file differs: hello/index.ts"
    );
}
