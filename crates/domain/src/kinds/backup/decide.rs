//! What to do next about a Backup.

use std::time::Duration;

use ace_api::{Backup, BackupCopy, BackupReason, BackupRun, BackupStatus, CopyState, DeletionPolicy, ShownBy};
use jiff::Timestamp;

use super::{Cause, Decision, Inputs, Job, Plan, PutOff, State, Step, Task, drift, messages};
use crate::reconcile::{
    annotations::{is_leaving, reconcile_at},
    decision::Requeue,
    event::Event,
    held,
};

/// Decides by the state alone. Time is an argument.
pub fn decide(object: &Backup, state: &State, now: Timestamp) -> Decision {
    if is_leaving(object) {
        return leave(object, state);
    }
    if is_made(&state.memo) {
        return keep(object, state, now);
    }
    if object.spec.cancel {
        return stopped(state, Decision::Refuse(messages::cancelled(), Requeue::OnChange));
    }
    if let Some(cause) = outcome(object, &state.memo) {
        return Decision::Refuse(cause, Requeue::OnChange);
    }
    match &state.inputs {
        // Whoever resumes a Platform wakes none of its Backups: only their schedules name it.
        Inputs::Suspended(_) => stopped(state, Decision::Settled(Requeue::After(state.timing.probe()))),
        Inputs::Waiting(cause) if state.task.is_none() => prevented(cause, Requeue::After(state.timing.probe())),
        Inputs::Waiting(_) => make(object, state, 1, now),
        Inputs::Usable(plan) => make(object, state, plan.attempts, now),
    }
}

/// The object must not go before its data is dealt with, or at all.
pub(super) fn is_kept_from_going(object: &Backup) -> bool {
    object.spec.hold.is_some() || object.spec.deletion_policy == DeletionPolicy::Delete
}

/// Archive and manifest are stored in one place at least.
pub(super) fn is_made(memo: &BackupStatus) -> bool {
    memo.archive.is_some()
}

/// An outcome that stays until somebody asks for another attempt. Nothing of the spec that can be changed would change it.
fn outcome(object: &Backup, memo: &BackupStatus) -> Option<Cause> {
    let outcome = memo.held.as_ref();
    let outcome = outcome.filter(|outcome| outcome.reconcile_at == reconcile_at(object))?;
    Some(held::cause(outcome, BackupReason::Failed))
}

/// An attempt, or what has to be known before the next one.
fn make(object: &Backup, state: &State, attempts: i32, now: Timestamp) -> Decision {
    if let Some(cause) = under_way(state) {
        return Decision::Wait(cause, Requeue::OnChange);
    }
    if let Some(decision) = after_error(state) {
        return decision;
    }
    if let Some(put_off) = &state.memory.put_off {
        return put_off.decide(Job::Make, now);
    }
    if object.spec.import.is_some() {
        return if state.has_no_manifest {
            Decision::Refuse(messages::no_manifest(object), Requeue::After(state.timing.probe()))
        } else {
            Decision::Do(Step::Look)
        };
    }
    match &state.memo.run {
        None => begin(state, 1, now),
        Some(run) => match run.retry_time {
            Some(at) if now >= at => begin(state, run.attempt + 1, now),
            Some(at) => Decision::Wait(messages::failed_once(run, attempts), Requeue::At(at)),
            None if state.is_being_made => elsewhere(run, Requeue::After(state.timing.turn())),
            // Its worker has a moment to take the lock by which others know that it lives.
            None if !state.has_no_manifest && now < lock_time(state, run) => {
                elsewhere(run, Requeue::At(lock_time(state, run)))
            }
            // Neither its end is known nor does this process make it.
            None if !state.has_no_manifest => Decision::Do(Step::Look),
            None => begin(state, run.attempt + 1, now),
        },
    }
}

fn elsewhere(run: &BackupRun, again: Requeue) -> Decision {
    Decision::Wait(messages::elsewhere(run), again)
}

/// Until when another worker may not have the lock for its run.
fn lock_time(state: &State, run: &BackupRun) -> Timestamp {
    let time = if run.worker == state.worker {
        Duration::ZERO
    } else {
        state.timing.lease_taken()
    };
    run.start_time + time
}

fn begin(state: &State, attempt: i32, now: Timestamp) -> Decision {
    Decision::Do(Step::Begin(BackupRun {
        id: state.fresh_id.clone(),
        attempt,
        start_time: now,
        worker: state.worker.clone(),
        retry_time: None,
        message: None,
    }))
}

/// A complete backup: where a destination doubts a copy, that is looked at first.
fn keep(object: &Backup, state: &State, now: Timestamp) -> Decision {
    let unchecked = drift::unchecked(state);
    let again = state.memory.unchecked.map(|(_, at)| at);
    match (unchecked, again) {
        (None, _) => settle(object, state, now),
        (Some(_), Some(at)) if now < at => match settle(object, state, now) {
            Decision::Settled(Requeue::OnChange) => Decision::Settled(Requeue::At(at)),
            decision => decision,
        },
        (Some(copy), _) => Decision::Do(Step::Check(copy.clone())),
    }
}

