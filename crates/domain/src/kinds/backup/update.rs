//! What became of a step or a task.

use std::time::Duration;

use ace_api::{
    Backup, BackupCopy, BackupReason, BackupRun, CopyState, Reason as _, ShownBy, Verification, VerificationLevel,
    clipped,
};
use jiff::Timestamp;

use super::{
    Cause, Done, Found, Inputs, Job, Made, Outcome, Plan, Problem, PutOff, State, Step, StepError, StepResult, Task,
    TaskError, drift, messages,
};
use crate::reconcile::{annotations::reconcile_at, held, refusals::Refusals};

/// Takes in what a step returned.
pub(super) fn update(
    object: &Backup,
    state: &mut State,
    step: &Step,
    outcome: Result<StepResult, StepError>,
    now: Timestamp,
) {
    state.step_error = None;
    match (step, outcome) {
        (Step::Begin(run), outcome) => {
            state.memo.run = Some(run.clone());
            state.has_no_manifest = false;
            begun(object, state, Job::Make, outcome, now);
        }
        (Step::Start(job), outcome) => begun(object, state, job.clone(), outcome, now),
        (Step::Stop, _) => state.is_stopping = true,
        (Step::Look, Ok(StepResult::Looked(Found::Made(found)))) => made(state, *found),
        (Step::Look, Ok(StepResult::Looked(Found::BeingMade))) => state.is_being_made = true,
        (Step::Look, Ok(_)) => nothing_found(object, state),
        (Step::Audit, outcome) => drift::audited(object, state, &outcome, now),
        (Step::Check(copy), outcome) => drift::checked(state, copy, &outcome, now),
        (Step::Expire(copy), Ok(_)) => state.memo.copies.retain(|kept| kept.destination != copy.destination),
        (Step::Look | Step::Expire(_), Err(error)) => state.step_error = Some(error),
    }
}

/// What was put off of another run is not waited for. A task of this process has ended, or a Restore has proved what is stored: that is
/// noted. Somebody asks for another attempt: what was held is over.
pub fn infer(object: &Backup, state: &mut State, now: Timestamp) {
    let is_news = |time: &Timestamp| {
        let mut known = state.memo.verified.iter();
        known.all(|known| known.level != VerificationLevel::Content || known.time < *time)
    };
    if let Some(time) = state.proved.filter(is_news) {
        verified(state, VerificationLevel::Content, time);
    }
    let run = run_id(state);
    state.memory.put_off.take_if(|put_off| put_off.run != run);
    if let Some(Task::Ended(job, outcome)) = state.task.take_if(|task| matches!(task, Task::Ended(..))) {
        conclude(object, state, &job, outcome, now);
    } else if let Some(outcome) = &state.memo.held
        && outcome.reconcile_at != reconcile_at(object)
    {
        state.memo.held = None;
        state.memory.put_off = None;
        if state.memo.archive.is_none() {
            state.memo.run = None;
        }
    }
}

/// Nobody has a manifest of the run: another attempt follows, unless it was the last.
fn nothing_found(object: &Backup, state: &mut State) {
    state.has_no_manifest = true;
    if let (Some(run), Inputs::Usable(plan)) = (&state.memo.run, &state.inputs)
        && run.attempt >= plan.attempts
        && object.spec.import.is_none()
    {
        let cause = messages::interrupted(run);
        state.memo.held = Some(held::hold(object, cause.reason, &cause.message));
    }
}

fn begun(object: &Backup, state: &mut State, job: Job, outcome: Result<StepResult, StepError>, now: Timestamp) {
    match outcome {
        Ok(_) => {
            state.memory.put_off = None;
            state.task = Some(Task::Queued(job));
        }
        Err(error) => conclude(object, state, &job, Err(error), now),
    }
}

fn conclude(object: &Backup, state: &mut State, job: &Job, outcome: Outcome, now: Timestamp) {
    state.memory.put_off = None;
    match &outcome {
        Ok(_) => {
            state.memory.refusals = Refusals::default();
            state.memory.failures = 0;
        }
        Err(error) => {
            let is_refused = error.problem == Problem::Obstacle(BackupReason::AccessMissing);
            state.memory.refusals = state.memory.refusals.after(is_refused);
        }
    }
    match outcome {
        Ok(Done::Made(found)) => made(state, *found),
        Ok(Done::Verified(level, time)) => verified(state, level, time),
        Ok(Done::Copied { destination, path }) => {
            state.memory.copies.remove(&destination);
            if let Some(copy) = copy_of(state, &destination) {
                copy.path = Some(path);
                copy.state = CopyState::Complete;
                copy.message = None;
            }
        }
        Err(error) => failed(object, state, job, &error, now),
    }
}

/// It passed a level; the last time of each is kept.
fn verified(state: &mut State, level: VerificationLevel, time: Timestamp) {
    let verified = &mut state.memo.verified;
    verified.retain(|known| known.level != level);
    verified.push(Verification { level, time });
    verified.sort_by_key(|known| std::cmp::Reverse(known.level));
}

