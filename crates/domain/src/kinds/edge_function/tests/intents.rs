//! A deploy whose answer was lost, and an operator that was killed around one.

use ace_api::{FunctionReason, IntentType};

use super::{
    super::{Decision, Kind, LiveFunction, Memory, Step, StepResult},
    fixture::{Case, settled},
    values::{A, B, X, applied, body, bundle, cause, deploy, entry, foreign, stamp},
};
use crate::reconcile::{
    decision::{Requeue, StepError},
    fixture::{at, reconciling, shown},
    kind::Kind as _,
};

/// 60 s deadline of the request, 60 s more: from then on a list can prove that it had no effect.
const LOST: i64 = 120;

#[test]
fn a_deploy_whose_response_was_lost_is_checked_and_not_repeated() {
    let mut case = lost();
    case.lists(at(60), Some(entry(A, 3)));
    let waits = Decision::Wait(case_why(), Requeue::At(case.now + std::time::Duration::from_mins(1)));
    assert_eq!(case.decide(), waits);
    assert_eq!(shown(&case.status()), reconciling("OutcomeUnknown", "False/NoDrift"));
}

#[test]
fn one_list_without_it_is_no_proof() {
    let mut case = lost().until(LOST);
    case.lists(at(60), Some(entry(A, 3)));
    assert_eq!(cause(case.decide()).0, FunctionReason::OutcomeUnknown);
    case = case.until(LOST + 14);
    assert_eq!(cause(case.decide()).0, FunctionReason::OutcomeUnknown);
}

#[test]
fn two_lists_a_confirmation_delay_apart_prove_that_it_had_no_effect() {
    let mut case = lost().until(LOST);
    case.lists(at(60), Some(entry(A, 3)));
    case = case.until(LOST + 15);
    case.lists(at(LOST + 15), Some(entry(A, 3)));
    assert_eq!(
        case.decide(),
        Decision::Do(deploy(IntentType::RollOut, B, Some(3), at(LOST + 15)))
    );
}

#[test]
fn two_lists_that_were_requested_too_early_prove_nothing() {
    let mut case = lost().until(LOST - 30);
    case.lists(at(60), Some(entry(A, 3)));
    case = case.until(LOST - 5);
    case.state.listing = Some(case.shown(Some(entry(A, 3))));
    assert_eq!(cause(case.decide()).0, FunctionReason::OutcomeUnknown);
}

#[test]
fn the_mark_suggests_that_a_lost_deploy_took_effect_where_the_body_is_no_files() {
    let mut case = lost();
    case.lists(at(60), Some(entry(B, 4)));
    case.does(Step::ReadBody(stamp(4)), Ok(StepResult::Body(bundle(&stamp(4)))));
    case.decide();
    assert_eq!(case.state.memo.intent, None);
    let applied = case.state.memo.applied.clone().unwrap();
    assert_eq!((applied.stamp, applied.unproved), (stamp(4), true));
    assert!(shown(&case.status()).contains(&"Drifted=Unknown/NotComparable".to_owned()));
}

#[test]
fn somebody_elses_bytes_under_the_mark_of_a_lost_deploy_are_not_ours() {
    let mut case = lost();
    case.lists(at(60), Some(entry(B, 4)));
    case.does(Step::ReadBody(stamp(4)), Ok(StepResult::Body(body(X, &stamp(4)))));
    assert_eq!(cause(case.decide()).0, FunctionReason::OutcomeUnknown);
    assert_eq!(case.state.memo.applied, Some(applied(A, 3)));
}

#[test]
fn a_body_that_can_not_be_read_leaves_the_outcome_open_and_is_read_again() {
    let mut case = lost();
    case.lists(at(60), Some(entry(B, 4)));
    case.does(Step::ReadBody(stamp(4)), Err(StepError::Unanswered("503".to_owned())));
    let Decision::Wait(why, requeue) = case.decide() else {
        panic!("{:?}", case.decide())
    };
    assert_eq!(
        (why.reason, requeue),
        (FunctionReason::OutcomeUnknown, Requeue::Backoff)
    );
    case.state.began = case.now + std::time::Duration::from_secs(1);
    assert_eq!(case.decide(), Decision::Do(Step::ReadBody(stamp(4))));
}

#[test]
fn the_bytes_show_it_where_the_mark_is_not_echoed() {
    let mut case = lost();
    case.lists(at(60), Some(unmarked(B, 4)));
    case.does(Step::ReadBody(stamp(4)), Ok(StepResult::Body(body(B, &stamp(4)))));
    case.decide();
    assert_eq!(case.state.memo.applied, Some(applied(B, 4)));
    assert_eq!(case.state.memo.intent, None);
}

#[test]
fn somebody_elses_deploy_is_no_leave_to_send_again_while_ours_may_be_on_its_way() {
    let mut case = lost();
    case.lists(at(60), Some(foreign(4)));
    case.does(Step::ReadBody(stamp(4)), Ok(StepResult::Body(body(X, &stamp(4)))));
    assert_eq!(cause(case.decide()).0, FunctionReason::OutcomeUnknown);
}

#[test]
fn a_deletion_is_no_leave_to_send_again_while_ours_may_be_on_its_way() {
    let mut case = lost();
    case.lists(at(60), None);
    case = case.until(LOST - 20);
    case.state.listing = Some(case.shown(None));
    assert_eq!(cause(case.decide()).0, FunctionReason::OutcomeUnknown);
}

#[test]
fn a_killed_operator_takes_its_deploy_for_live_by_the_mark_where_the_body_is_no_files() {
    let mut case = killed_then(Some(entry(B, 4)));
    case.does(Step::ReadBody(stamp(4)), Ok(StepResult::Body(bundle(&stamp(4)))));
    case.decide();
    assert_eq!(case.state.memo.applied.unwrap().source_digest, super::values::digest(B));
}

