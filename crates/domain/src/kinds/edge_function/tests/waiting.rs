//! Suspended, asked to reconcile, owned by another object.

use ace_api::{FunctionReason, Mode};

use super::{
    super::{Claim, Decision, Step},
    fixture::{Case, settled},
    values::{A, B, cause, entry, foreign},
};
use crate::reconcile::{
    decision::{Requeue, StepError},
    fixture::{at, message, shown, stalled},
};

#[test]
fn a_suspended_function_is_not_touched_and_stays_ready_while_its_desired_state_is_live() {
    let mut case = settled()
        .sees(Some(foreign(4)))
        .with(|case| case.object.spec.suspend = true);
    assert_eq!(case.decide(), Decision::Settled(Requeue::OnChange));
    assert_eq!(
        shown(&case.status()),
        [
            "Ready=True/Live",
            "Suspended=True/SuspendedByUser",
            "Drifted=False/NoDrift"
        ]
    );
    let says = "`spec.suspend` is true: nothing is checked or changed";
    assert_eq!(message(&case.status(), "Ready"), says, "it is not reported as live");
    let mut later = case.written().later(100_000);
    assert_eq!(later.status(), later.state.memo, "nor writes it again");
}

#[test]
fn a_function_suspended_before_its_desired_state_was_live_is_not_ready_and_its_generation_goes_on() {
    let mut case = settled().wants(B).with(|case| {
        case.object.spec.suspend = true;
        case.object.metadata.generation = Some(9);
    });
    let status = case.status();
    assert_eq!(
        shown(&status)[..2],
        ["Ready=False/Suspended", "Suspended=True/SuspendedByUser"]
    );
    assert_eq!(status.common.observed_generation, Some(9));
    assert!(
        status
            .common
            .conditions
            .iter()
            .all(|c| c.observed_generation == Some(9))
    );
}

#[test]
fn a_function_suspended_while_it_was_not_observed_is_not_ready() {
    let mut case = settled()
        .platform(|platform| platform.seen = at(-901))
        .written()
        .with(|case| case.object.spec.suspend = true);
    assert_eq!(shown(&case.status())[0], "Ready=False/Suspended");
}

#[test]
fn a_suspended_platform_suspends_its_functions() {
    let mut case = settled().wants(B).platform(|platform| platform.suspended = true);
    let status = case.status();
    assert_eq!(
        shown(&status)[..2],
        ["Ready=False/Suspended", "Suspended=True/SuspendedByPlatform"]
    );
    let says = "Platform `prod` is suspended: nothing is checked or changed";
    assert_eq!(message(&status, "Suspended"), says);
    let mut live = settled().platform(|platform| platform.suspended = true);
    assert_eq!(shown(&live.status())[0], "Ready=True/Live");
    assert_eq!(message(&live.status(), "Ready"), says);
}

#[test]
fn a_slug_that_an_older_object_owns_is_not_touched() {
    let lost = Claim::Lost(Some("ace/older".to_owned()));
    let mut case = settled()
        .forgotten()
        .sees(None)
        .with(|case| case.state.claim = lost.clone());
    let status = case.status();
    assert_eq!(shown(&status), stalled("SlugClaimed", "Unknown/NotCompared"));
    assert_eq!(
        message(&status, "Stalled"),
        "EdgeFunction ace/older is older and owns slug `hello` of this project: delete one of the two, or set `spec.mode: Observe` on this one"
    );
    let mut observing = settled().mode(Mode::Observe).with(|case| case.state.claim = lost);
    assert_eq!(observing.decide(), Decision::Settled(Requeue::OnChange));
}

#[test]
fn nobody_is_told_what_is_in_another_namespace() {
    let foreign = |case: &mut Case| case.state.claim = Claim::Lost(None);
    assert_eq!(
        message(&settled().with(foreign).status(), "Stalled"),
        "an older EdgeFunction in another namespace owns slug `hello` of this project: delete this one, or set `spec.mode: Observe` on it"
    );
    // Nor that there is one, where the project can't be listed.
    let mut squatter = settled()
        .forgotten()
        .with(foreign)
        .platform(|platform| platform.listed = false);
    squatter.state.listing = None;
    assert_eq!(cause(squatter.decide()).0, FunctionReason::WaitingForPlatform);
}

#[test]
fn nothing_is_deployed_while_it_is_not_known_whether_an_older_object_may_claim_the_slug() {
    let mut case = settled().wants(B).with(|case| case.state.claim = Claim::Unsettled);
    let (reason, message) = cause(case.decide());
    assert_eq!(reason, FunctionReason::WaitingForPlatform);
    assert_eq!(
        message,
        "an older EdgeFunction claims this slug, and its Platform has not been checked yet"
    );
}

#[test]
fn a_changed_annotation_requests_a_list_that_is_newer_than_the_reconcile() {
    let mut case = settled().asks("now");
    case.lists(at(0), Some(entry(A, 3)));
    let status = case.status();
    assert_eq!(status.common.last_handled_reconcile_at.as_deref(), Some("now"));
    let mut next = case.written();
    next.state.began = at(10);
    assert_eq!(next.decide(), Decision::Settled(Requeue::OnChange), "and only once");
}

#[test]
fn an_annotation_is_not_handled_before_the_list_has_succeeded() {
    let mut case = settled().asks("now");
    case.does(
        Step::List { not_before: at(0) },
        Err(StepError::Unanswered("503".to_owned())),
    );
    assert_eq!(case.status(), case.state.memo);
    case.state.step_error = None;
    assert_eq!(case.decide(), Decision::Do(Step::List { not_before: at(0) }));
}

#[test]
fn an_annotation_is_handled_by_a_refusal_that_needs_no_list() {
    let lost = Claim::Lost(Some("ace/older".to_owned()));
    let mut case = settled().asks("now").with(|case| case.state.claim = lost);
    assert_eq!(cause(case.decide()).0, FunctionReason::SlugClaimed);
    assert_eq!(case.status().common.last_handled_reconcile_at.as_deref(), Some("now"));
}
