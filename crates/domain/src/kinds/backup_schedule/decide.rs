//! What to do next about a BackupSchedule.

use std::time::Duration;

use ace_api::{ANNOTATION_RECONCILE_AT, BackupSchedule, ScheduleReason};
use jiff::Timestamp;

use super::{
    Cause, Decision, Known, Phase, PlatformState, State, Step, StepError, Victim, drills,
    health::{fresh, verified},
    messages::{kept, trouble},
    objective::unreachable,
    retention::{Plan, plan},
    slots::{due, name_of, next_start, running},
};
use crate::inputs::PlatformFacts as _;
use crate::reconcile::{
    annotations::{is_leaving, is_reconcile_requested},
    decision::Requeue,
};

/// Most steps of one pass; the next begins at once.
const MOST_STEPS: usize = 64;

/// Decides by the state alone. Time is an argument.
pub fn decide(object: &BackupSchedule, state: &State, now: Timestamp) -> Decision {
    if is_leaving(object) {
        return Decision::Release { event: None };
    }
    let again = turns(object, state, now);
    let invalid = |reason, message: String| Decision::Refuse(Cause::new(reason, message), again);
    let spec = &object.spec;
    match state.platform.usable(spec.suspend, &spec.platform_ref) {
        // What there is grows old all the same.
        Err(Decision::Settled(_)) => return Decision::Settled(again),
        Err(Decision::Wait(cause, _)) => return Decision::Wait(cause, again),
        Err(other) => return other,
        Ok(_) => {}
    }
    if let Err(error) = &state.schedule {
        return invalid(ScheduleReason::ScheduleInvalid, error.to_string());
    }
    let mut drills = state.drills.iter();
    if let Some((name, error)) = drills.find_map(|(name, schedule)| Some((name, schedule.as_ref().err()?))) {
        return invalid(ScheduleReason::ScheduleInvalid, format!("drill `{name}`: {error}"));
    }
    if let Some(message) = &state.recipients {
        return invalid(ScheduleReason::RecipientInvalid, message.clone());
    }
    if let Some(error) = &state.step_error {
        return after_error(error, state, again);
    }
    if state.absent.len() < spec.destinations.len()
        && let Some(due) = due(object, state, now)
    {
        let name = name_of(object, due.slot);
        return Decision::Do(Step::Start { name, slot: due.slot });
    }
    if let Some(step) = next_victim(object, state) {
        if state.steps < MOST_STEPS {
            return Decision::Do(step);
        }
        return at_rest(object, state, Requeue::After(Duration::ZERO), now);
    }
    // Last: what has its name stops nothing else.
    if let Some(step) = drills::next(object, state, now) {
        return Decision::Do(step);
    }
    at_rest(object, state, again, now)
}

fn at_rest(object: &BackupSchedule, state: &State, again: Requeue, now: Timestamp) -> Decision {
    if let Some(cause) = unreachable(object, state).or_else(|| drills::refused(object, state)) {
        return Decision::Refuse(cause, again);
    }
    let trouble = trouble(object, state, now);
    let Some(running) = running(state) else {
        return match trouble {
            Some(cause) => Decision::Refuse(cause, again),
            None if state.absent.is_empty() => Decision::Settled(again),
            None => Decision::Wait(absent(state), again),
        };
    };
    if is_overdue(object, state, running, now) {
        let message = format!(
            "{} should be complete by now, and is not: look at its status",
            running.name
        );
        return Decision::Wait(Cause::new(ScheduleReason::Overdue, message), again);
    }
    if let Some(cause) = kept(running) {
        return Decision::Wait(cause, again);
    }
    // A first backup, and one after a failure, is waited for; else the one before it still is what it was.
    if trouble.is_some() || fresh(object, state, now).value.is_none() {
        let message = format!("{} is being made", running.name);
        return Decision::Wait(Cause::new(ScheduleReason::Running, message), again);
    }
    Decision::Settled(again)
}

fn absent(state: &State) -> Cause {
    let message = format!(
        "there is no BackupDestination `{}` in this namespace",
        state.absent.join("`, `")
    );
    Cause::new(ScheduleReason::WaitingForDestination, message)
}

fn after_error(error: &StepError, state: &State, again: Requeue) -> Decision {
    match error {
        StepError::NameTaken(message) => {
            Decision::Refuse(Cause::new(ScheduleReason::NameTaken, message.clone()), again)
        }
        StepError::AccessMissing(message) => Decision::Refuse(
            Cause::new(ScheduleReason::AccessMissing, message.clone()),
            Requeue::After(state.timing.probe()),
        ),
        StepError::Failed(message) => {
            Decision::Wait(Cause::new(ScheduleReason::Retrying, message.clone()), Requeue::Backoff)
        }
    }
}