#[test]
fn a_killed_operator_recognises_its_deploy_by_the_bytes() {
    let mut case = killed_then(Some(unmarked(B, 4)));
    case.does(Step::ReadBody(stamp(4)), Ok(StepResult::Body(body(B, &stamp(4)))));
    case.decide();
    assert_eq!(case.state.memo.applied, Some(applied(B, 4)));
}

#[test]
fn an_intent_that_never_became_a_request_is_abandoned_after_two_lists() {
    let mut case = killed().until(3600).platform(|platform| platform.seen = at(3600));
    case.state.listing = Some(case.shown(Some(entry(A, 3))));
    assert_eq!(cause(case.decide()).0, FunctionReason::OutcomeUnknown, "one list");
    case = case.until(3615);
    case.lists(at(3615), Some(entry(A, 3)));
    assert_eq!(
        case.decide(),
        Decision::Do(deploy(IntentType::RollOut, B, Some(3), at(3615)))
    );
}

#[test]
fn a_killed_operator_waits_from_its_own_first_list_whatever_the_clock_was_set_to_meanwhile() {
    for noted in [-3_600, 3_600] {
        let mut case = killed().with(|case| {
            case.state.memo.intent.as_mut().unwrap().start_time = at(noted);
        });
        for second in [45, 30 + LOST - 1] {
            case = case.until(second);
            case.state.listing = Some(case.shown(Some(entry(A, 3))));
            assert_eq!(cause(case.decide()).0, FunctionReason::OutcomeUnknown, "at {second}");
        }
        for second in [30 + LOST, 30 + LOST + 15] {
            case = case.until(second);
            case.lists(at(second), Some(entry(A, 3)));
        }
        let again = deploy(IntentType::RollOut, B, Some(3), at(30 + LOST + 15));
        assert_eq!(case.decide(), Decision::Do(again), "noted at {noted}");
    }
}

#[test]
fn an_intent_is_followed_up_although_the_desired_content_has_changed_since() {
    let mut case = killed_then(Some(entry(B, 4))).wants(X);
    case.does(Step::ReadBody(stamp(4)), Ok(StepResult::Body(body(B, &stamp(4)))));
    let read = case.state.memory.body.clone().unwrap();
    assert_eq!(
        case.decide(),
        Decision::Do(Step::ArchiveForeign(read)),
        "what only its mark suggests is archived before it is overwritten"
    );
    let applied = case.state.memo.applied.unwrap();
    assert_eq!(
        (applied.source_digest, applied.unproved),
        (super::values::digest(B), true)
    );
}

#[test]
fn a_list_from_before_the_write_is_never_compared() {
    let mut case = settled().with(|case| {
        let listing = case.state.listing.as_mut().unwrap();
        listing.entry = Some(foreign(2));
        listing.last_write = Some(at(-30));
    });
    assert_eq!(case.decide(), Decision::Do(Step::List { not_before: at(-30) }));
    assert_eq!(shown(&case.status())[2], "Drifted=False/NoDrift");
    case.state.listing.as_mut().unwrap().started = at(-30);
    assert_eq!(
        case.decide(),
        Decision::Do(Step::ReadBody(stamp(2))),
        "asked for when the write had ended"
    );
}

impl Case {
    fn until(mut self, second: i64) -> Self {
        self.now = at(second);
        self
    }
}

/// `B` was sent at 0; at 60 the answer was given up.
#[test]
fn an_intent_that_was_recorded_and_not_acted_upon_is_no_lost_answer() {
    let mut case = settled().wants(B);
    let step = deploy(IntentType::RollOut, B, Some(3), at(0));
    assert_eq!(case.decide(), Decision::Do(step.clone()));
    let Step::Deploy { intent, .. } = &step else {
        panic!("{step:?}")
    };
    case.state.memo.intent = Some(intent.clone());
    Kind::skip_step(&mut case.state, &step);
    super::super::infer(&case.object, &mut case.state, case.now);
    assert_eq!(case.state.memo.intent, None);
    case.state.memo.intent = Some(intent.clone());
    super::super::infer(&case.object, &mut case.state, case.now);
    assert!(case.state.memo.intent.is_some(), "it is forgotten once, not for ever");
}

fn lost() -> Case {
    let mut case = settled().wants(B);
    let step = deploy(IntentType::RollOut, B, Some(3), at(0));
    assert_eq!(case.decide(), Decision::Do(step.clone()));
    case = case.until(60);
    Kind::update(
        &case.object,
        &mut case.state,
        &step,
        Err(StepError::OutcomeUnknown(None)),
        case.now,
    );
    case
}

/// The intent was recorded; whether the request was sent is unknown.
pub(super) fn killed() -> Case {
    let case = settled()
        .wants(B)
        .written()
        .with(|case| case.state.memory = Memory::default());
    assert!(case.state.memo.intent.is_some());
    case.later(30).with(|case| {
        case.state.began = at(30);
        let listing = case.state.listing.as_mut().unwrap();
        (listing.first, listing.started, listing.since) = (at(30), at(30), at(30));
        listing.lists = vec![at(30)];
    })
}

/// After the restart a list shows this.
fn killed_then(entry: Option<LiveFunction>) -> Case {
    killed().with(|case| case.state.listing = Some(case.shown(entry)))
}

fn unmarked(text: &str, version: i64) -> LiveFunction {
    LiveFunction {
        mark: None,
        ..entry(text, version)
    }
}

fn case_why() -> super::super::Cause {
    super::super::Cause::new(
        FunctionReason::OutcomeUnknown,
        "the response to a deploy was lost; it will be repeated only after the platform's lists show that it had no effect",
    )
}
