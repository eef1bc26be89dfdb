//! The status of a BackupSchedule.

use ace_api::{
    ANNOTATION_RECONCILE_AT, BackupResult, BackupSchedule, ConditionType, ExpiringBackup, LastBackup, RetentionStatus,
    ScheduleDriftReason, ScheduleReason, ScheduleStatus,
};
use jiff::Timestamp;
use kube::ResourceExt;

use super::{
    Cause, Decision, Known, State, Step,
    decide::{has_more, retention},
    drills,
    health::{self, drift, fresh, level_name, verified},
    retention::next_to_expire,
    slots::running,
};
use crate::reconcile::{
    decision,
    event::{Event, condition_fell, drift_detected, stalled},
    status::{Shown, common, is_ready, with_drift},
};

/// Slots that are looked at for the next backup to expire.
const SLOTS_AHEAD: usize = 14;

pub fn status(object: &BackupSchedule, state: &State, decision: &Decision, now: Timestamp) -> ScheduleStatus {
    let memo = &state.memo;
    let (fresh, verified) = (fresh(object, state, now), verified(object, state, now));
    let is_fine = fresh.value == Some(true) && verified.value != Some(false);
    let shown = match decision {
        Decision::Do(_) if is_ready(&memo.common, object) => Shown::Unchanged,
        decision => Shown::of(
            decision,
            |step| Cause::new(ScheduleReason::Running, step.says()),
            || {
                let suspension = state
                    .platform
                    .suspension(object.spec.suspend, &object.spec.platform_ref);
                Shown::at_rest(suspension, || is_fine, || scheduled(object, state))
            },
        ),
    };
    // What was asked for is done when nothing of it is left.
    let handled = decision.is_answer() && !has_more(object, state);
    let drift = drift(state, now);
    let unassessed = decision::Cause::new(ScheduleDriftReason::NotCompared, "there is no backup yet");
    let next = common(object, &memo.common, shown, handled, now);
    let next = fresh.shown(next, &memo.common, ConditionType::Fresh, now);
    let mut next = verified.shown(next, &memo.common, ConditionType::Verified, now);
    if let Some(drilled) = drills::finding(object, state, now) {
        next = drilled.shown(next, &memo.common, ConditionType::Drilled, now);
    }
    ScheduleStatus {
        common: with_drift(next, &memo.common, drift.as_ref(), &unassessed, now),
        next_time: memo.next_time,
        last: last(object, state, now),
        newest_point: health::newest_point(object, state).map(|(_, point)| point),
        missed: memo.missed.clone(),
        drill: drills::status(state),
        next_drills: memo.next_drills.clone(),
        retention: kept(object, state),
        drift: match drift {
            Some(drift) => drift.drift,
            None => memo.drift.clone(),
        },
    }
}

impl Step {
    fn says(&self) -> String {
        match self {
            Self::Start { name, .. } => format!("creating Backup {name}"),
            Self::Expire(victim) => format!("Backup {} expires", victim.name),
            Self::Delete(victim) => format!("deleting Backup {}", victim.name),
            Self::Drill { name, .. } => format!("creating Restore {name}"),
            Self::DeleteDrill(victim) => format!("deleting Restore {}", victim.name),
        }
    }
}

fn scheduled(object: &BackupSchedule, state: &State) -> Cause {
    let newest = health::newest(state).map(|(backup, _)| {
        let (name, complete, all) = (&backup.name, backup.destinations.len(), backup.copies);
        format!("last: {name}, complete in {complete} of {all} places")
    });
    let message = match (running(state), newest, state.memo.next_time) {
        (Some(running), Some(newest), _) => format!("{} is being made; {newest}", running.name),
        (Some(running), None, _) => format!("{} is being made", running.name),
        (None, Some(newest), _) => newest,
        (None, None, Some(next)) => format!("the first backup is due at {next}"),
        (None, None, None) => format!("`{}` has no slot any more", object.spec.schedule),
    };
    Cause::new(ScheduleReason::Scheduled, message)
}

