//! The status of a Platform.

use ace_api::{
    ConditionType::Ready, DatabaseStatus, FunctionCount, Platform, PlatformReason, PlatformRecovery, PlatformStatus,
};
use jiff::Timestamp;

use super::{Access, Cause, Decision, State};
use crate::inputs::is_doubted;
use crate::reconcile::{
    event::{Event, stalled},
    status::{Shown, common, describes, is_ready, suspended},
};

/// Most unmanaged functions that a status lists.
const MOST_NAMED: usize = 50;

pub fn status(object: &Platform, state: &State, decision: &Decision, now: Timestamp) -> PlatformStatus {
    let memo = &state.memo;
    let of_database = state.memory.database.as_ref().map(|check| check.refusals);
    if is_doubted(decision, state.memory.refusals) || is_doubted(decision, of_database.unwrap_or_default()) {
        return memo.clone();
    }
    let shown = match decision {
        // A failed request changes no condition before three intervals.
        Decision::Wait(cause, _) if is_only_unseen(state, cause) && is_ready(&memo.common, object) => Shown::Unchanged,
        decision => Shown::of(decision, |_| observing(), || at_rest(object)),
    };
    let handled = decision.is_answer() && state.observation.seen() >= state.began;
    PlatformStatus {
        common: common(object, &memo.common, shown, handled, now),
        project: state
            .observation
            .project()
            .and_then(|(_, project)| project.clone())
            .or_else(|| memo.project.clone()),
        database: database(object, state),
        functions: functions(state).or_else(|| counted(object, memo).cloned()),
        recovery: recovery(object, state),
    }
}

fn observing() -> Cause {
    Cause::new(PlatformReason::Observing, "checking project, functions and secrets")
}

fn at_rest(object: &Platform) -> Shown<PlatformReason> {
    if object.spec.suspend {
        return suspended(PlatformReason::SuspendedByUser);
    }
    Shown::Ready(Cause::new(PlatformReason::Reachable, answers(object)))
}

/// The API could not be asked: that says nothing about the project. Without an answer from the database, the Platform is not ready.
fn is_only_unseen(state: &State, cause: &Cause) -> bool {
    match cause.reason {
        PlatformReason::Unreachable | PlatformReason::RateLimited => true,
        PlatformReason::Retrying => matches!(state.access, Access::Unanswered(_)),
        _ => false,
    }
}

fn answers(object: &Platform) -> &'static str {
    if object.spec.database.is_some() {
        "API and database answer"
    } else {
        "API answers"
    }
}

/// The database as it was last observed; `None` if that may have been another one.
fn database(object: &Platform, state: &State) -> Option<DatabaseStatus> {
    object.spec.database.as_ref()?;
    let memo = &state.memo;
    match state.memory.database.as_ref().map(|check| &check.outcome) {
        Some(Ok(database)) => Some(database.clone()),
        Some(Err(_)) if !describes(&memo.common, object) => None,
        Some(Err(_)) | None => memo.database.clone(),
    }
}

/// What the platform can restore the database to, while somebody counts it: as it last said, also before a restart.
fn recovery(object: &Platform, state: &State) -> Option<PlatformRecovery> {
    let memo = &state.memo;
    let known = match state.observation.points() {
        Some(Ok(points)) => Some(points.shown()),
        Some(Err(_)) => None,
        None => memo.recovery.clone().filter(|_| describes(&memo.common, object)),
    };
    known.filter(|_| state.needs_points)
}

fn functions(state: &State) -> Option<FunctionCount> {
    state.observation.listed()?;
    let (managed, unmanaged): (Vec<&str>, Vec<&str>) =
        state.observation.live().partition(|slug| state.managed.contains(*slug));
    let count = |slugs: &[&str]| i32::try_from(slugs.len()).unwrap_or(i32::MAX);
    Some(FunctionCount {
        managed: count(&managed),
        unmanaged_count: count(&unmanaged),
        unmanaged: unmanaged.into_iter().take(MOST_NAMED).map(str::to_owned).collect(),
    })
}

/// The functions as they were counted for this generation: before, the address may have been another one.
fn counted<'a>(object: &Platform, status: &'a PlatformStatus) -> Option<&'a FunctionCount> {
    let functions = status.functions.as_ref();
    functions.filter(|_| describes(&status.common, object))
}

/// The status says that the token has listed the functions of the project that the spec names.
pub fn has_listed(object: &Platform) -> bool {
    object
        .status
        .as_ref()
        .is_some_and(|status| counted(object, status).is_some())
}

/// Events for the difference between two statuses: the platform was lost, is reachable again, or needs a person.
pub fn events(before: &PlatformStatus, after: &PlatformStatus) -> Vec<Event> {
    stalled(before, after, |now| now.reason.clone())
        .or_else(|| reachability_event(before, after))
        .into_iter()
        .collect()
}

fn reachability_event(before: &PlatformStatus, after: &PlatformStatus) -> Option<Event> {
    let (was, now) = (
        Ready.of(&before.common.conditions)?,
        Ready.of(&after.common.conditions)?,
    );
    match (was.status.as_str(), now.status.as_str()) {
        ("True", "Unknown" | "False") => Some(Event::warning(&now.reason, &now.message)),
        ("Unknown" | "False", "True") => Some(Event::normal(&now.reason, &now.message)),
        _ => None,
    }
}
