//! Which slots have passed, and what becomes of them.

use ace_api::{BackupSchedule, CatchUp, MissedSlots, NextDrill};
use jiff::{SignedDuration, Timestamp};
use kube::ResourceExt;

use super::{Longest, State, known::Known};
use crate::reconcile::schedule::{Line, Schedule, stamp};

/// Most missed slots that a status names.
const NAMED: usize = 5;

/// A backup that is due.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Due {
    pub slot: Timestamp,
    /// The slot had passed before anything could be begun.
    pub is_late: bool,
}

/// Notes the slots that have passed, of backups and of drills. At those that pass while it is suspended nothing was to be begun.
pub fn infer(object: &BackupSchedule, state: &mut State, now: Timestamp) {
    if let Ok(schedule) = state.schedule.clone() {
        look_ahead(object, state, &schedule, now);
    } else {
        return;
    }
    if state.is_suspended(object) {
        state.memo.next_time = None;
        state.memo.next_drills.clear();
        return;
    }
    let (name, uid) = (object.name_any(), object.uid().unwrap_or_default());
    let begun = |slot| state.backups.iter().any(|backup| backup.slot(&name) == Some(slot));
    let passed = backups(object, state, &uid).map(|line| line.pass(state.memo.next_time, now, begun));
    let passed = passed.unwrap_or_default();
    let next_drills = object.spec.drills.iter().filter_map(|drill| {
        let noted = next_drill(state, &drill.name);
        let begun = |slot| state.drilled.iter().any(|run| run.slot == Some(slot));
        let time = self::drill(object, state, &drill.name, &uid)?
            .pass(noted, now, begun)
            .next?;
        Some(NextDrill {
            name: drill.name.clone(),
            time,
        })
    });
    state.memo.next_drills = next_drills.collect();
    state.memo.next_time = passed.next;
    miss(state, passed.missed.count, &passed.missed.last);
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

/// The slots of backups; none of a schedule that can't be read.
fn backups<'a>(object: &BackupSchedule, state: &'a State, uid: &'a str) -> Option<Line<'a>> {
    Some(line(object, state, state.schedule.as_ref().ok()?, uid))
}

/// The slots of a drill.
pub(super) fn drill<'a>(object: &BackupSchedule, state: &'a State, name: &str, uid: &'a str) -> Option<Line<'a>> {
    Some(line(object, state, state.drills.get(name)?.as_ref().ok()?, uid))
}

fn line<'a>(object: &BackupSchedule, state: &State, schedule: &'a Schedule, uid: &'a str) -> Line<'a> {
    Line {
        schedule,
        catches_up: object.spec.catch_up == CatchUp::Once,
        jitter: state.timing.interval(object.spec.jitter.get()),
        uid,
        tolerance: state.timing.slot_tolerance(),
    }
}

/// The next slot of a drill, as it was noted.
pub(super) fn next_drill(state: &State, name: &str) -> Option<Timestamp> {
    let mut noted = state.memo.next_drills.iter();
    noted.find(|next| next.name == name).map(|next| next.time)
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
    let uid = object.uid().unwrap_or_default();
    let (slot, line) = (state.memo.next_time?, backups(object, state, &uid)?);
    (line.start(slot) <= now).then(|| Due {
        slot,
        is_late: line.is_late(slot, now),
    })
}

/// When the next slot begins that is still to come.
pub(super) fn next_start(object: &BackupSchedule, state: &State, now: Timestamp) -> Option<Timestamp> {
    let uid = object.uid().unwrap_or_default();
    backups(object, state, &uid)?.next_start(state.memo.next_time?, now)
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

fn miss(state: &mut State, count: usize, slots: &[Timestamp]) {
    if count == 0 {
        return;
    }
    let missed = state.memo.missed.get_or_insert_with(MissedSlots::default);
    missed.count = missed.count.saturating_add(i64::try_from(count).unwrap_or(i64::MAX));
    missed.slots = slots.iter().chain(&missed.slots).take(NAMED).copied().collect();
}
