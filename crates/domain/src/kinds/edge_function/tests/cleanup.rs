//! The object is being deleted.

use ace_api::{DeletionPolicy, FunctionReason, Mode};

use super::{
    super::{Claim, Decision, PlatformState, Step, StepResult},
    fixture::{Case, settled},
    values::{A, B, X, body, bundle, cause, entry, foreign, stamp},
};
use crate::reconcile::{
    decision::StepError,
    event::Event,
    fixture::{at, message, shown},
    kind::Step as _,
};

#[test]
fn what_it_made_itself_and_nobody_changed_is_deleted() {
    let mut case = leaving();
    case.does(Step::Delete, Ok(StepResult::Deleted));
    assert_eq!(case.decide(), Decision::Release { event: None });
}

#[test]
fn nothing_is_deleted_by_a_list_from_before_the_reconcile() {
    let mut case = settled().deleted();
    case.lists(at(0), Some(entry(A, 3)));
    assert_eq!(case.decide(), Decision::Do(Step::Delete));
}

#[test]
fn every_step_of_it_says_that_the_function_is_being_deleted() {
    let old_list = settled().deleted();
    let unconfirmed = leaving().with(|case| case.state.listing.as_mut().unwrap().entry = None);
    for (mut case, step) in [(old_list, "List"), (unconfirmed, "Get"), (leaving(), "Delete")] {
        assert!(
            matches!(case.decide(), Decision::Do(next) if next.name() == step),
            "{step}"
        );
        let status = case.status();
        assert_eq!(
            shown(&status)[..2],
            ["Ready=False/Deleting", "Reconciling=True/Deleting"],
            "{step}"
        );
        assert_eq!(message(&status, "Ready"), "deleting function hello");
    }
}

#[test]
fn what_is_retained_is_released_without_a_list() {
    for mut case in [
        settled()
            .deleted()
            .with(|case| case.object.spec.deletion_policy = DeletionPolicy::Retain),
        settled().deleted().mode(Mode::Observe),
    ] {
        assert_eq!(case.decide(), Decision::Release { event: None });
    }
}

#[test]
fn what_is_not_its_own_stays_live_and_an_event_says_why() {
    let foreign_stamp = "it was changed out of band";
    let cases = vec![
        (leaving().sees_now(foreign(4)), foreign_stamp),
        (leaving().sees_now(foreign(4)).read(X), foreign_stamp),
        (leaving().sees_now(entry(A, 4)).read(A), foreign_stamp),
        (
            leaving().with(|case| case.object.spec.suspend = true),
            "the object is suspended",
        ),
        (
            leaving().platform(|platform| platform.suspended = true),
            "its Platform is suspended",
        ),
        (
            leaving().platform(|platform| platform.leaving = true),
            "its Platform is being deleted, or the Platform's token is missing",
        ),
        (
            leaving().with(|case| case.state.platform = PlatformState::Absent),
            "its Platform does not exist",
        ),
        (
            leaving().with(|case| case.state.claim = Claim::Lost(Some("ace/older".to_owned()))),
            "it belongs to EdgeFunction ace/older",
        ),
        (
            leaving().forgotten(),
            "the status of this object has no record of deploying it",
        ),
        (
            leaving().with(|case| case.state.step_error = Some(StepError::AccessMissing("403".to_owned()))),
            "403",
        ),
    ];
    for (mut case, expected) in cases {
        let event = Some(Event::warning(
            "LeftLive",
            format!("the function stays live: {expected}"),
        ));
        assert_eq!(case.decide(), Decision::Release { event });
    }
}

#[test]
fn nothing_is_deleted_while_it_is_not_known_whether_an_older_object_may_claim_the_slug() {
    let mut case = leaving().with(|case| case.state.claim = Claim::Unsettled);
    let (reason, message) = cause(case.decide());
    assert_eq!(reason, FunctionReason::Retrying);
    assert_eq!(
        message,
        "an older EdgeFunction claims this slug, and its Platform has not been checked yet"
    );
}

#[test]
fn a_leaving_object_adopts_nothing() {
    let mut case = leaving().forgotten().read(A);
    case.decide();
    assert_eq!(case.state.memo.applied, None);
}

#[test]
fn absence_is_confirmed_before_the_finalizer_goes() {
    let mut case = leaving().with(|case| case.state.listing.as_mut().unwrap().entry = None);
    case.is_gone();
    assert_eq!(case.decide(), Decision::Release { event: None });
}

#[test]
fn an_object_that_made_nothing_leaves_at_once() {
    let mut case = leaving()
        .forgotten()
        .with(|case| case.state.listing.as_mut().unwrap().entry = None);
    assert_eq!(case.decide(), Decision::Release { event: None });
}

#[test]
fn an_outstanding_intent_is_followed_up_before_anything_is_deleted() {
    let desired_digest = settled().wants(B).written().deleted();
    let mut case = desired_digest.clone().sees_now(entry(A, 3));
    assert_eq!(cause(case.decide()).0, FunctionReason::OutcomeUnknown);
    let mut live = desired_digest.clone().sees_now(entry(B, 4));
    live.does(Step::ReadBody(stamp(4)), Ok(StepResult::Body(body(B, &stamp(4)))));
    assert_eq!(live.decide(), Decision::Do(Step::Delete));
    assert_eq!(live.state.memo.applied.unwrap().stamp, stamp(4));
}

#[test]
fn content_that_only_its_mark_suggests_is_not_deleted() {
    let mut case = settled().wants(B).written().deleted().sees_now(entry(B, 4));
    case.does(Step::ReadBody(stamp(4)), Ok(StepResult::Body(bundle(&stamp(4)))));
    let event = Some(Event::warning(
        "LeftLive",
        "the function stays live: only the name of its folder says that this object deployed it".to_owned(),
    ));
    assert_eq!(case.decide(), Decision::Release { event });
}

#[test]
fn a_platform_that_does_not_answer_is_waited_for() {
    let mut case = leaving().platform(|platform| platform.answering = false);
    assert_eq!(cause(case.decide()).0, FunctionReason::Retrying);
    let mut unlisted = leaving().platform(|platform| platform.listed = false);
    assert_eq!(cause(unlisted.decide()).0, FunctionReason::Retrying);
}

#[test]
fn a_deletion_whose_response_was_lost_is_checked() {
    let mut case = leaving().later(1);
    case.does(Step::Delete, Err(StepError::OutcomeUnknown(None)));
    assert_eq!(cause(case.decide()).0, FunctionReason::Retrying);
    case.state.step_error = None;
    case = case.later(15);
    case.lists(at(1), None);
    case.is_gone();
    assert_eq!(case.decide(), Decision::Release { event: None });
}

/// The object is being deleted with the policy `Delete`, and a list of this reconcile shows what it deployed.
pub(super) fn leaving() -> Case {
    settled().deleted().sees_now(entry(A, 3))
}

impl Case {
    fn sees_now(self, entry: super::super::LiveFunction) -> Self {
        self.sees(Some(entry))
            .with(|case| case.state.listing.as_mut().unwrap().started = at(0))
    }
}
