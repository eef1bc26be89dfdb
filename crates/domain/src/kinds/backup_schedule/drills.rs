//! Drills: which is due, what became of those before, and how long the next one would take.

use std::time::Duration;

use ace_api::{
    BackupSchedule, ConditionType, DrillStatus, DrilledReason, Duration as Written, Reason as _, Restore,
    RestoreReason, ScheduleReason,
};
use jiff::Timestamp;
use kube::ResourceExt;

use super::{
    Cause, PlatformState, State, Step, Victim,
    health::{Finding, newest},
    slots::{drill, next_drill},
};
use crate::{
    kinds::restore::{ATTEMPTS, maker},
    reconcile::{
        annotations::is_leaving,
        schedule::{slot_of, stamp},
    },
};

/// Drills that a prediction is made from.
const LAST: usize = 5;

/// A Restore that this schedule made.
#[derive(Clone, Debug, PartialEq)]
pub struct Drilled {
    pub name: String,
    pub uid: String,
    pub slot: Option<Timestamp>,
    pub phase: DrillPhase,
    /// Time of the snapshot that was restored.
    pub point: Option<Timestamp>,
    pub bytes: Option<i64>,
    pub is_leaving: bool,
}

#[derive(Clone, Debug, PartialEq)]
pub enum DrillPhase {
    Running,
    /// Every row is there and every assertion passed, and that took so long.
    Passed(Duration),
    /// Why a person has to act.
    Failed(String),
    /// Somebody ended it: it says nothing.
    Cancelled,
}

impl Drilled {
    pub fn of(object: &Restore, schedule: &str) -> Self {
        let status = object.status.as_ref();
        let conditions = status.map_or(&[][..], |status| &status.common.conditions);
        let took = status.and_then(|status| status.recovery_time.as_ref()?.parse::<Written>().ok());
        let stalled = ConditionType::Stalled.of(conditions);
        let phase = match (took, stalled) {
            (Some(took), _) if ConditionType::Ready.is_true(conditions) => DrillPhase::Passed(took.get()),
            (_, Some(stalled)) if stalled.reason == RestoreReason::Cancelled.as_str() => DrillPhase::Cancelled,
            (_, Some(stalled)) => DrillPhase::Failed(stalled.message.clone()),
            _ => DrillPhase::Running,
        };
        let name = object.name_any();
        let minute = name.strip_prefix(schedule).and_then(|rest| rest.strip_prefix(MARK));
        let point = status.and_then(|status| status.point.as_ref());
        Self {
            slot: minute.and_then(slot_of),
            uid: object.uid().unwrap_or_default(),
            phase,
            point: point.map(|point| point.time),
            bytes: point.map(|point| point.bytes),
            is_leaving: is_leaving(object),
            name,
        }
    }

    fn has_ended(&self) -> bool {
        self.phase != DrillPhase::Running
    }
}

const MARK: &str = "-drill-";

/// Whether a Restore is one that this schedule made.
pub fn is_own_drill(object: &Restore, schedule: &BackupSchedule) -> bool {
    maker(object).is_some_and(|owner| Some(&owner.uid) == schedule.metadata.uid.as_ref())
}

/// The drill that is to be begun now: of the newest complete backup, and for all whose slot is the same minute.
pub(super) fn next(object: &BackupSchedule, state: &State, now: Timestamp) -> Option<Step> {
    if !state.has_scratch() || state.drilled.iter().any(|run| !run.has_ended() && !run.is_leaving) {
        return None;
    }
    let uid = object.uid().unwrap_or_default();
    let due = object.spec.drills.iter().filter_map(|one| {
        let slot = next_drill(state, &one.name)?;
        (drill(object, state, &one.name, &uid)?.start(slot) <= now).then_some(slot)
    });
    let (slot, (backup, _)) = (due.min()?, newest(state)?);
    let drills = object.spec.drills.iter().map(|one| &one.name);
    Some(Step::Drill {
        name: format!("{}{MARK}{}", object.name_any(), stamp(slot)),
        slot,
        backup: backup.name.clone(),
        drills: drills
            .filter(|name| next_drill(state, name) == Some(slot))
            .cloned()
            .collect(),
    })
}