/// There is a complete backup.
fn made(state: &mut State, found: Made) {
    let Made {
        snapshot,
        archive,
        destination,
        path,
    } = found;
    let places = match &state.inputs {
        Inputs::Usable(Plan { destinations, .. }) => destinations.as_slice(),
        _ => &[],
    };
    let required = |destination: &str| {
        places
            .iter()
            .any(|place| place.destination == destination && place.required)
    };
    let first = BackupCopy {
        required: required(&destination),
        destination,
        path: Some(path),
        state: CopyState::Complete,
        message: None,
    };
    let others = places.iter().filter(|place| place.destination != first.destination);
    let others = others.map(|place| BackupCopy {
        destination: place.destination.clone(),
        path: None,
        state: CopyState::Copying,
        required: place.required,
        message: None,
    });
    state.memo.copies = [first.clone()].into_iter().chain(others).collect();
    state.memo.snapshot = Some(snapshot);
    state.memo.archive = Some(archive);
    state.memo.held = None;
    if let Some(run) = &mut state.memo.run {
        (run.retry_time, run.message) = (None, None);
    }
}

fn failed(object: &Backup, state: &mut State, job: &Job, error: &TaskError, now: Timestamp) {
    let (cause, timing) = (messages::cause(error), state.timing);
    match (&error.problem, job) {
        // Whatever it has begun, it has taken away. What stopped it is over when another one begins, which counts from 1 again.
        (Problem::Stopped, Job::Make) => state.memo.run = None,
        (Problem::Stopped, _) => {}
        (Problem::Busy(_), _) => put_off(state, cause, timing.turn(), now),
        (_, Job::Copy(destination)) => not_copied(state, destination, error, now),
        (Problem::Obstacle(BackupReason::AccessMissing), _) => {
            let wait = if state.memory.refusals.are_doubted() {
                timing.rights()
            } else {
                timing.probe()
            };
            put_off(state, cause, wait, now);
        }
        (Problem::Obstacle(_), _) => {
            // A person has to act: not more often than that, since addresses that send wrong passwords are banned.
            let wait = match cause.reason.shown_by() {
                ShownBy::Stalled => timing.backoff_most(),
                _ => backoff(state),
            };
            put_off(state, cause, wait, now);
        }
        (Problem::Failed(_), Job::Make) => attempt_failed(object, state, error, now),
        (Problem::Failed(_), Job::Verify(_)) => {
            let wait = backoff(state);
            put_off(state, Cause::new(BackupReason::Retrying, cause.message), wait, now);
        }
        (Problem::Final(_), _) => {
            if let (Job::Make, Some(run)) = (job, &mut state.memo.run) {
                run.message = Some(clipped(&ace_api::message(&error.message), MESSAGE));
            }
            state.memo.held = Some(held::hold(object, cause.reason, &cause.message));
        }
    }
}

/// Most bytes of the message of a run or a copy.
const MESSAGE: usize = 400;

fn attempt_failed(object: &Backup, state: &mut State, error: &TaskError, now: Timestamp) {
    let attempts = match &state.inputs {
        Inputs::Usable(plan) => plan.attempts,
        // What it was begun by has gone: the next one says what is missing.
        _ => i32::MAX,
    };
    let Some(run) = &mut state.memo.run else { return };
    run.message = Some(clipped(&ace_api::message(&error.message), MESSAGE));
    let failures = u32::try_from(run.attempt - 1).unwrap_or_default();
    if run.attempt < attempts {
        run.retry_time = Some(now + state.timing.backoff(failures));
    } else {
        let cause = messages::failed(run, error);
        state.memo.held = Some(held::hold(object, cause.reason, &cause.message));
    }
}

fn not_copied(state: &mut State, destination: &str, error: &TaskError, now: Timestamp) {
    let failures = state
        .memory
        .copies
        .get(destination)
        .map_or(0, |(failures, _)| *failures);
    let again = now + state.timing.backoff(failures);
    state
        .memory
        .copies
        .insert(destination.to_owned(), (failures + 1, again));
    if let Some(copy) = copy_of(state, destination) {
        copy.state = CopyState::Failed;
        copy.message = Some(clipped(&ace_api::message(&error.message), MESSAGE));
    }
}

fn copy_of<'s>(state: &'s mut State, destination: &str) -> Option<&'s mut BackupCopy> {
    let mut copies = state.memo.copies.iter_mut();
    copies.find(|copy| copy.destination == destination)
}

fn put_off(state: &mut State, cause: Cause, wait: Duration, now: Timestamp) {
    let until = now + wait;
    let run = run_id(state);
    state.memory.put_off = Some(PutOff { run, cause, until });
}

fn run_id(state: &State) -> Option<String> {
    state.memo.run.as_ref().map(|run| run.id.clone())
}

/// One more came to nothing.
fn backoff(state: &mut State) -> Duration {
    let wait = state.timing.backoff(state.memory.failures);
    state.memory.failures = state.memory.failures.saturating_add(1);
    wait
}

/// The run of an object that was read afresh is the one that a task was started for, and nobody has asked it to end.
pub fn may_be_finished(object: &Backup, run: &BackupRun) -> bool {
    let current = object.status.as_ref().and_then(|status| status.run.as_ref());
    object.metadata.deletion_timestamp.is_none()
        && !object.spec.cancel
        && current.is_some_and(|current| current.id == run.id)
}
