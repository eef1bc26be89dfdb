//! Which slots have passed, and what becomes of them.

use ace_api::{BackupSchedule, CatchUp, MissedSlots};
use jiff::{SignedDuration, Timestamp};
use kube::ResourceExt;

use super::{Longest, State, known::Known};
use crate::reconcile::schedule::{Schedule, stamp};

/// Most missed slots that a status names.
const NAMED: usize = 5;

/// A backup that is due.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Due {
    pub slot: Timestamp,
    /// The slot had passed before anything could be begun.
    pub is_late: bool,
}

/// Notes the slots that have passed: of several only the newest may still be begun.
pub fn infer(object: &BackupSchedule, state: &mut State, now: Timestamp) {
    let (name, Ok(schedule)) = (object.name_any(), state.schedule.clone()) else {
        return;
    };
    look_ahead(object, state, &schedule, now);
    // Slots at which nothing was to be begun are not missed.
    if state.is_suspended(object) {
        state.memo.next_time = None;
        return;
    }
    let Some(next) = next_slot(&schedule, state.memo.next_time, now) else {
        state.memo.next_time = None;
        return;
    };
    state.memo.next_time = Some(next);
    let mut passed = schedule.slots_between(next, now);
    let Some(newest) = passed.last.first().copied() else {
        return;
    };
    let is_begun = state.backups.iter().any(|backup| backup.slot(&name) == Some(newest));
    let is_skipped =
        !is_begun && object.spec.catch_up == CatchUp::Never && is_late(object, state, &schedule, newest, now);
    if !is_skipped {
        passed.last.remove(0);
        passed.count -= 1;
    }
    miss(state, passed.count, &passed.last);
    state.memo.next_time = if is_begun || is_skipped {
        schedule.next_after(newest)
    } else {
        Some(newest)
    };
}

/// Looks for the longest interval of a year, once a month.
fn look_ahead(object: &BackupSchedule, state: &mut State, schedule: &Schedule, now: Timestamp) {
    const MONTH: SignedDuration = SignedDuration::from_hours(30 * 24);
    let text = (object.spec.schedule.clone(), object.spec.time_zone.clone());
    let is_known = |longest: &Longest| longest.schedule == text && now.duration_since(longest.from).abs() < MONTH;
    if !state.memory.longest.as_ref().is_some_and(is_known) {
        state.memory.longest = Some(Longest {
            interval: schedule.longest_interval(now),
            schedule: text,
            from: now,
        });
    }
}

/// The first slot that nothing was decided about. After another schedule was written, or the clock went back, it is the next from
/// now on: what was begun for it before has its name, and is not begun again.
fn next_slot(schedule: &Schedule, noted: Option<Timestamp>, now: Timestamp) -> Option<Timestamp> {
    let next = schedule.next_after(now);
    match noted {
        Some(noted) if schedule.is_slot(noted) && next.is_none_or(|next| noted < next) => Some(noted),
        _ => next,
    }
}

/// The backup that is to be begun now, if no other is being made.
pub(super) fn due(object: &BackupSchedule, state: &State, now: Timestamp) -> Option<Due> {
    if running(state).is_some() {
        return None;
    }
    if is_first(object, state) {
        let slot = object.creation_timestamp().map_or(now, |created| created.0);
        let slot = Timestamp::from_second(slot.as_second().div_euclid(60) * 60).unwrap_or(slot);
        return Some(Due { slot, is_late: false });
    }
    let (slot, schedule) = (state.memo.next_time?, state.schedule.as_ref().ok()?);
    (start(object, state, schedule, slot) <= now).then(|| Due {
        slot,
        is_late: is_late(object, state, schedule, slot, now),
    })
}

/// When the next slot begins.
pub(super) fn next_start(object: &BackupSchedule, state: &State) -> Option<Timestamp> {
    let (slot, schedule) = (state.memo.next_time?, state.schedule.as_ref().ok()?);
    Some(start(object, state, schedule, slot))
}

/// The Backup of a slot that is being made.
pub(super) fn running(state: &State) -> Option<&Known> {
    state.backups.iter().find(|backup| backup.is_running())
}

/// The backup was begun.
pub(super) fn begun(state: &mut State, due: Due) {
    if due.is_late {
        // One backup makes up for it, and still it was missed.
        miss(state, 1, &[due.slot]);
    }
    if state.memo.next_time == Some(due.slot) {
        let schedule = state.schedule.as_ref().ok();
        state.memo.next_time = schedule.and_then(|schedule| schedule.next_after(due.slot));
    }
}

/// Name of the Backup of a slot.
pub(super) fn name_of(object: &BackupSchedule, slot: Timestamp) -> String {
    format!("{}-{}", object.name_any(), stamp(slot))
}

/// `spec.immediate` asks for a backup of an object that has none.
fn is_first(object: &BackupSchedule, state: &State) -> bool {
    object.spec.immediate && state.memo.last.is_none() && state.backups.iter().all(|backup| !backup.is_scheduled())
}

fn start(object: &BackupSchedule, state: &State, schedule: &Schedule, slot: Timestamp) -> Timestamp {
    let jitter = state.timing.interval(object.spec.jitter.get());
    schedule.start_of(slot, jitter, &object.uid().unwrap_or_default())
}

fn is_late(object: &BackupSchedule, state: &State, schedule: &Schedule, slot: Timestamp, now: Timestamp) -> bool {
    now > start(object, state, schedule, slot) + state.timing.slot_tolerance()
}

fn miss(state: &mut State, count: usize, slots: &[Timestamp]) {
    if count == 0 {
        return;
    }
    let missed = state.memo.missed.get_or_insert_with(MissedSlots::default);
    missed.count = missed.count.saturating_add(i64::try_from(count).unwrap_or(i64::MAX));
    missed.slots = slots.iter().chain(&missed.slots).take(NAMED).copied().collect();
}
