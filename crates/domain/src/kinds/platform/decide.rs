//! What to do next about a Platform.

use std::time::Duration;

use ace_api::{Platform, PlatformReason, SecretKeyReference};
use jiff::Timestamp;

use super::{Access, Cause, Decision, Observation, Refusal, RefusedBy, State, Step, StepError, StepResult, database};
use crate::inputs::prevented;
use crate::reconcile::{annotations::is_reconcile_requested, decision::Requeue};

/// Project states that need a person.
const INACTIVE: [&str; 5] = ["INACTIVE", "INIT_FAILED", "REMOVED", "RESTORE_FAILED", "PAUSE_FAILED"];
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

/// Temporary states of a project that runs no functions.
const DOWN: [&str; 4] = ["COMING_UP", "GOING_DOWN", "RESTORING", "PAUSING"];

/// The project's state, if it runs no functions in it.
pub fn down(observation: &Observation) -> Option<&str> {
    let (_, project) = observation.project()?;
    let state = project.as_ref()?.state.as_str();
    (INACTIVE.contains(&state) || DOWN.contains(&state)).then_some(state)
}

/// Decides by the state alone. Time is an argument.
pub fn decide(object: &Platform, state: &State, now: Timestamp) -> Decision {
    if object.metadata.deletion_timestamp.is_some() {
        return Decision::Release { event: None };
    }
    if object.spec.suspend {
        return Decision::Settled(Requeue::OnChange);
    }
    if let Some(decision) = closed(object, state, now) {
        return decision;
    }
    if let Some(step_error) = &state.step_error {
        return after_error(object, state, step_error, now);
    }
    match due(object, state, now) {
        Some(step) => Decision::Do(step),
        None => seen(object, state),
    }
}

/// Updates the state by the result of a step, or by its error.
pub fn update(state: &mut State, outcome: Result<StepResult, StepError>) {
    state.step_error = None;
    match outcome {
        Ok(StepResult::Observed(observation)) => state.observation = *observation,
        Ok(StepResult::Checked(check)) => {
            let check = check.following(state.memory.database.as_ref());
            state.memory.database = Some(check);
        }
        Err(step_error) => state.step_error = Some(step_error),
    }
}

/// The platform itself is fine: any problem is with its database.
pub fn api_answers(state: &State) -> bool {
    state.access == Access::Open && state.step_error.is_none() && !is_unhealthy(state)
}

fn is_unhealthy(state: &State) -> bool {
    project_state(state).is_some_and(|state| INACTIVE.contains(&state) || NOT_READY.contains(&state))
}

/// No token opens the platform: there is none to be read, or the platform refuses it. What is wrong with the database's Secrets
/// says nothing about it.
pub fn is_token_gone(state: &State) -> bool {
    let is_refused = state.access.is_closed_by(PlatformReason::AccessMissing);
    is_refused && !state.memory.refusals.are_doubted()
        || state.access.is_closed_by(PlatformReason::SecretMissing)
        || matches!(
            state.step_error,
            Some(StepError::TokenRejected | StepError::Forbidden(_))
        )
}

/// The project's state, as the Management API names it.
fn project_state(state: &State) -> Option<&str> {
    let (_, project) = state.observation.project()?;
    project.as_ref().map(|project| project.state.as_str())
}

fn closed(object: &Platform, state: &State, now: Timestamp) -> Option<Decision> {
    match &state.access {
        Access::Open => None,
        Access::Unanswered(message) => Some(unseen(object, state, PlatformReason::Retrying, message, now)),
        Access::Closed(cause) => {
            let again = Requeue::After(state.timing.interval(object.spec.interval.get()));
            Some(prevented(cause, state.memory.refusals, state.timing, again))
        }
    }
}

fn after_error(object: &Platform, state: &State, step_error: &StepError, now: Timestamp) -> Decision {
    let interval = state.timing.interval(object.spec.interval.get());
    let refuse = |reason, message: &str| Decision::Refuse(Cause::new(reason, message), Requeue::After(interval));
    match step_error {
        StepError::Deferred(deferral) => {
            let message = deferral.message(object.spec.requests_per_minute, state.began);
            unseen_for(
                object,
                state,
                PlatformReason::RateLimited,
                &message,
                deferral.again,
                now,
            )
        }
        StepError::Unanswered(message) | StepError::Failed(message) => {
            unseen(object, state, PlatformReason::Unreachable, message, now)
        }
        StepError::TokenRejected => {
            let SecretKeyReference { name, key } = &object.spec.api.token_secret_ref;
            let message = format!(
                "the platform refuses the token in key `{key}` of Secret `{name}`: put an access token (`sbp_…`) there, alone and unquoted"
            );
            refuse(PlatformReason::TokenRejected, &message)
        }
        StepError::Forbidden(message) => refuse(PlatformReason::TokenRejected, &lacks_permission(message)),
        StepError::ProjectNotFound => {
            let message = format!(
                "the owner of the token has no project `{}`: check `spec.project` and the token",
                object.spec.project
            );
            refuse(PlatformReason::ProjectNotFound, &message)
        }
    }
}

