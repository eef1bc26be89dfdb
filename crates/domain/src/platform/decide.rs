//! When to look at a platform.

use ace_api::{Platform, PlatformReason};
use jiff::Timestamp;

use super::{Access, Decision, Step, Trouble, Why, World};
use crate::{decision::Again, names::reconcile_at};

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
    if let Some(decision) = closed(object, world) {
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
        Err(trouble) => world.trouble = Some(trouble),
    }
}

fn closed(object: &Platform, world: &World) -> Option<Decision> {
    let again = Again::After(world.pace.interval(object.spec.interval.get()));
    let refuse = |reason, message: &String| Some(Decision::Refuse(Why::new(reason, message.clone()), again));
    match &world.access {
        Access::Open => None,
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
        Trouble::TokenRejected => refuse(
            PlatformReason::TokenRejected,
            "the platform refuses the token: put a valid one into the Secret",
        ),
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

fn due(object: &Platform, world: &World, now: Timestamp) -> Option<Step> {
    let interval = world.pace.interval(object.spec.interval.get());
    let view = &world.view;
    let asked = reconcile_at(object);
    let asked = asked.is_some() && asked != world.memo.last_handled_reconcile_at;
    let old = |at: Timestamp, most: std::time::Duration| now >= at + most || asked && at < world.began;
    if view.failing().is_some() || view.project().is_none_or(|(at, _)| old(*at, world.pace.project_look())) {
        return Some(Step::GetProject);
    }
    if view.listed().is_none_or(|at| old(at, interval)) {
        return Some(Step::ListFunctions);
    }
    let secrets_due = world.needs_secrets && view.secrets().is_none_or(|(at, _)| old(*at, interval));
    secrets_due.then_some(Step::ListSecrets)
}

fn seen(object: &Platform, world: &World, now: Timestamp) -> Decision {
    let interval = world.pace.interval(object.spec.interval.get());
    let next = world.view.seen() + interval;
    let again = Again::After(next.duration_since(now).try_into().unwrap_or(interval));
    let state = world
        .view
        .project()
        .and_then(|(_, project)| project.as_ref())
        .map(|project| project.state.as_str());
    match state {
        Some(state) if INACTIVE.contains(&state) => {
            let message = format!("the project is {state}: restore it in the dashboard");
            Decision::Refuse(Why::new(PlatformReason::ProjectInactive, message), again)
        }
        Some(state) if NOT_READY.contains(&state) => Decision::Wait(
            Why::new(PlatformReason::ProjectNotReady, format!("the project is {state}")),
            again,
        ),
        _ => Decision::Settled(again),
    }
}