/// When the next drill begins that is still to come.
pub(super) fn next_start(object: &BackupSchedule, state: &State, now: Timestamp) -> Option<Timestamp> {
    let uid = object.uid().unwrap_or_default();
    let starts = object.spec.drills.iter().filter_map(|one| {
        let slot = next_drill(state, &one.name)?;
        drill(object, state, &one.name, &uid)?.next_start(slot, now)
    });
    starts.min()
}

/// The drill was begun.
pub(super) fn begun(state: &mut State, slot: Timestamp, drills: &[String]) {
    for next in &mut state.memo.next_drills {
        let schedule = state.drills.get(&next.name).and_then(|schedule| schedule.as_ref().ok());
        let following = schedule.and_then(|schedule| schedule.next_after(slot));
        if let Some(following) = following.filter(|_| next.time == slot && drills.contains(&next.name)) {
            next.time = following;
        }
    }
}

/// The oldest drill that has ended, beyond those that are kept.
pub(super) fn too_many(object: &BackupSchedule, state: &State) -> Option<Step> {
    let ended = state.drilled.iter().filter(|run| run.has_ended() && !run.is_leaving);
    let mut ended: Vec<&Drilled> = ended.collect();
    ended.sort_by_key(|run| std::cmp::Reverse((run.slot, &run.name)));
    let limit = usize::try_from(object.spec.failed_limit).unwrap_or(usize::MAX);
    ended.into_iter().skip(limit).next_back().map(|run| {
        Step::DeleteDrill(Victim {
            name: run.name.clone(),
            uid: run.uid.clone(),
        })
    })
}

/// Drills have nowhere to restore to.
pub(super) fn refused(object: &BackupSchedule, state: &State) -> Option<Cause> {
    let is_refused = !object.spec.drills.is_empty() && !state.has_scratch();
    is_refused.then(|| Cause::new(ScheduleReason::ScratchMissing, no_scratch(object)))
}

fn no_scratch(object: &BackupSchedule) -> String {
    let platform = &object.spec.platform_ref.name;
    format!(
        "Platform `{platform}` has no `spec.scratch` to restore a backup into: set it, or remove `drills`; backups are made all the same"
    )
}

/// What `Drilled` says; nothing without drills.
pub(super) fn finding(object: &BackupSchedule, state: &State, now: Timestamp) -> Option<Finding<DrilledReason>> {
    if object.spec.drills.is_empty() {
        return None;
    }
    let said = |value, reason, message: String| Some(Finding::new(value, reason, message));
    if !state.has_scratch() {
        return said(Some(false), DrilledReason::NoScratch, no_scratch(object));
    }
    let overdue = overdue(object, state);
    if let Some((_, slot, name)) = overdue.as_ref().filter(|(at, ..)| *at <= now) {
        let message = format!("drill `{name}` was due at {slot}, and none has ended since");
        return said(Some(false), DrilledReason::Overdue, message);
    }
    let (value, reason, message) = judged(object, state);
    let found = Finding::new(value, reason, message);
    Some(match overdue {
        Some((at, ..)) => found.until(at),
        None => found,
    })
}

fn judged(object: &BackupSchedule, state: &State) -> (Option<bool>, DrilledReason, String) {
    let Some(last) = last(state) else {
        let next = state.memo.next_drills.iter().map(|next| next.time).min();
        let next = next.map(|next| format!("; the next one is due at {next}"));
        let message = "no drill has ended yet".to_owned() + next.as_deref().unwrap_or_default();
        return (None, DrilledReason::NotYet, message);
    };
    let name = &last.name;
    let took = match &last.phase {
        DrillPhase::Passed(took) => *took,
        DrillPhase::Failed(why) => return (Some(false), DrilledReason::Failed, format!("{name}: {why}")),
        DrillPhase::Running | DrillPhase::Cancelled => return (None, DrilledReason::NotYet, name.clone()),
    };
    let shown = written(took);
    let Some(rto) = object.spec.objective.rto else {
        return (
            Some(true),
            DrilledReason::WithinObjective,
            format!("{name} took {shown}"),
        );
    };
    if took > rto.get() {
        let message = format!("{name} took {shown}, and `objective.rto` is {rto}");
        return (Some(false), DrilledReason::TooSlow, message);
    }
    match predicted(state).filter(|predicted| *predicted > rto.get()) {
        Some(predicted) => {
            let message = format!(
                "the newest backup is predicted to take {} by its size, and `objective.rto` is {rto}; {name} took {shown}",
                written(predicted)
            );
            (Some(false), DrilledReason::TooSlow, message)
        }
        None => (
            Some(true),
            DrilledReason::WithinObjective,
            format!("{name} took {shown} of {rto}"),
        ),
    }
}

