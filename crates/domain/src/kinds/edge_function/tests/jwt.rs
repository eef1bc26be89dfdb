//! The JWT rule is changed without an upload.

use ace_api::{FunctionEventType, FunctionReason, IntentType, Mode};

use super::{
    super::{Decision, LiveFunction, Step, StepResult},
    fixture::{Case, settled},
    values::{A, B, body, bundle, cause, entry, field, foreign, revision, stamp},
};
use crate::reconcile::{
    decision::{Requeue, StepError},
    fixture::{at, message, shown},
};

#[test]
fn an_out_of_band_change_of_the_rule_is_drift_at_the_first_list() {
    let mut case = opened().mode(Mode::Apply);
    assert_eq!(case.decide(), Decision::Settled(Requeue::OnChange));
    let status = case.status();
    assert_eq!(shown(&status), ["Ready=True/Live", "Drifted=True/OutOfBandChange"]);
    assert_eq!(status.drift.unwrap().fields, [field("verifyJWT", "false", "true")]);
    assert_eq!(message(&case.status(), "Drifted"), "verifyJWT is true");
}

#[test]
fn an_out_of_band_change_of_the_rule_is_patched_in_enforce_and_the_status_says_what_it_was() {
    let mut case = opened();
    case.does(Step::PatchJwt(false), Ok(StepResult::Patched));
    case = case.later(1);
    case.lists(at(0), Some(touched(5, false)));
    case.does(
        Step::ReadBody(touched(5, false).stamp),
        Ok(StepResult::Body(body(A, &touched(5, false).stamp))),
    );
    assert_eq!(case.decide(), Decision::Settled(Requeue::OnChange));
    let status = case.status();
    assert_eq!(shown(&status), ["Ready=True/Live", "Drifted=False/DriftCorrected"]);
    assert_eq!(status.history[0].type_, FunctionEventType::Corrected);
    let drift = status.drift.unwrap();
    assert_eq!(
        (drift.fields, drift.corrected_time),
        (vec![field("verifyJWT", "false", "true")], Some(at(0)))
    );
}

#[test]
fn another_desired_rule_is_patched_without_an_upload() {
    let mut case = settled().with(|case| case.object.spec.verify_jwt = true);
    case.does(Step::PatchJwt(true), Ok(StepResult::Patched));
    assert_eq!(case.state.memo.history[0].type_, FunctionEventType::Configured);
    assert!(case.state.memo.applied.as_ref().unwrap().verify_jwt);
    assert_eq!(case.state.memo.drift, None);
}

#[test]
fn a_list_that_does_not_show_the_new_rule_yet_is_behind_and_no_drift() {
    let mut case = settled().with(|case| case.object.spec.verify_jwt = true);
    case.does(Step::PatchJwt(true), Ok(StepResult::Patched));
    case.lists(at(0), Some(entry(A, 3)));
    assert_eq!(
        case.decide(),
        Decision::Settled(Requeue::At(case.now + std::time::Duration::from_secs(3)))
    );
    assert_eq!(shown(&case.status())[1], "Drifted=False/NoDrift");
    case = case.later(3);
    case.lists(at(3), Some(touched(4, true)));
    assert_eq!(case.decide(), Decision::Do(Step::ReadBody(touched(4, true).stamp)));
}

#[test]
fn a_list_that_never_shows_the_new_rule_counts_in_the_end() {
    let mut case = settled()
        .mode(Mode::Apply)
        .with(|case| case.object.spec.verify_jwt = true);
    case.does(Step::PatchJwt(true), Ok(StepResult::Patched));
    case = case.later(60);
    case.lists(at(0), Some(entry(A, 3)));
    assert_eq!(shown(&case.status())[1], "Drifted=True/OutOfBandChange");
}

#[test]
fn new_content_and_its_new_rule_go_live_in_one_upload() {
    let mut case = settled().wants(B).with(|case| case.object.spec.verify_jwt = true);
    let Decision::Do(Step::Deploy { verify_jwt, intent, .. }) = case.decide() else {
        panic!("the old content must not run under the new rule");
    };
    assert_eq!((verify_jwt, intent.type_), (true, IntentType::RollOut));
}

#[test]
fn a_new_rule_does_not_wait_for_waves() {
    let mut case = settled().wants(B).with(|case| {
        case.object.spec.verify_jwt = true;
        case.state.blockers = vec!["shared".to_owned()];
    });
    assert_eq!(case.decide(), Decision::Do(Step::PatchJwt(true)));
}

#[test]
fn a_patch_whose_response_was_lost_is_checked_after_a_while() {
    let mut case = settled().with(|case| case.object.spec.verify_jwt = true);
    case.does(Step::PatchJwt(true), Err(StepError::OutcomeUnknown(None)));
    assert_eq!(cause(case.decide()).0, FunctionReason::Retrying);
    case.state.step_error = None;
    assert_eq!(case.decide(), Decision::Do(Step::List { not_before: at(0) }));
}

#[test]
fn the_platforms_words_are_shown_while_it_is_not_known_whether_a_patch_or_a_deletion_took_effect() {
    let says = "500: Internal Server Error";
    let patched = settled().with(|case| case.object.spec.verify_jwt = true);
    for (mut case, step) in [
        (patched, Step::PatchJwt(true)),
        (super::cleanup::leaving(), Step::Delete),
    ] {
        case.does(step, Err(StepError::OutcomeUnknown(Some(says.to_owned()))));
        let expected =
            format!("the platform answered the last request with {says}; its outcome is unknown; checking again");
        assert_eq!(cause(case.decide()), (FunctionReason::Retrying, expected));
    }
}

#[test]
fn the_rule_of_suspected_content_is_reported_at_the_first_list() {
    let mut suspect = foreign(4);
    suspect.verify_jwt = Some(true);
    let mut case = settled().sees(Some(suspect)).read(super::values::X).with(|case| {
        let listing = case.state.listing.as_mut().unwrap();
        (listing.since, listing.started) = (at(0), at(0));
    });
    let status = case.status();
    assert_eq!(status.drift.unwrap().fields, [field("verifyJWT", "false", "true")]);
}

#[test]
fn the_rule_is_patched_on_content_that_can_not_be_compared() {
    let mut opaque = foreign(4);
    opaque.verify_jwt = Some(true);
    let mut case = settled()
        .sees(Some(opaque))
        .with(|case| case.state.memory.body = Some(bundle(&stamp(4))));
    assert_eq!(case.decide(), Decision::Do(Step::PatchJwt(false)));
}

#[test]
fn a_changed_rule_brings_a_missing_function_back_in_apply() {
    let mut case = settled()
        .mode(Mode::Apply)
        .sees(None)
        .with(|case| case.object.spec.verify_jwt = true);
    case.is_gone();
    assert!(matches!(
        case.decide(),
        Decision::Do(Step::Deploy { verify_jwt: true, .. })
    ));
}

#[test]
fn observe_says_that_the_live_rule_is_not_the_wanted_one() {
    let mut case = settled()
        .mode(Mode::Observe)
        .with(|case| case.object.spec.verify_jwt = true);
    let expected = format!("{} is live with `verifyJWT` false; the spec has true", revision(A));
    assert_eq!(message(&case.status(), "Ready"), expected);
}

/// The JWT check was turned on out of band; content and version are the same.
fn opened() -> Case {
    let entry = touched(4, true);
    settled().sees(Some(entry)).read(A)
}

fn touched(second: i64, verify_jwt: bool) -> LiveFunction {
    let mut entry = entry(A, 3);
    entry.stamp.updated_time = at(-100 + second);
    entry.verify_jwt = Some(verify_jwt);
    entry
}
