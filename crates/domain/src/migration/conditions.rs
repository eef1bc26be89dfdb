//! What the conditions of a set of migrations say.

use ace_api::{ConditionType, Conditions, MigrationMode, MigrationReason, MigrationSet, SchemaDriftReason};
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;

use super::{
    Decision, Why, decide,
    drift::Verdict,
    status::source,
    step::Step,
    work,
    world::{Counts, PlatformSight, SourceSight, World},
};
use crate::script::File;

/// `Ready`, `Reconciling` and `Stalled` from the decision, `Drifted` from the verdict.
pub(super) fn conditions(
    object: &MigrationSet,
    world: &World,
    decision: &Decision,
    verdict: Option<&Verdict>,
    counts: &Counts,
    now: Timestamp,
) -> Vec<Condition> {
    use ConditionType::{Drifted, Ready};
    let before = &world.memo.conditions;
    let is_still_ready = Ready.is_true(before) && world.memo.observed_generation == object.metadata.generation;
    let next = Conditions::new(before, object.metadata.generation, now);
    let unseen = matches!(decision, Decision::Wait(why, _) if is_only_unseen(why));
    let refused = if unseen { still_refused(object, world) } else { None };
    let next = match decision {
        // Our books alone are written: the database is what it was.
        Decision::Do(step) if !is_run(step) && is_still_ready && counts.pending == Some(0) => next.keep(Ready),
        Decision::Do(step) => {
            let why = under_way(step, counts);
            next.reconciling(Some(false), why.reason, &why.message)
        }
        // A lost look is no news before three intervals: neither that all is well nor what a person has to do is over.
        Decision::Wait(..) if unseen && is_still_ready && is_live(object, world) => next.keep(Ready),
        Decision::Wait(why, _) => {
            if let Some(refused) = refused {
                next.stalled(refused.reason, &refused.message)
            } else {
                let ready = (why.reason != MigrationReason::NotSeen).then_some(false);
                next.reconciling(ready, why.reason, &why.message)
            }
        }
        Decision::Refuse(why, _) => next.stalled(why.reason, &why.message),
        Decision::Settled(_) | Decision::Release { .. } => {
            if let Some(why) = paused(object, world) {
                let unready = MigrationReason::Suspended;
                next.suspended(is_live(object, world), unready, why.reason, &why.message)
            } else {
                let (reason, message) = settled(object, world, verdict, counts);
                next.set(Ready, Some(true), reason, &message)
            }
        }
    };
    let drifted = match verdict {
        Some(verdict) => next.set(Drifted, verdict.value, verdict.reason, &verdict.message),
        None => next.keep_or(
            Drifted,
            SchemaDriftReason::NotCompared,
            "the schema was not compared yet",
        ),
    };
    drifted.finish()
}

fn is_only_unseen(why: &Why) -> bool {
    matches!(
        why.reason,
        MigrationReason::DatabaseUnreachable | MigrationReason::SourceFailed
    )
}

/// As far as files and database were seen, nothing is left to do.
fn is_live(object: &MigrationSet, world: &World) -> bool {
    if object.spec.mode == MigrationMode::Observe {
        return true;
    }
    match (&world.platform, world.view(), &world.source) {
        (PlatformSight::Present(platform), Some(view), SourceSight::Ready { .. }) => {
            matches!(work::next(object, world, platform, view), work::Next::Nothing)
        }
        _ => world.memo.pending == Some(0) && source(world).is_none_or(|read| world.memo.source == Some(read)),
    }
}

