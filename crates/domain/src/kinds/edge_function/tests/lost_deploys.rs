//! A deploy that the platform answers with an error of its own, each time.

use ace_api::{FunctionReason, IntentType};

use super::{
    super::{Decision, Kind, Step, StepResult},
    checks::failed,
    fixture::{Case, settled},
    values::{A, B, X, archived, body, cause, deploy, digest, entry, stamp},
};
use crate::reconcile::{
    decision::{Requeue, StepError},
    fixture::{message, shown},
    kind::Kind as _,
};

const SAYS: &str = "500: Function deploy failed due to an internal error";

/// The deploy that is due is sent, and answered so.
fn sent(case: &mut Case, says: Option<&str>) {
    let Decision::Do(step @ Step::Deploy { .. }) = case.decide() else {
        panic!("{:?}", case.decide())
    };
    let lost = Err(StepError::OutcomeUnknown(says.map(str::to_owned)));
    Kind::update(&case.object, &mut case.state, &step, lost, case.now);
}

/// A list after so many seconds shows what was before.
fn listed_after(case: Case, seconds: i64) -> Case {
    let mut case = case.later(seconds);
    let before = case.state.listing.as_ref().unwrap().entry.clone();
    case.state.listing = Some(case.shown(before));
    let now = case.now;
    case.platform(|platform| platform.seen = now)
}

/// Lists show that it had no effect; then so much time passes as the decision says. The pause in seconds.
fn had_no_effect(mut case: Case) -> (Case, i64) {
    for after in [0, 120, 15] {
        case = listed_after(case, after);
    }
    let since = case.now;
    if let Decision::Wait(_, Requeue::At(then)) | Decision::Refuse(_, Requeue::At(then)) = case.decide() {
        case.now = then;
    }
    let pause = case.now.duration_since(since).as_secs();
    (case, pause)
}

/// After so many deploys with this answer, that had no effect; the pauses after each.
fn after(number: usize, says: Option<&str>) -> (Case, Vec<i64>) {
    let (mut case, mut pauses) = (settled().wants(B), Vec::new());
    for _ in 0..number {
        sent(&mut case, says);
        let (next, pause) = had_no_effect(case);
        pauses.push(pause);
        case = next;
    }
    (case, pauses)
}

#[test]
fn the_platforms_words_are_shown_while_it_is_not_known_whether_a_deploy_took_effect() {
    let mut case = settled().wants(B);
    sent(&mut case, Some(SAYS));
    case = listed_after(case, 1);
    let (why, words) = cause(case.decide());
    assert_eq!(why, FunctionReason::OutcomeUnknown);
    let expected = "the platform answered a deploy with 500: Function deploy failed due to an internal error; it will be \
                    repeated only after the platform's lists show that it had no effect";
    assert_eq!(words, expected);
}

#[test]
fn deploys_that_have_no_effect_are_repeated_with_pauses_that_grow_to_the_longest() {
    for says in [Some(SAYS), None] {
        let (mut case, pauses) = after(7, says);
        assert_eq!(pauses, [0, 30, 60, 120, 240, 300, 300]);
        assert_eq!(
            case.decide(),
            Decision::Do(deploy(IntentType::RollOut, B, Some(3), case.now))
        );
    }
}

#[test]
fn a_pause_says_what_the_platform_said() {
    let (mut case, _) = after(2, Some(SAYS));
    case = case.later(-1);
    let (why, words) = cause(case.decide());
    assert_eq!(why, FunctionReason::Retrying);
    assert!(words.starts_with("deploy 2 of ") && words.contains(SAYS), "{words}");
}

#[test]
fn a_person_is_told_after_five_deploys_that_the_platform_answered_with_an_error_and_it_goes_on() {
    let (mut case, _) = after(4, Some(SAYS));
    assert!(matches!(case.decide(), Decision::Do(Step::Deploy { .. })));
    sent(&mut case, Some(SAYS));
    case = listed_after(case, 1);
    let status = case.status();
    assert!(
        shown(&status).contains(&"Stalled=True/DeployRefused".to_owned()),
        "{:?}",
        shown(&status)
    );
    let words = message(&status, "Stalled");
    assert!(
        words.starts_with("the platform answered 5 deploys of ") && words.contains(SAYS),
        "{words}"
    );
    assert!(
        words.contains("change the source") && words.contains("support"),
        "{words}"
    );
    let (mut due, pause) = had_no_effect(case);
    assert_eq!(pause, 240);
    assert!(matches!(due.decide(), Decision::Do(Step::Deploy { .. })));
    // Nothing is held: it ends by itself when the platform takes it.
    assert_eq!(due.status().held, None);
    let Decision::Do(step) = due.decide() else { panic!() };
    Kind::update(
        &due.object,
        &mut due.state,
        &step,
        Ok(StepResult::Deployed(stamp(4))),
        due.now,
    );
    assert_eq!(due.state.memory.lost_deploys, None);
}

#[test]
fn answers_that_never_came_are_no_reason_to_call_a_person() {
    let (mut case, _) = after(9, None);
    sent(&mut case, None);
    case = listed_after(case, 1);
    assert_eq!(cause(case.decide()).0, FunctionReason::OutcomeUnknown);
    let mut mixed = after(4, Some(SAYS)).0;
    sent(&mut mixed, None);
    mixed = had_no_effect(mixed).0;
    sent(&mut mixed, Some(SAYS));
    mixed = listed_after(mixed, 1);
    assert_eq!(cause(mixed.decide()).0, FunctionReason::OutcomeUnknown);
}

#[test]
fn other_content_another_spec_and_a_request_for_a_reconcile_end_the_pause() {
    let (case, _) = after(6, Some(SAYS));
    let paused = case.later(-1);
    assert!(matches!(paused.clone().decide(), Decision::Refuse(..)));
    let other = paused.clone().wants(X);
    let spec = paused.clone().with(|case| case.object.metadata.generation = Some(5));
    let asked = paused.asks("now");
    for mut case in [other, spec, asked] {
        if let Decision::Do(Step::List { not_before }) = case.decide() {
            case.lists(not_before, Some(entry(A, 3)));
        }
        assert!(
            matches!(case.decide(), Decision::Do(Step::Deploy { .. })),
            "{:?}",
            case.decide()
        );
    }
}

#[test]
fn after_a_restart_it_is_sent_again_and_counted_anew() {
    let (case, _) = after(6, Some(SAYS));
    let mut case = case.later(-1).restarted();
    assert!(matches!(case.decide(), Decision::Do(Step::Deploy { .. })));
}

#[test]
fn a_lost_roll_back_that_took_effect_is_known_by_its_archive_whomever_was_told_meanwhile() {
    let mut case = failed();
    for deploys in 1..=5 {
        if matches!(case.decide(), Decision::Do(Step::LoadArchive(_))) {
            case.loads_archive(A, archived(A, false));
        }
        sent(&mut case, Some(SAYS));
        case = if deploys < 5 { had_no_effect(case).0 } else { case };
    }
    case = listed_after(case, 1);
    let decision = case.decide();
    assert!(matches!(decision, Decision::Refuse(..)), "{decision:?}");
    // The next pass.
    case.state.memory = Kind::into_memory(case.state.clone(), &decision);
    case = case.later(1);
    case.state.listing = Some(case.shown(Some(entry(A, 5))));
    let read = body(A, &stamp(5));
    case.does(Step::ReadBody(stamp(5)), Ok(StepResult::Body(read)));
    let applied = case.state.memo.applied.unwrap();
    assert_eq!((applied.source_digest, applied.unproved), (digest(A), false));
}
