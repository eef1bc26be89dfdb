//! What a Platform depends on, and what others depend on of it.

use ace_api::Platform;
use jiff::Timestamp;

use super::{Decision, Phase, State, decide::api_answers, down, is_token_gone};
use crate::reconcile::{
    dependency::{Dependency, Fact, Facts},
    key::Key,
};

pub fn references(object: &Platform) -> Vec<Dependency> {
    let key = Key::of(object);
    vec![
        Dependency::Project {
            api: object.spec.api.url.clone(),
            project: object.spec.project.clone(),
        },
        Dependency::Outage(key.clone()),
        Dependency::LiveFunctions(key),
    ]
}

pub fn findings(object: &Platform, state: &State, decision: Option<&Decision>, now: Timestamp) -> Facts {
    let key = Key::of(object);
    let lost_after = state.timing.lost_after(object.spec.interval.get());
    let reachability = match state.observation.phase(lost_after, now) {
        Phase::Reachable => Fact::is(match (down(&state.observation), state.observation.refusal()) {
            (Some(phase), _) => format!("is {phase}"),
            (None, Some(refusal)) => format!("refuses changes: {}", refusal.message),
            (None, None) => "answers".to_owned(),
        }),
        Phase::Lost => Fact::is("lost"),
        // Whoever needs an answer waits for it, and the others need not know.
        Phase::Unlisted | Phase::Failing => Fact::Unsettled,
    };
    let generation = object.metadata.generation.unwrap_or_default();
    let mut facts = vec![
        (Dependency::Platform(key.clone()), Fact::is(generation.to_string())),
        (
            Dependency::AnonKey(key.clone()),
            Fact::is(state.has_anon_key.to_string()),
        ),
        (Dependency::Reachability(key.clone()), reachability),
    ];
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