/// What a person was told to do and has not done, as far as files and database were seen.
fn still_refused(object: &MigrationSet, world: &World) -> Option<Why> {
    use MigrationReason as Reason;
    let memo = &world.memo;
    let stalled = ConditionType::Stalled.of(&memo.conditions)?;
    if memo.observed_generation != object.metadata.generation || decide::is_only_reported(object, world) {
        return None;
    }
    if let (PlatformSight::Present(platform), Some(view)) = (&world.platform, world.view()) {
        match work::next(object, world, platform, view) {
            work::Next::Refuse(why) => return Some(why),
            work::Next::Wait(why) if why.reason == Reason::SourceFailed => {}
            _ => return None,
        }
    }
    // As it was said, where one of both can't be seen now; what only the one or the other said is not known to last.
    let reason = Reason::named(&stalled.reason)?;
    let lasts = !matches!(
        reason,
        Reason::SourceRefused
            | Reason::SourceInvalid
            | Reason::AccessMissing
            | Reason::DatabaseMissing
            | Reason::DatabaseRefused
            | Reason::HostNotAllowed
            | Reason::PoolerUnsupported
    );
    let same_files = source(world).is_none_or(|read| memo.source == Some(read));
    (lasts && same_files).then(|| Why::new(reason, stalled.message.clone()))
}

fn is_run(step: &Step) -> bool {
    matches!(step, Step::Prepare { .. } | Step::Run { .. } | Step::LookBehind)
}

fn paused(object: &MigrationSet, world: &World) -> Option<Why> {
    if object.spec.suspend {
        return Some(Why::new(MigrationReason::SuspendedByUser, "`spec.suspend` is true"));
    }
    match &world.platform {
        PlatformSight::Present(platform) if platform.suspended => {
            let message = format!("Platform `{}` is suspended", object.spec.platform_ref.name);
            Some(Why::new(MigrationReason::SuspendedByPlatform, message))
        }
        _ => None,
    }
}

/// While steps are made: only those whose object is read afresh are shown, so what is said is what is about to be written.
fn under_way(step: &Step, counts: &Counts) -> Why {
    if is_run(step) {
        let message = format!("running {}", migrations(counts.pending));
        return Why::new(MigrationReason::Applying, message);
    }
    let number = |files: &[File]| migrations(i32::try_from(files.len()).ok());
    let message = match step {
        Step::Claim => "taking the database for this set".to_owned(),
        Step::Adopt(files) => format!("noting {} that others have run", number(files)),
        Step::Baseline(files) => format!("recording {} without running them", number(files)),
        Step::SetReference { .. } => "noting what the schema should be".to_owned(),
        _ => "comparing files and ledgers".to_owned(),
    };
    Why::new(MigrationReason::FirstLook, message)
}

fn migrations(number: Option<i32>) -> String {
    match number.unwrap_or_default() {
        1 => "1 migration".to_owned(),
        number => format!("{number} migrations"),
    }
}

fn settled(
    object: &MigrationSet,
    world: &World,
    verdict: Option<&Verdict>,
    counts: &Counts,
) -> (MigrationReason, String) {
    let drift = verdict.filter(|verdict| verdict.value == Some(true));
    if object.spec.mode == MigrationMode::Observe {
        let reported = reported(object, world);
        let verb = if counts.pending == Some(1) { "is" } else { "are" };
        let pending = counts.pending.filter(|number| *number > 0);
        let pending = pending.map(|_| format!("{} {verb} pending", migrations(counts.pending)));
        let drift = drift.map(|verdict| verdict.message.clone());
        let message = reported
            .or(pending)
            .into_iter()
            .chain(drift)
            .collect::<Vec<_>>()
            .join("; ");
        let message = if message.is_empty() {
            "every migration is applied".to_owned()
        } else {
            message
        };
        return (MigrationReason::Observed, message);
    }
    let head = world
        .view()
        .and_then(|view| view.ledger.keys().next_back())
        .map(|head| format!(", the last one is {head}"))
        .unwrap_or_default();
    let message = format!("every migration is applied{head}");
    let message = drift.map_or(message.clone(), |verdict| format!("{message}; {}", verdict.message));
    (MigrationReason::Applied, message)
}

/// In `Observe`: what would be a refusal.
fn reported(object: &MigrationSet, world: &World) -> Option<String> {
    let (PlatformSight::Present(platform), Some(view)) = (&world.platform, world.view()) else {
        return None;
    };
    match work::next(object, world, platform, view) {
        work::Next::Refuse(why) => Some(why.message),
        _ => None,
    }
}