/// The drill that is overdue first: when it is, its slot, and its name. It may take as long as all of its attempts.
fn overdue(object: &BackupSchedule, state: &State) -> Option<(Timestamp, Timestamp, String)> {
    let attempts = u32::try_from(ATTEMPTS).unwrap_or(1);
    let longest = state.timing.interval(object.spec.deadline.get()) * attempts;
    let running = state.drilled.iter().filter(|run| !run.has_ended() && !run.is_leaving);
    let running: Vec<Timestamp> = running.filter_map(|run| run.slot).collect();
    let uid = object.uid().unwrap_or_default();
    let all = object.spec.drills.iter().filter_map(|one| {
        let line = drill(object, state, &one.name, &uid)?;
        let is_of = |slot: &Timestamp| line.schedule.is_slot(*slot);
        // While nothing is noted, what was drilled last tells when it was due again.
        let due = next_drill(state, &one.name).or_else(|| {
            let ended = state.drilled.iter().filter(|run| run.has_ended());
            let last = ended.filter_map(|run| run.slot).filter(is_of).max()?;
            line.schedule.next_after(last)
        });
        let slot = running.iter().copied().filter(is_of).chain(due).min()?;
        Some((line.start(slot) + longest, slot, one.name.clone()))
    });
    all.min()
}

/// The last drill that has ended, and says something.
fn last(state: &State) -> Option<&Drilled> {
    let said = |run: &&Drilled| matches!(run.phase, DrillPhase::Passed(_) | DrillPhase::Failed(_));
    let ended = state.drilled.iter().filter(said);
    ended.max_by_key(|run| (run.slot, &run.name))
}

/// What the last drill took, unless it failed.
pub(super) fn took(state: &State) -> Option<Duration> {
    match last(state)?.phase {
        DrillPhase::Passed(took) => Some(took),
        _ => None,
    }
}

pub(super) fn status(state: &State) -> Option<DrillStatus> {
    let last = last(state)?;
    Some(DrillStatus {
        name: last.name.clone(),
        point: last.point,
        recovery_time: took(state).map(|took| written(took).to_string()),
        predicted_recovery_time: predicted(state).map(|time| written(time).to_string()),
    })
}

/// How long the newest backup would take to restore: its bytes, by the bytes per second of the last drills that passed. What does
/// not depend on the size is taken for a part of that, so that growth is rather over- than underestimated.
pub(super) fn predicted(state: &State) -> Option<Duration> {
    let mut passed: Vec<(Option<Timestamp>, Duration, i64)> = state
        .drilled
        .iter()
        .filter_map(|run| match run.phase {
            DrillPhase::Passed(took) => Some((run.slot, took, run.bytes.filter(|bytes| *bytes > 0)?)),
            _ => None,
        })
        .collect();
    passed.sort_by_key(|(slot, ..)| std::cmp::Reverse(*slot));
    passed.truncate(LAST);
    let bytes: u128 = passed
        .iter()
        .filter_map(|(_, _, bytes)| u128::try_from(*bytes).ok())
        .sum();
    let took: Duration = passed.iter().map(|(_, took, _)| *took).sum();
    let (newest, _) = newest(state)?;
    let today = u128::try_from(newest.bytes?).ok()?;
    let seconds = (took.as_millis() * today).checked_div(bytes)?.div_ceil(1_000);
    let seconds = u64::try_from(seconds).ok()?;
    // By the minute, so that a few rows more are no change.
    Some(Duration::from_secs(if seconds > 60 {
        seconds.div_ceil(60) * 60
    } else {
        seconds
    }))
}

fn written(time: Duration) -> Written {
    Written::from_secs(time.as_secs())
}

impl State {
    /// A Platform that does not exist is told by another reason.
    pub(super) fn has_scratch(&self) -> bool {
        match &self.platform {
            PlatformState::Present(platform) => platform.has_scratch,
            PlatformState::Absent => true,
        }
    }
}