/// It is verified, and copied to where it is to be.
fn settle(object: &Backup, state: &State, now: Timestamp) -> Decision {
    if let Some(cause) = drift::lost(&state.memo) {
        return Decision::Refuse(cause, Requeue::OnChange);
    }
    if let Some(cause) = outcome(object, &state.memo) {
        return Decision::Refuse(cause, Requeue::OnChange);
    }
    let is_ready = is_verified(state) && has_required_copies(state);
    if let Some(cause) = under_way(state) {
        return if is_ready {
            Decision::Settled(Requeue::OnChange)
        } else {
            Decision::Wait(cause, Requeue::OnChange)
        };
    }
    if let Some(decision) = after_error(state) {
        return decision;
    }
    let Inputs::Usable(plan) = &state.inputs else {
        return match &state.inputs {
            Inputs::Waiting(cause) if !is_ready => prevented(cause, Requeue::After(state.timing.probe())),
            Inputs::Suspended(_) if !is_ready => Decision::Settled(Requeue::After(state.timing.probe())),
            _ => Decision::Settled(Requeue::OnChange),
        };
    };
    if let (Some(level), false) = (plan.verify, is_verified(state)) {
        return match &state.memory.put_off {
            Some(put_off) => put_off.decide(Job::Verify(level), now),
            None => Decision::Do(Step::Start(Job::Verify(level))),
        };
    }
    let (due, next) = copies(state, plan, now);
    match due {
        Some(destination) => Decision::Do(Step::Start(Job::Copy(destination))),
        None if is_ready => audited(object, state, plan, next, now),
        None => Decision::Wait(messages::copies_missing(&state.memo), next),
    }
}

/// At rest, but for the day's audit of its key.
fn audited(object: &Backup, state: &State, plan: &Plan, next: Requeue, now: Timestamp) -> Decision {
    if !plan.has_identity {
        return Decision::Settled(next);
    }
    match (drift::audit_time(object, state), next) {
        (at, _) if now >= at => Decision::Do(Step::Audit),
        (at, Requeue::At(next)) => Decision::Settled(Requeue::At(at.min(next))),
        (at, _) => Decision::Settled(Requeue::At(at)),
    }
}

/// It passed a level, or there is none to pass. What the schedule asks for later is for later backups.
pub(super) fn is_verified(state: &State) -> bool {
    let asks = !matches!(&state.inputs, Inputs::Usable(Plan { verify: None, .. }));
    !asks || !state.memo.verified.is_empty()
}

/// Each was made. Where one is gone since, that is drift.
fn has_required_copies(state: &State) -> bool {
    let mut copies = state.memo.copies.iter();
    copies.all(|copy| !copy.required || !matches!(copy.state, CopyState::Copying | CopyState::Failed))
}

/// A copy that is to be made now, and when the next one is. Only to where the schedule still has it.
fn copies(state: &State, plan: &Plan, now: Timestamp) -> (Option<String>, Requeue) {
    let is_wanted = |copy: &&BackupCopy| {
        let is_missing = matches!(copy.state, CopyState::Copying | CopyState::Failed);
        let mut places = plan.destinations.iter();
        is_missing && places.any(|place| place.destination == copy.destination)
    };
    let again = |copy: &BackupCopy| state.memory.copies.get(&copy.destination).map(|(_, at)| *at);
    let (due, later): (Vec<_>, Vec<_>) = state
        .memo
        .copies
        .iter()
        .filter(is_wanted)
        .partition(|copy| again(copy).is_none_or(|at| now >= at));
    let next = later.into_iter().filter_map(again).min();
    (
        due.first().map(|copy| copy.destination.clone()),
        next.map_or(Requeue::OnChange, Requeue::At),
    )
}

/// What the task of this process is doing.
fn under_way(state: &State) -> Option<Cause> {
    match state.task.as_ref()? {
        Task::Queued(_) => Some(messages::queued()),
        Task::Running(job, progress) => Some(messages::running(job, progress.as_ref())),
        Task::Ended(..) => None,
    }
}

/// Asks the task to end, once; nothing waits for that.
fn stopped(state: &State, then: Decision) -> Decision {
    if under_way(state).is_some() && !state.is_stopping {
        return Decision::Do(Step::Stop);
    }
    then
}

/// A look, or a manifest that could not be renamed.
fn after_error(state: &State) -> Option<Decision> {
    let error = state.step_error.as_ref()?;
    Some(prevented(&messages::cause(error), Requeue::Backoff))
}

impl PutOff {
    fn decide(&self, job: Job, now: Timestamp) -> Decision {
        if now >= self.until {
            return Decision::Do(Step::Start(job));
        }
        prevented(&self.cause, Requeue::At(self.until))
    }
}

fn prevented(cause: &Cause, again: Requeue) -> Decision {
    use ace_api::Reason as _;
    if cause.reason.shown_by() == ShownBy::Stalled {
        Decision::Refuse(cause.clone(), again)
    } else {
        Decision::Wait(cause.clone(), again)
    }
}

/// The object is being deleted.
fn leave(object: &Backup, state: &State) -> Decision {
    if let Some(hold) = &object.spec.hold {
        return Decision::Refuse(messages::held(hold), Requeue::OnChange);
    }
    if under_way(state).is_some() {
        return stopped(state, Decision::Wait(messages::ending(), Requeue::OnChange));
    }
    if object.spec.deletion_policy == DeletionPolicy::Retain {
        return Decision::Release { event: None };
    }
    if let Some(error) = &state.step_error {
        return Decision::Wait(messages::not_deleted(error), Requeue::Backoff);
    }
    let stored = state.memo.copies.iter().find(|copy| copy.path.is_some());
    match (stored, &state.memo.run) {
        (Some(copy), _) => Decision::Do(Step::Expire(copy.clone())),
        (None, Some(run)) if state.is_being_made => elsewhere(run, Requeue::After(state.timing.turn())),
        // A run of another process may be complete.
        (None, Some(run)) if !is_made(&state.memo) && run.message.is_none() && !state.has_no_manifest => {
            Decision::Do(Step::Look)
        }
        (None, _) => Decision::Release {
            event: is_made(&state.memo)
                .then(|| Event::normal("Expired", "the manifests were renamed; the data is deleted 72 h later")),
        },
    }
}
