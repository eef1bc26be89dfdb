//! What became of a step or a task.

use std::time::Duration;

use ace_api::{Duration as Written, Reason as _, Restore, RestoreReason, RestoreStep, RestoreStepName, ShownBy};
use jiff::Timestamp;

use super::{ATTEMPTS, Cause, Outcome, Problem, Proved, PutOff, State, Step, StepError, Task, TaskError, decide};
use crate::reconcile::{annotations::reconcile_at, held, refusals::Refusals};

/// Takes in what a step returned.
pub(super) fn update(object: &Restore, state: &mut State, step: &Step, outcome: Result<(), StepError>, now: Timestamp) {
    match step {
        Step::Stop => state.is_stopping = true,
        Step::Begin(run) => {
            state.memo.run = Some(run.clone());
            state.memory.put_off = None;
            match outcome {
                Ok(()) => state.task = Some(Task::Queued),
                Err(error) => conclude(object, state, Err(error), now),
            }
        }
    }
}

/// A task of this process has ended: what it has done is noted. Somebody asks for another attempt: what was held is over.
pub fn infer(object: &Restore, state: &mut State, now: Timestamp) {
    if let Some(Task::Ended(outcome)) = state.task.take_if(|task| matches!(task, Task::Ended(_))) {
        conclude(object, state, outcome, now);
    } else if let Some(outcome) = &state.memo.held
        && outcome.reconcile_at != reconcile_at(object)
    {
        state.memo.held = None;
        state.memo.run = None;
        state.memory.put_off = None;
    }
}

fn conclude(object: &Restore, state: &mut State, outcome: Outcome, now: Timestamp) {
    match outcome {
        Ok(proved) => {
            state.memory.refusals = Refusals::default();
            state.memory.failures = 0;
            done(object, state, *proved);
        }
        Err(error) => {
            let is_refused = error.problem == Problem::Obstacle(RestoreReason::AccessMissing);
            state.memory.refusals = state.memory.refusals.after(is_refused);
            failed(object, state, &error, now);
        }
    }
}

fn done(object: &Restore, state: &mut State, proved: Proved) {
    let Proved {
        point,
        steps,
        assertions,
    } = proved;
    let failed: Vec<&str> = assertions
        .iter()
        .filter(|assertion| !assertion.passed)
        .map(|assertion| assertion.name.as_str())
        .collect();
    if failed.is_empty() {
        state.memo.recovery_time = Some(recovery_time(&steps).to_string());
        state.memo.held = None;
    } else {
        let message = format!(
            "the rows are those of the source, and these assertions do not have the value that they expect: {}",
            failed.join(", ")
        );
        let cause = decide::last(RestoreReason::AssertionFailed, &message);
        state.memo.held = Some(held::hold(object, cause.reason, &cause.message));
    }
    state.memo.point = Some(point);
    let step = |(name, took): &(RestoreStepName, Duration)| RestoreStep {
        name: *name,
        duration: Written::from_secs(took.as_secs()).to_string(),
    };
    state.memo.steps = steps.iter().map(step).collect();
    state.memo.assertions = assertions;
}

/// All that a person would wait for: keys and manifest, the download, the restore, and the proof.
fn recovery_time(steps: &[(RestoreStepName, Duration)]) -> Written {
    let took: Duration = steps.iter().map(|(_, took)| *took).sum();
    Written::from_secs(took.as_secs().max(1))
}

fn failed(object: &Restore, state: &mut State, error: &TaskError, now: Timestamp) {
    let timing = state.timing;
    let Some(run) = state.memo.run.clone() else { return };
    let put_off = |state: &mut State, cause: Cause, wait: Duration, attempt: i32| {
        let until = now + wait;
        state.memory.put_off = Some(PutOff { cause, until, attempt });
    };
    match error.problem {
        // Another one counts from 1 again.
        Problem::Stopped => state.memo.run = None,
        Problem::Obstacle(reason) => {
            let wait = match reason.shown_by() {
                ShownBy::Stalled if state.memory.refusals.are_doubted() => timing.rights(),
                ShownBy::Stalled => timing.backoff_most(),
                _ => backoff(state),
            };
            put_off(state, Cause::new(reason, error.message.clone()), wait, run.attempt);
        }
        Problem::Failed if run.attempt < ATTEMPTS => {
            let wait = backoff(state);
            let message = format!("attempt {} of {ATTEMPTS} failed: {}", run.attempt, error.message);
            put_off(
                state,
                Cause::new(RestoreReason::Retrying, message),
                wait,
                run.attempt + 1,
            );
        }
        Problem::Failed => {
            let cause = decide::failed(&run, &error.message);
            state.memo.held = Some(held::hold(object, cause.reason, &cause.message));
        }
        Problem::Final(reason) => {
            let cause = decide::last(reason, &error.message);
            state.memo.held = Some(held::hold(object, cause.reason, &cause.message));
        }
    }
}

/// One more came to nothing.
fn backoff(state: &mut State) -> Duration {
    let wait = state.timing.backoff(state.memory.failures);
    state.memory.failures = state.memory.failures.saturating_add(1);
    wait
}