/// Nothing was seen, and a moment later it is tried again.
fn unseen(object: &Platform, state: &State, reason: PlatformReason, message: &str, now: Timestamp) -> Decision {
    unseen_for(object, state, reason, message, state.timing.probe(), now)
}

/// Nothing was seen, for this reason or, after three intervals, for whatever reason.
fn unseen_for(
    object: &Platform,
    state: &State,
    reason: PlatformReason,
    message: &str,
    again: Duration,
    now: Timestamp,
) -> Decision {
    let (seen, interval) = (state.observation.seen(), object.spec.interval.get());
    let lost = state.timing.is_lost(seen, interval, now);
    let reason = if lost { PlatformReason::NotObserved } else { reason };
    Decision::Wait(Cause::new(reason, message), Requeue::After(again))
}

/// A request is due.
pub fn is_due(object: &Platform, state: &State, now: Timestamp) -> bool {
    due(object, state, now).is_some()
}

fn due(object: &Platform, state: &State, now: Timestamp) -> Option<Step> {
    let interval = rhythm(object, state);
    let observation = &state.observation;
    // Functions wait for a project that is paused or starting.
    let project_interval = if is_unhealthy(state) {
        interval
    } else {
        state.timing.project_interval()
    };
    let requested = is_reconcile_requested(object, state.memo.common.last_handled_reconcile_at.as_ref());
    let old = |at: Timestamp, most: std::time::Duration| now >= at + most || requested && at < state.began;
    if observation.failing().is_some() || observation.project().is_none_or(|(at, _)| old(*at, project_interval)) {
        return Some(Step::GetProject);
    }
    if observation.listed().is_none_or(|at| old(at, interval)) {
        return Some(Step::ListFunctions);
    }
    if state.needs_secrets && observation.secrets().is_none_or(|(at, _)| old(*at, interval)) {
        return Some(Step::ListSecrets);
    }
    if state.needs_points && observation.points_asked().is_none_or(|at| old(at, interval)) {
        return Some(Step::ListBackups);
    }
    // Last, because functions need the others, and the database of an inactive project does not answer.
    (api_answers(state) && database::is_due(object, state, now)).then_some(Step::CheckDatabase)
}

/// Time between two lists.
fn rhythm(object: &Platform, state: &State) -> Duration {
    let uid = object.metadata.uid.as_deref().unwrap_or_default();
    state.timing.rhythm(object.spec.interval.get(), uid)
}

fn seen(object: &Platform, state: &State) -> Decision {
    let next = state.observation.seen() + rhythm(object, state);
    match project_state(state) {
        Some(phase) if INACTIVE.contains(&phase) => {
            let message = format!("the project is {phase}: restore it in the dashboard");
            Decision::Refuse(Cause::new(PlatformReason::ProjectInactive, message), Requeue::At(next))
        }
        Some(phase) if NOT_READY.contains(&phase) => Decision::Wait(
            Cause::new(PlatformReason::ProjectNotReady, format!("the project is {phase}")),
            Requeue::At(next),
        ),
        _ => match state.observation.refusal() {
            Some(refusal) => Decision::Refuse(refused(refusal), Requeue::At(next)),
            None => database::judge(object, state, next),
        },
    }
}

/// What a person has to change before the platform takes changes.
fn refused(Refusal { by, message, .. }: &Refusal) -> Cause {
    match by {
        RefusedBy::Plan => Cause::new(
            PlatformReason::PlanLimit,
            format!(
                "the project's plan does not allow a change ({message}): change the plan, or delete what counts towards its limit"
            ),
        ),
        RefusedBy::Permissions => Cause::new(PlatformReason::TokenRejected, lacks_permission(message)),
    }
}

fn lacks_permission(message: &str) -> String {
    format!("the token lacks a permission ({message}): it needs functions read and write, secrets read, project read")
}
