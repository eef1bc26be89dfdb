//! The status of a Platform.

use ace_api::{ConditionType::Ready, DatabaseStatus, FunctionCount, Platform, PlatformReason, PlatformStatus};
use jiff::Timestamp;

use super::{Cause, Decision, State, Step};
use crate::{
    reconcile::event::{Event, stalled},
    reconcile::status::{Shown, common, suspension},
};

/// Most unmanaged functions that a status lists.
const MOST_NAMED: usize = 50;

/// The status that follows from state and decision.
pub fn status(object: &Platform, state: &State, decision: &Decision, now: Timestamp) -> PlatformStatus {
    let memo = &state.memo;
    if is_doubted(state, decision) {
        return memo.clone();
    }
    let shown = match decision {
        // A failed request changes no condition before three intervals.
        Decision::Wait(cause, _)
            if is_only_unseen(cause) && Ready.is_true(&memo.common.conditions) && unchanged(object, memo) =>
        {
            Shown::Unchanged
        }
        decision => Shown::of(decision, |step| in_progress(*step), || at_rest(object)),
    };
    let observed = state.observation.seen() >= state.began;
    let handled = observed && !matches!(decision, Decision::Do(_));
    PlatformStatus {
        common: common::<_, PlatformReason>(object, &memo.common, shown, None, handled, now),
        project: state
            .observation
            .project()
            .and_then(|(_, project)| project.clone())
            .or_else(|| memo.project.clone()),
        database: database(object, state),
        functions: functions(state).or_else(|| memo.functions.clone()),
    }
}

/// A right is missing that may be there a moment later.
fn is_doubted(state: &State, decision: &Decision) -> bool {
    let (Decision::Wait(cause, _) | Decision::Refuse(cause, _)) = decision else {
        return false;
    };
    let check = state.memory.database.as_ref();
    let database = check.is_some_and(|check| check.refusals.are_doubted());
    cause.reason == PlatformReason::AccessMissing && (state.memory.refusals.are_doubted() || database)
}

fn in_progress(step: Step) -> Cause {
    match step {
        Step::GetProject | Step::ListFunctions | Step::ListSecrets | Step::CheckDatabase => {
            Cause::new(PlatformReason::Observing, "checking project, functions and secrets")
        }
    }
}

fn at_rest(object: &Platform) -> Shown<PlatformReason> {
    let by_user = object.spec.suspend.then_some(PlatformReason::SuspendedByUser);
    match suspension(by_user, None) {
        Some(cause) => Shown::Suspended {
            unready: cause.reason,
            cause,
            is_live: true,
        },
        None => Shown::Ready(Cause::new(PlatformReason::Reachable, answers(object))),
    }
}

fn is_only_unseen(cause: &Cause) -> bool {
    matches!(cause.reason, PlatformReason::Unreachable | PlatformReason::RateLimited)
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
        Some(Err(_)) if !unchanged(object, memo) => None,
        Some(Err(_)) | None => memo.database.clone(),
    }
}

fn unchanged(object: &Platform, memo: &PlatformStatus) -> bool {
    memo.common.observed_generation == object.metadata.generation
}

fn functions(state: &State) -> Option<FunctionCount> {
    state.observation.listed()?;
    let count = |number: usize| i32::try_from(number).unwrap_or(i32::MAX);
    let unmanaged: Vec<&str> = state
        .observation
        .live()
        .filter(|slug| !state.managed.contains(*slug))
        .collect();
    Some(FunctionCount {
        managed: count(
            state
                .observation
                .live()
                .filter(|slug| state.managed.contains(*slug))
                .count(),
        ),
        unmanaged_count: count(unmanaged.len()),
        unmanaged: unmanaged
            .iter()
            .take(MOST_NAMED)
            .map(|slug| (*slug).to_owned())
            .collect(),
    })
}

/// Events for the difference between two statuses: the platform was lost, is reachable again, or needs a person.
pub fn events(before: &PlatformStatus, after: &PlatformStatus) -> Vec<Event> {
    let stalled = stalled(&before.common.conditions, &after.common.conditions, |now| {
        now.reason.clone()
    });
    stalled
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
