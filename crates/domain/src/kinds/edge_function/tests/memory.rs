//! What is held is not tried again by itself; three things release it.

use ace_api::{FunctionReason, Held, IntentType, Mode};

use super::{
    super::{Decision, Step},
    fixture::{Case, settled},
    values::{A, B, X, archive, archived, cause, deploy, digest, entry, foreign, revision},
};
use crate::reconcile::{
    decision::{Requeue, StepError},
    fixture::{at, shown},
    held::hold,
};

#[test]
fn a_failed_digest_is_not_tried_again_by_itself() {
    let mut case = rolled_back();
    assert_eq!(cause(case.decide()).0, FunctionReason::RolledBack);
    let mut next = case
        .written()
        .restarted()
        .later(86_400)
        .platform(|platform| platform.seen = at(86_400));
    assert_eq!(cause(next.decide()).0, FunctionReason::RolledBack);
    assert_eq!(next.status(), next.state.memo, "and nothing is written again");
}

#[test]
fn a_changed_source_releases_it() {
    let mut case = rolled_back().wants(X);
    assert_eq!(
        case.decide(),
        Decision::Do(deploy(IntentType::RollOut, X, Some(5), at(0)))
    );
    assert_eq!(case.status().held, None);
}

#[test]
fn a_changed_spec_releases_it() {
    let mut case = rolled_back().with(|case| case.object.metadata.generation = Some(5));
    assert_eq!(
        case.decide(),
        Decision::Do(deploy(IntentType::RollOut, B, Some(5), at(0)))
    );
}

#[test]
fn a_changed_annotation_releases_it() {
    let mut case = rolled_back()
        .asks("now")
        .with(|case| case.state.listing.as_mut().unwrap().started = at(0));
    assert_eq!(
        case.decide(),
        Decision::Do(deploy(IntentType::RollOut, B, Some(5), at(0)))
    );
}

#[test]
fn a_list_that_fails_does_not_hide_what_is_held() {
    let mut case = rolled_back().with(|case| case.state.step_error = Some(StepError::Unanswered("503".to_owned())));
    assert_eq!(shown(&case.status())[1], "Stalled=True/RolledBack");
}

#[test]
fn a_refused_correction_does_not_forget_which_content_is_held() {
    let mut case = rolled_back().sees(Some(foreign(6))).read(X);
    case.loads_archive(A, archived(A, false));
    case.archives_foreign();
    let correction = deploy(IntentType::Correction, A, Some(6), at(0));
    case.does(correction, Err(StepError::Refused("no".to_owned())));
    assert!(matches!(case.decide(), Decision::Refuse(_, Requeue::Backoff)));
    assert_eq!(case.state.memo.held.unwrap().source_digest, Some(digest(B)));
}

#[test]
fn a_refused_correction_of_the_desired_content_is_not_sent_again_at_once() {
    let mut case = settled().sees(None);
    case.is_gone();
    let correction = deploy(IntentType::Correction, A, None, at(0));
    case.does(correction, Err(StepError::Refused("no".to_owned())));
    assert_eq!(cause(case.decide()).0, FunctionReason::DeployRefused);
}

#[test]
fn held_desired_content_does_not_stop_corrections_of_the_live_content() {
    let mut case = settled().wants(B);
    let roll_out = deploy(IntentType::RollOut, B, Some(3), at(0));
    case.does(roll_out, Err(StepError::Refused("no".to_owned())));
    case = case.sees(Some(foreign(4))).read(X);
    assert_eq!(case.decide(), Decision::Do(Step::LoadArchive(archive(A))));
}

#[test]
fn a_rolled_back_function_keeps_the_rule_of_its_archive() {
    let mut case = rolled_back().with(|case| case.object.spec.verify_jwt = true);
    assert_eq!(cause(case.decide()).0, FunctionReason::RolledBack);
    let mut patched = rolled_back().sees(Some({
        let mut entry = entry(A, 5);
        entry.verify_jwt = Some(true);
        entry
    }));
    assert_eq!(
        patched.decide(),
        Decision::Do(Step::PatchJwt(false)),
        "but drift of it is corrected"
    );
    let mut apply = rolled_back().mode(Mode::Apply);
    assert_eq!(cause(apply.decide()).0, FunctionReason::RolledBack);
}

/// `B` failed its checks, and `A` is live again as version 5.
pub(super) fn rolled_back() -> Case {
    settled().wants(B).sees(Some(entry(A, 5))).with(|case| {
        case.state.memo.applied = Some(super::values::applied(A, 5));
        let message = format!(
            "check preflight got 500; roll-back to {}; change the source",
            revision(A)
        );
        case.state.memo.held = Some(Held {
            outcome: hold(&case.object, FunctionReason::RolledBack, &message),
            source_digest: Some(digest(B)),
        });
    })
}
