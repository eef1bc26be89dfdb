//! How a Platform is shown.

use ace_api::{
    ConditionType::{Ready, Suspended},
    Conditions, DatabaseStatus, FunctionCount, Platform, PlatformReason, PlatformStatus,
};
use jiff::Timestamp;

use super::{Decision, Step, Why, World};
use crate::{
    names::reconcile_at,
    notice::{Notice, stalled},
};

/// Unmanaged functions that a status names.
const MOST_NAMED: usize = 50;

/// The status that follows from what is known and decided.
pub fn status(object: &Platform, world: &World, decision: &Decision, now: Timestamp) -> PlatformStatus {
    let memo = &world.memo;
    let next = Conditions::new(&memo.conditions, object.metadata.generation, now);
    let conditions = match decision {
        Decision::Do(Step::GetProject | Step::ListFunctions | Step::ListSecrets | Step::AskDatabase) => {
            next.reconciling(Some(false), PlatformReason::FirstLook, "looking")
        }
        // A lost look is no news before three intervals.
        Decision::Wait(why, _) if is_only_unseen(why) && Ready.is_true(&memo.conditions) && unchanged(object, memo) => {
            next.keep(Ready)
        }
        Decision::Wait(why, _) => {
            let ready = (why.reason != PlatformReason::NotSeen).then_some(false);
            next.reconciling(ready, why.reason, &why.message)
        }
        Decision::Refuse(why, _) => next.stalled(why.reason, &why.message),
        Decision::Settled(_) | Decision::Release { .. } if object.spec.suspend => {
            let text = "`spec.suspend` is true: nothing is looked at or written";
            let reason = PlatformReason::SuspendedByUser;
            let stays = Ready.is_true(&memo.conditions);
            let ready = if stays { PlatformReason::Reachable } else { reason };
            next.set(Ready, Some(stays), ready, text)
                .set(Suspended, Some(true), reason, text)
        }
        Decision::Settled(_) | Decision::Release { .. } => {
            next.set(Ready, Some(true), PlatformReason::Reachable, answers(object))
        }
    }
    .finish();
    let looked = world.view.seen() >= world.began;
    let handled = reconcile_at(object).filter(|_| looked && !matches!(decision, Decision::Do(_)));
    PlatformStatus {
        conditions,
        observed_generation: object.metadata.generation,
        last_handled_reconcile_at: handled.or_else(|| memo.last_handled_reconcile_at.clone()),
        project: world
            .view
            .project()
            .and_then(|(_, project)| project.clone())
            .or_else(|| memo.project.clone()),
        database: database(object, world),
        functions: functions(world).or_else(|| memo.functions.clone()),
    }
}

fn is_only_unseen(why: &Why) -> bool {
    matches!(why.reason, PlatformReason::Unreachable | PlatformReason::RateLimited)
}

/// Who answers, when all do.
fn answers(object: &Platform) -> &'static str {
    if object.spec.database.is_some() {
        "API and database answer"
    } else {
        "API answers"
    }
}

/// The database as it last described itself; nothing that may be about another one.
fn database(object: &Platform, world: &World) -> Option<DatabaseStatus> {
    object.spec.database.as_ref()?;
    let memo = &world.memo;
    match world.view.database().map(|look| &look.outcome) {
        Some(Ok(database)) => Some(database.clone()),
        Some(Err(_)) if !unchanged(object, memo) => None,
        Some(Err(_)) | None => memo.database.clone(),
    }
}

fn unchanged(object: &Platform, memo: &PlatformStatus) -> bool {
    memo.observed_generation == object.metadata.generation
}

fn functions(world: &World) -> Option<FunctionCount> {
    world.view.listed()?;
    let count = |number: usize| i32::try_from(number).unwrap_or(i32::MAX);
    let unmanaged: Vec<&str> = world
        .view
        .live()
        .filter(|slug| !world.managed.contains(*slug))
        .collect();
    Some(FunctionCount {
        managed: count(world.view.live().filter(|slug| world.managed.contains(*slug)).count()),
        unmanaged_count: count(unmanaged.len()),
        unmanaged: unmanaged
            .iter()
            .take(MOST_NAMED)
            .map(|slug| (*slug).to_owned())
            .collect(),
    })
}

/// What happened between two statuses: the platform was lost, was found again, or a person must act.
pub fn notices(before: &PlatformStatus, after: &PlatformStatus) -> Vec<Notice> {
    let stalled = stalled(&before.conditions, &after.conditions, |now| now.reason.clone());
    stalled.or_else(|| sight_notice(before, after)).into_iter().collect()
}

fn sight_notice(before: &PlatformStatus, after: &PlatformStatus) -> Option<Notice> {
    let (was, now) = (Ready.of(&before.conditions)?, Ready.of(&after.conditions)?);
    match (was.status.as_str(), now.status.as_str()) {
        ("True", "Unknown" | "False") => Some(Notice::warning(&now.reason, &now.message)),
        ("Unknown" | "False", "True") => Some(Notice::normal(&now.reason, &now.message)),
        _ => None,
    }
}