/// The backup of the newest slot that has passed; a clock may have been ahead. One that is not there any more was deleted.
fn last(object: &BackupSchedule, state: &State, now: Timestamp) -> Option<LastBackup> {
    let name = object.name_any();
    let memo = state.memo.last.clone();
    let of_slot = |backup: &Known| Some((backup.slot(&name)?, backup.name.clone(), backup.result()));
    let passed = state
        .backups
        .iter()
        .filter_map(of_slot)
        .filter(|(slot, ..)| *slot <= now);
    let newest = passed.max_by_key(|(slot, ..)| *slot);
    match (memo, newest) {
        (Some(memo), Some((_, found, _))) if found != memo.name && !has(state, &memo.name) => Some(gone(memo)),
        (Some(memo), None) if !has(state, &memo.name) => Some(gone(memo)),
        (_, newest) => newest.map(|(slot, name, result)| LastBackup { name, slot, result }),
    }
}

fn has(state: &State, name: &str) -> bool {
    state.backups.iter().any(|backup| backup.name == name)
}

fn gone(memo: LastBackup) -> LastBackup {
    let result = match memo.result {
        // What became of it is known, and it may have expired since.
        BackupResult::Complete | BackupResult::Failed => memo.result,
        BackupResult::Running | BackupResult::Deleted => BackupResult::Deleted,
    };
    LastBackup { result, ..memo }
}

fn kept(object: &BackupSchedule, state: &State) -> Option<RetentionStatus> {
    let plan = retention(object, state)?;
    let number = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
    if plan.keep.is_empty() && plan.expire.is_empty() {
        return None;
    }
    let level = object.spec.verify.level();
    let waiting = plan
        .expire
        .iter()
        .filter(|name| !state.backups.iter().any(|one| one.name == **name && one.is_expiring))
        .count();
    let blocked = if plan.is_many {
        Some(format!(
            "{waiting} of {} backups would expire at once: to agree to that, change the annotation `{}`",
            plan.keep.len() + plan.expire.len(),
            ANNOTATION_RECONCILE_AT
        ))
    } else if !state.backups.iter().any(|backup| backup.passed(level)) {
        Some(format!(
            "no backup passed `{}`: none expires before one does",
            level_name(level)
        ))
    } else {
        None
    };
    Some(RetentionStatus {
        keep: number(plan.keep.len()),
        expiring: number(plan.expire.len()),
        held: number(state.backups.iter().filter(|backup| backup.is_held).count()),
        next: next(object, state),
        blocked,
    })
}

/// The backup that the coming ones push out first.
fn next(object: &BackupSchedule, state: &State) -> Option<ExpiringBackup> {
    let (schedule, level) = (state.schedule.as_ref().ok()?, object.spec.verify.level());
    let mut slots = vec![state.memo.next_time?];
    while slots.len() < SLOTS_AHEAD
        && let Some(slot) = slots.last().and_then(|slot| schedule.next_after(*slot))
    {
        slots.push(slot);
    }
    let stored = state
        .backups
        .iter()
        .filter_map(|one| one.stored(level, state.needed.get(&one.name)));
    let places = object.spec.destinations.iter().map(|one| one.name.clone()).collect();
    let (name, time) = next_to_expire(
        stored.collect(),
        &slots,
        &places,
        &object.spec.retention,
        schedule.zone(),
    )?;
    Some(ExpiringBackup { name, time })
}

/// Events for the difference between two statuses: a person must act, slots were missed, a drill did not do what it should, or a copy
/// is not what was stored.
pub fn events(before: &ScheduleStatus, after: &ScheduleStatus) -> Vec<Event> {
    let stalled = stalled(before, after, |now| now.reason.clone());
    let count = |status: &ScheduleStatus| status.missed.as_ref().map_or(0, |missed| missed.count);
    let missed = count(after) - count(before);
    let newest = after.missed.as_ref().and_then(|missed| missed.slots.first());
    let missed = newest.filter(|_| missed > 0).map(|newest| {
        let note = match missed {
            1 => format!("the slot {newest} was missed"),
            _ => format!("{missed} slots were missed, the last one is {newest}"),
        };
        Event::warning("SlotMissed", note)
    });
    let drilled = condition_fell(ConditionType::Drilled, before, after, |reason| format!("Drill{reason}"));
    stalled
        .into_iter()
        .chain(missed)
        .chain(drilled)
        .chain(drift_detected(before, after))
        .collect()
}
