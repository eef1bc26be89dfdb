//! What a person has to change before the platform takes changes is shown once, here.

use ace_api::PlatformReason;

use super::{
    super::{Decision, Observation, Refusal, RefusedBy, State, Step, decide, down},
    fixture::{listed, platform, project},
};
use crate::reconcile::{decision::Requeue, fixture::at};

fn refusing(by: RefusedBy, message: &str) -> State {
    let mut state = listed();
    state.observation.refused(Refusal {
        by,
        message: message.to_owned(),
        at: at(0),
    });
    state
}

fn refused(state: &State) -> (PlatformReason, String) {
    match decide(&platform(), state, at(1)) {
        Decision::Refuse(cause, Requeue::At(_)) => (cause.reason, cause.message),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_plans_limit_is_shown_with_the_platforms_words() {
    let (reason, message) = refused(&refusing(
        RefusedBy::Plan,
        "Maximum number of functions reached for Plan",
    ));
    assert_eq!(reason, PlatformReason::PlanLimit);
    assert!(
        message.contains("Maximum number of functions reached for Plan"),
        "{message}"
    );
}

#[test]
fn a_permission_that_the_token_lacks_is_named() {
    let (reason, message) = refused(&refusing(RefusedBy::Permissions, "Forbidden resource"));
    assert_eq!(reason, PlatformReason::TokenRejected);
    assert!(message.contains("functions read and write"), "{message}");
}

#[test]
fn a_change_that_is_made_ends_the_refusal() {
    let mut state = refusing(RefusedBy::Plan, "no");
    state.observation.permitted();
    assert!(matches!(decide(&platform(), &state, at(1)), Decision::Settled(_)));
}

#[test]
fn a_project_that_is_not_healthy_is_looked_at_every_interval() {
    let mut state = listed();
    for (phase, is_due) in [("INACTIVE", true), ("COMING_UP", true), ("ACTIVE_HEALTHY", false)] {
        state.observation.record_project(at(0), Some(project(phase)));
        let decision = decide(&platform(), &state, at(301));
        assert_eq!(
            decision == Decision::Do(Step::GetProject),
            is_due,
            "{phase}: {decision:?}"
        );
    }
}

#[test]
fn only_a_project_that_runs_nothing_is_down() {
    for (phase, expected) in [
        ("INACTIVE", true),
        ("PAUSING", true),
        ("RESIZING", false),
        ("ACTIVE_HEALTHY", false),
        ("NEW", false),
    ] {
        let mut observation = Observation::new(at(0));
        observation.record_project(at(0), Some(project(phase)));
        assert_eq!(down(&observation).is_some(), expected, "{phase}");
    }
}
