//! When to look at a platform.

use ace_api::{Platform, PlatformReason, SecretKeyReference};
use jiff::Timestamp;

use super::{Access, Decision, Step, Trouble, Why, World, database};
use crate::{decision::Again, names::is_look_asked};

/// States from which only a person brings a project back.
const INACTIVE: [&str; 5] = ["INACTIVE", "INIT_FAILED", "REMOVED", "RESTORE_FAILED", "PAUSE_FAILED"];
/// States that pass.
const NOT_READY: [&str; 8] = [
    "ACTIVE_UNHEALTHY",
    "COMING_UP",
    "GOING_DOWN",
    "RESTORING",
    "UPGRADING",
    "PAUSING",
    "RESTARTING",
    "RESIZING",
];

/// What to do next.
pub fn decide(object: &Platform, world: &World, now: Timestamp) -> Decision {
    if object.metadata.deletion_timestamp.is_some() {
        return Decision::Release { left_live: None };
    }
    if object.spec.suspend {
        return Decision::Settled(Again::OnWake);
    }
    if let Some(decision) = closed(object, world, now) {
        return decision;
    }
    if let Some(trouble) = &world.trouble {
        return troubled(object, world, trouble, now);
    }
    match due(object, world, now) {
        Some(step) => Decision::Do(step),
        None => seen(object, world, now),
    }
}

/// Takes over what a look taught. The view has been fed by the look itself.
pub fn learn(world: &mut World, outcome: Result<super::View, Trouble>) {
    match outcome {
        Ok(view) => {
            world.trouble = None;
            world.view = view;
        }
        Err(Trouble::Database(look)) => {
            world.trouble = None;
            world.view.record_database(*look);
        }
        Err(trouble) => world.trouble = Some(trouble),
    }
}

/// Nothing is wrong with the platform itself: what else is wrong, is wrong with its database.
pub fn api_answers(world: &World) -> bool {
    let passing = state(world).is_some_and(|state| INACTIVE.contains(&state) || NOT_READY.contains(&state));
    world.access == Access::Open && world.trouble.is_none() && !passing
}

/// The project's state, in the platform's words.
fn state(world: &World) -> Option<&str> {
    let (_, project) = world.view.project()?;
    project.as_ref().map(|project| project.state.as_str())
}

fn closed(object: &Platform, world: &World, now: Timestamp) -> Option<Decision> {
    let again = Again::After(world.pace.interval(object.spec.interval.get()));
    let refuse = |reason, message: &String| Some(Decision::Refuse(Why::new(reason, message.clone()), again));
    match &world.access {
        Access::Open => None,
        Access::Unanswered(message) => {
            let trouble = Trouble::Unanswered(message.clone());
            Some(troubled(object, world, &trouble, now))
        }
        Access::SecretMissing(message) => Some(Decision::Wait(
            Why::new(PlatformReason::SecretMissing, message.clone()),
            Again::Backoff,
        )),
        Access::AccessMissing(message) => refuse(PlatformReason::AccessMissing, message),
        Access::TokenInvalid(message) => refuse(PlatformReason::TokenInvalid, message),
        Access::HostNotAllowed(message) => refuse(PlatformReason::HostNotAllowed, message),
    }
}

fn troubled(object: &Platform, world: &World, trouble: &Trouble, now: Timestamp) -> Decision {
    let interval = world.pace.interval(object.spec.interval.get());
    let refuse = |reason, message: &str| Decision::Refuse(Why::new(reason, message), Again::After(interval));
    let wait = |reason, message: &str, again| {
        let lost = now > world.view.seen() + world.pace.unseen_after(object.spec.interval.get());
        let reason = if lost { PlatformReason::NotSeen } else { reason };
        Decision::Wait(Why::new(reason, message), again)
    };
    match trouble {
        Trouble::Deferred(again) => {
            let message = "the platform's limit or our own budget asks to wait";
            wait(PlatformReason::RateLimited, message, Again::After(*again))
        }
        Trouble::Unanswered(message) | Trouble::Failed(message) => {
            wait(PlatformReason::Unreachable, message, Again::After(world.pace.probe()))
        }
        // It was learned into the view: see `learn`.
        Trouble::Database(_) => seen(object, world, now),
        Trouble::TokenRejected => {
            let SecretKeyReference { name, key } = &object.spec.api.token_secret_ref;
            let message = format!(
                "the platform refuses the token in key `{key}` of Secret `{name}`: put an access token (`sbp_…`) there, alone and unquoted"
            );
            refuse(PlatformReason::TokenRejected, &message)
        }
        Trouble::Forbidden(message) => refuse(
            PlatformReason::TokenRejected,
            &format!(
                "the token lacks a permission ({message}): it needs functions read and write, secrets read, project read"
            ),
        ),
        Trouble::ProjectNotFound => {
            let message = format!("the token's owner has no project `{}`", object.spec.project);
            refuse(PlatformReason::ProjectNotFound, &message)
        }
    }
}

/// Something is to be asked.
pub fn is_due(object: &Platform, world: &World, now: Timestamp) -> bool {
    due(object, world, now).is_some()
}

fn due(object: &Platform, world: &World, now: Timestamp) -> Option<Step> {
    let interval = world.pace.interval(object.spec.interval.get());
    let view = &world.view;
    let asked = is_look_asked(object, world.memo.last_handled_reconcile_at.as_ref());
    let old = |at: Timestamp, most: std::time::Duration| now >= at + most || asked && at < world.began;
    if view.failing().is_some() || view.project().is_none_or(|(at, _)| old(*at, world.pace.project_look())) {
        return Some(Step::GetProject);
    }
    if view.listed().is_none_or(|at| old(at, interval)) {
        return Some(Step::ListFunctions);
    }
    if world.needs_secrets && view.secrets().is_none_or(|(at, _)| old(*at, interval)) {
        return Some(Step::ListSecrets);
    }
    // Last, because functions need the others; and the database of a project that does not run does not answer.
    (api_answers(world) && database::is_due(object, world, now)).then_some(Step::AskDatabase)
}

fn seen(object: &Platform, world: &World, now: Timestamp) -> Decision {
    let interval = world.pace.interval(object.spec.interval.get());
    let next = world.view.seen() + interval;
    let next = next.duration_since(now).try_into().unwrap_or(interval);
    match state(world) {
        Some(state) if INACTIVE.contains(&state) => {
            let message = format!("the project is {state}: restore it in the dashboard");
            Decision::Refuse(Why::new(PlatformReason::ProjectInactive, message), Again::After(next))
        }
        Some(state) if NOT_READY.contains(&state) => Decision::Wait(
            Why::new(PlatformReason::ProjectNotReady, format!("the project is {state}")),
            Again::After(next),
        ),
        _ => database::judge(object, world, next, now),
    }
}
