//! What a Platform tells those who depend on it.

use ace_api::{Platform, PlatformReason};

use super::fixture::{check, closed, listed, platform, project, with_database};
use crate::{
    kinds::platform::{
        Access, DatabaseFailure, Decision, Observation, State, StepError, StepResult, decide, status, update,
    },
    reconcile::{
        decision::Requeue,
        dependency::{Dependency, Fact, Facts},
        fixture::{at, next, shown},
        key::Key,
        kind::Kind as _,
        refusals::Refusals,
    },
};

type Kind = crate::kinds::platform::Kind;

fn findings(object: &Platform, state: &State, second: i64) -> Facts {
    let decision = decide(object, state, at(second));
    Kind::findings(object, state, Some(&decision), at(second))
}

fn fact(facts: &Facts, of: impl Fn(Key) -> Dependency) -> Option<Fact> {
    let wanted = of(Key::of(&platform()));
    facts
        .iter()
        .find(|(dependency, _)| *dependency == wanted)
        .map(|(_, fact)| fact.clone())
}

#[test]
fn a_project_that_answers_and_one_that_is_lost_are_news_and_a_single_failure_is_not() {
    let object = platform();
    let mut failing = listed();
    failing.observation.failed("503".to_owned());
    for (state, second, expected) in [
        (listed(), 1, Fact::is("answers")),
        (failing.clone(), 1, Fact::Unsettled),
        (failing, 901, Fact::is("lost")),
        (listed(), 901, Fact::is("lost")),
    ] {
        let found = fact(
            &Kind::findings(&object, &state, None, at(second)),
            Dependency::Reachability,
        );
        assert_eq!(found, Some(expected), "{state:?} at {second}");
    }
}

#[test]
fn a_first_check_without_a_list_is_news_once_it_is_over() {
    let object = platform();
    let mut state = listed();
    state.observation = Observation::new(at(0));
    state.step_error = Some(StepError::Unanswered("no answer".to_owned()));
    let middle = Kind::findings(&object, &state, None, at(1));
    assert_eq!(fact(&middle, Dependency::Reachability), None);
    let over = findings(&object, &state, 1);
    assert_eq!(fact(&over, Dependency::Reachability), Some(Fact::is("never listed")));
}

#[test]
fn an_observation_of_earlier_does_not_say_that_the_platform_answers_now() {
    let object = platform();
    let unanswered = Some(StepError::Unanswered("no answer".to_owned()));
    let missing = || closed(PlatformReason::SecretMissing, "no Secret".to_owned());
    for (access, step_error, expected) in [
        (Access::Open, unanswered, Fact::Unsettled),
        (missing(), None, Fact::Unsettled),
        // It has answered.
        (Access::Open, Some(StepError::TokenRejected), Fact::is("answers")),
    ] {
        let mut state = listed();
        state.access = access;
        state.step_error = step_error;
        let found = fact(&findings(&object, &state, 1), Dependency::Reachability);
        assert_eq!(found, Some(expected), "{state:?}");
    }
}

#[test]
fn another_platform_of_the_same_name_and_another_spec_are_news() {
    let of = |uid: &str, generation| {
        let mut object = platform();
        object.metadata.uid = Some(uid.to_owned());
        object.metadata.generation = Some(generation);
        fact(&findings(&object, &listed(), 1), Dependency::Platform)
    };
    assert_eq!(of("a", 1), of("a", 1));
    assert_ne!(of("a", 1), of("a", 2));
    assert_ne!(of("a", 1), of("b", 1));
}

#[test]
fn a_right_that_is_missing_on_the_databases_secret_is_no_missing_token() {
    let denied = || DatabaseFailure::AccessMissing("kubectl create rolebinding".to_owned());
    let refused = Refusals::default().after(true).after(true).after(true);
    let missing = closed(PlatformReason::AccessMissing, "kubectl create rolebinding".to_owned());
    for (access, refusals, step_error, expected) in [
        (Access::Open, Refusals::default(), None, false),
        (
            Access::Unanswered("no answer".to_owned()),
            Refusals::default(),
            None,
            false,
        ),
        (missing.clone(), Refusals::default().after(true), None, false),
        (missing, refused, None, true),
        (
            closed(PlatformReason::SecretMissing, "no Secret".to_owned()),
            Refusals::default(),
            None,
            true,
        ),
        (
            closed(PlatformReason::SecretNotOffered, "kubectl label secret".to_owned()),
            Refusals::default(),
            None,
            false,
        ),
        (Access::Open, Refusals::default(), Some(StepError::TokenRejected), true),
        (
            Access::Open,
            Refusals::default(),
            Some(StepError::Failed("disk".to_owned())),
            false,
        ),
    ] {
        let mut state = listed();
        update(&mut state, Ok(StepResult::Checked(check(0, Err(denied())))));
        state.access = access;
        state.memory.refusals = refusals;
        state.step_error = step_error;
        let found = fact(&findings(&with_database(), &state, 1), Dependency::Token);
        assert_eq!(found == Some(Fact::is("missing")), expected, "{state:?}");
    }
}

#[test]
fn the_message_is_the_conditions_and_says_nothing_of_the_database() {
    let message = |state: &State| fact(&findings(&with_database(), state, 1), Dependency::PlatformMessage);
    let mut state = listed();
    update(
        &mut state,
        Ok(StepResult::Checked(check(0, Err(super::fixture::silent())))),
    );
    assert_eq!(message(&state), Some(Fact::is("the platform answers")));
    state.observation.record_project(at(0), Some(project("INACTIVE")));
    assert_eq!(
        message(&state),
        Some(Fact::is("the project is INACTIVE: restore it in the dashboard"))
    );
    let middle = Kind::findings(&with_database(), &state, None, at(1));
    assert_eq!(
        fact(&middle, Dependency::PlatformMessage),
        None,
        "before the end of a pass"
    );
}

#[test]
fn a_right_that_is_refused_once_is_asked_for_again_before_anything_is_said() {
    let object = with_database();
    let mut state = listed();
    state.memo = status(&object, &state, &Decision::Settled(Requeue::OnChange), at(0));
    let before = state.memo.clone();
    let denied = || DatabaseFailure::AccessMissing("run: kubectl create rolebinding".to_owned());
    for second in [2, 4] {
        update(&mut state, Ok(StepResult::Checked(check(second, Err(denied())))));
        let decision = decide(&object, &state, at(second));
        assert!(
            matches!(&decision, Decision::Refuse(_, requeue) if *requeue == next(second + 2)),
            "{decision:?}"
        );
        assert_eq!(status(&object, &state, &decision, at(second)), before);
    }
    update(&mut state, Ok(StepResult::Checked(check(6, Err(denied())))));
    let decision = decide(&object, &state, at(6));
    let after = status(&object, &state, &decision, at(6));
    assert!(
        shown(&after).contains(&"Stalled=True/AccessMissing".to_owned()),
        "{after:?}"
    );

    let mut state = listed();
    state.access = closed(
        PlatformReason::AccessMissing,
        "run: kubectl create rolebinding".to_owned(),
    );
    for (times, stalled) in [(1, false), (2, false), (3, true)] {
        state.memory.refusals = (0..times).fold(Refusals::default(), |refusals, _| refusals.after(true));
        let decision = decide(&object, &state, at(1));
        let shown = status(&object, &state, &decision, at(1));
        assert_eq!(shown != state.memo, stalled, "{times}");
    }
}
