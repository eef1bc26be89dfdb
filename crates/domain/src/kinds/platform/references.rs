//! What a Platform depends on, and what others depend on of it.

use ace_api::Platform;
use jiff::Timestamp;

use super::{Access, Decision, Phase, State, StepError, decide::api_answers, down, is_token_gone, project};
use crate::reconcile::{
    dependency::{Dependency, Fact, Facts},
    key::Key,
};

pub fn references(object: &Platform) -> Vec<Dependency> {
    let key = Key::of(object);
    vec![
        project(object),
        Dependency::Outage(key.clone()),
        Dependency::LiveFunctions(key.clone()),
        Dependency::PointsCount(key),
    ]
}

pub fn findings(object: &Platform, state: &State, decision: Option<&Decision>, now: Timestamp) -> Facts {
    let key = Key::of(object);
    let lost_after = state.timing.lost_after(object.spec.interval.get());
    let reachability = match state.observation.phase(lost_after, now) {
        Phase::Lost => Some(Fact::is("lost")),
        // With the end of the check, and not before: whoever waits for a list can say then why there is none.
        _ if state.observation.listed().is_none() => decision.map(|_| Fact::is("never listed")),
        // Whoever needs an answer waits for it, and the others need not know.
        Phase::Unlisted | Phase::Failing => Some(Fact::Unsettled),
        Phase::Reachable if gets_no_answer(state) => Some(Fact::Unsettled),
        Phase::Reachable => Some(Fact::is(
            match (down(&state.observation), state.observation.refusal()) {
                (Some(phase), _) => format!("is {phase}"),
                (None, Some(refusal)) => format!("refuses changes: {}", refusal.message),
                (None, None) => "answers".to_owned(),
            },
        )),
    };
    let (uid, generation) = (&object.metadata.uid, object.metadata.generation);
    let spec = format!(
        "{} {}",
        uid.as_deref().unwrap_or_default(),
        generation.unwrap_or_default()
    );
    let mut facts = vec![
        (Dependency::Platform(key.clone()), Fact::is(spec)),
        (
            Dependency::AnonKey(key.clone()),
            Fact::is(state.has_anon_key.to_string()),
        ),
    ];
    // Rounded: whoever compares them with the clock reads them himself.
    let points = state.observation.points().map(|points| match points {
        Ok(points) => Fact::is(format!("{:?}", points.shown())),
        Err(problem) => Fact::is(problem),
    });
    facts.extend(points.map(|fact| (Dependency::Points(key.clone()), fact)));
    facts.extend(reachability.map(|fact| (Dependency::Reachability(key.clone()), fact)));
    if let Some(decision) = decision {
        let token = if is_token_gone(state) {
            Fact::is("missing")
        } else {
            Fact::Unsettled
        };
        facts.push((Dependency::Token(key.clone()), token));
        let message = match decision {
            Decision::Wait(cause, _) | Decision::Refuse(cause, _) if !api_answers(state) => cause.message.as_str(),
            _ => "the platform answers",
        };
        facts.push((Dependency::PlatformMessage(key), Fact::is(message)));
    }
    facts
}

/// The observation is of an earlier request: this pass has no token, or no answer.
fn gets_no_answer(state: &State) -> bool {
    state.access != Access::Open || matches!(state.step_error, Some(StepError::Unanswered(_)))
}