/// When something is due, or a condition says something else because time has passed.
fn turns(object: &BackupSchedule, state: &State, now: Timestamp) -> Requeue {
    let overdue = running(state).and_then(|running| overdue_at(object, state, running));
    let turns = [
        next_start(object, state, now),
        overdue.filter(|at| *at > now),
        fresh(object, state, now).turns,
        verified(object, state, now).turns,
        drills::next_start(object, state, now),
        drills::finding(object, state, now).and_then(|drilled| drilled.turns),
    ];
    turns.into_iter().flatten().min().map_or(Requeue::OnChange, Requeue::At)
}

fn is_overdue(object: &BackupSchedule, state: &State, running: &Known, now: Timestamp) -> bool {
    overdue_at(object, state, running).is_some_and(|at| at <= now)
}

/// After all of its attempts.
fn overdue_at(object: &BackupSchedule, state: &State, running: &Known) -> Option<Timestamp> {
    let attempts = u32::try_from(object.spec.attempts).unwrap_or(1);
    let longest = state.timing.interval(object.spec.deadline.get()) * attempts;
    running.created.map(|created| created + longest)
}

/// What becomes of the backups that are stored.
pub(super) fn retention(object: &BackupSchedule, state: &State) -> Option<Plan> {
    let zone = state.schedule.as_ref().ok()?.zone();
    let level = object.spec.verify.level();
    let stored = state.backups.iter();
    let stored: Vec<_> = stored
        .filter_map(|one| one.stored(level, state.needed.get(&one.name)))
        .collect();
    Some(plan(&stored, &object.spec.retention, zone))
}

/// A person has agreed, after it was shown that many would expire at once.
fn is_agreed(object: &BackupSchedule, state: &State) -> bool {
    let shown = state
        .memo
        .retention
        .as_ref()
        .and_then(|retention| retention.blocked.as_ref());
    // What is blocked for another reason asks for no agreement.
    let was_asked = shown.is_some_and(|shown| shown.contains(ANNOTATION_RECONCILE_AT));
    was_asked && is_reconcile_requested(object, state.memo.common.last_handled_reconcile_at.as_ref())
}

/// Whether there is more to do for what was asked for.
pub(super) fn has_more(object: &BackupSchedule, state: &State) -> bool {
    state.step_error.is_none() && next_victim(object, state).is_some()
}

/// The next Backup to expire, or to delete: its data is deleted by whoever keeps the object from going before.
fn next_victim(object: &BackupSchedule, state: &State) -> Option<Step> {
    let find = |name: &String| {
        state
            .backups
            .iter()
            .find(|backup| backup.name == *name && !backup.is_leaving)
    };
    let plan = retention(object, state)?;
    let expire: Vec<&Known> = plan.expire.iter().filter_map(find).collect();
    if let Some(deleted) = expire.iter().find(|backup| backup.is_expiring && backup.is_guarded) {
        return Some(Step::Delete(deleted.victim()));
    }
    let is_allowed = !plan.is_many || is_agreed(object, state);
    let expired = expire.iter().find(|backup| !backup.is_expiring && is_allowed);
    if let Some(expired) = expired {
        return Some(Step::Expire(expired.victim()));
    }
    let failed = too_many_failed(object, state).map(|failed| Step::Delete(failed.victim()));
    failed.or_else(|| drills::too_many(object, state))
}

/// The oldest that failed, beyond those that are kept for their messages. Nothing of it is stored.
fn too_many_failed<'a>(object: &BackupSchedule, state: &'a State) -> Option<&'a Known> {
    let failed = state
        .backups
        .iter()
        .filter(|backup| backup.phase == Phase::Failed && !backup.is_held && !backup.is_leaving);
    let failed: Vec<&Known> = failed.collect();
    let limit = usize::try_from(object.spec.failed_limit).unwrap_or(usize::MAX);
    let is_beyond = failed.len() > limit;
    failed
        .into_iter()
        .filter(|_| is_beyond)
        .min_by_key(|backup| (backup.created, &backup.name))
}

impl Known {
    fn victim(&self) -> Victim {
        Victim {
            name: self.name.clone(),
            uid: self.uid.clone(),
        }
    }
}

impl State {
    /// `spec.suspend` of the schedule or its Platform is true.
    pub(super) fn is_suspended(&self, object: &BackupSchedule) -> bool {
        object.spec.suspend || matches!(&self.platform, PlatformState::Present(platform) if platform.is_suspended())
    }
}
