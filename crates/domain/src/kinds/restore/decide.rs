//! What to do next about a Restore.

use ace_api::{Reason as _, Restore, RestoreReason, RestoreRun, RestoreStepName, ShownBy};
use jiff::Timestamp;

use super::{ATTEMPTS, Cause, Decision, Inputs, State, Step, Task};
use crate::reconcile::{
    annotations::{is_leaving, reconcile_at},
    decision::Requeue,
    held,
};

const AGAIN: &str = "to try again, change the annotation `ops.mobulace.com/reconcile-at`";

/// Decides by the state alone. Time is an argument.
pub fn decide(object: &Restore, state: &State, now: Timestamp) -> Decision {
    if is_leaving(object) {
        return Decision::Release { event: None };
    }
    if state.memo.recovery_time.is_some() {
        return Decision::Settled(Requeue::OnChange);
    }
    if object.spec.cancel {
        let cause = Cause::new(
            RestoreReason::Cancelled,
            "`spec.cancel` ended it, and its database is dropped; create another Restore to have one",
        );
        return stopped(state, Decision::Refuse(cause, Requeue::OnChange));
    }
    if let Some(outcome) = state
        .memo
        .held
        .as_ref()
        .filter(|outcome| outcome.reconcile_at == reconcile_at(object))
    {
        return Decision::Refuse(held::cause(outcome, RestoreReason::Failed), Requeue::OnChange);
    }
    if let Some(cause) = under_way(state).filter(|_| !matches!(state.inputs, Inputs::Suspended(_))) {
        return Decision::Wait(cause, Requeue::OnChange);
    }
    match &state.inputs {
        Inputs::Suspended(_) => stopped(state, Decision::Settled(Requeue::After(state.timing.probe()))),
        // Backup and Platform wake nobody here: they are looked at again.
        Inputs::Waiting(cause) => prevented(cause, Requeue::After(state.timing.probe())),
        Inputs::Usable(_) => attempt(state, now),
    }
}

fn attempt(state: &State, now: Timestamp) -> Decision {
    if let Some(put_off) = &state.memory.put_off {
        return if now >= put_off.until {
            begin(state, put_off.attempt, now)
        } else {
            prevented(&put_off.cause, Requeue::At(put_off.until))
        };
    }
    match &state.memo.run {
        None => begin(state, 1, now),
        // Its worker is gone, and so is its session at the scratch server: the database is dropped by the next run.
        Some(run) if run.attempt < ATTEMPTS => begin(state, run.attempt + 1, now),
        Some(run) => {
            let message = format!(
                "attempt {} was the last, and was interrupted: worker `{}` ended; {AGAIN}",
                run.attempt, run.worker
            );
            Decision::Refuse(Cause::new(RestoreReason::Failed, message), Requeue::OnChange)
        }
    }
}

fn begin(state: &State, attempt: i32, now: Timestamp) -> Decision {
    Decision::Do(Step::Begin(RestoreRun {
        id: state.fresh_id.clone(),
        attempt,
        start_time: now,
        worker: state.worker.clone(),
    }))
}

/// What the task of this process is doing.
fn under_way(state: &State) -> Option<Cause> {
    match state.task.as_ref()? {
        Task::Queued => {
            let message = "this worker has as many runs as it may have at once; it begins when one has ended";
            Some(Cause::new(RestoreReason::Queued, message))
        }
        Task::Running(step) => Some(running(*step)),
        Task::Ended(_) => None,
    }
}

pub(super) fn running(step: Option<RestoreStepName>) -> Cause {
    match step {
        None | Some(RestoreStepName::Fetch) => Cause::new(
            RestoreReason::Fetching,
            "the manifest is being read, and the database is made",
        ),
        Some(RestoreStepName::Restore) => Cause::new(RestoreReason::Restoring, "the archive is being restored"),
        Some(RestoreStepName::Prove) => {
            Cause::new(RestoreReason::Proving, "the restored rows are being counted and hashed")
        }
        Some(RestoreStepName::Compare) => Cause::new(
            RestoreReason::Comparing,
            "the rows are being compared with those of the source, and assertions are asked",
        ),
    }
}

/// Asks the task to end, once; nothing waits for that.
fn stopped(state: &State, then: Decision) -> Decision {
    if under_way(state).is_some() && !state.is_stopping {
        return Decision::Do(Step::Stop);
    }
    then
}

fn prevented(cause: &Cause, again: Requeue) -> Decision {
    if cause.reason.shown_by() == ShownBy::Stalled {
        Decision::Refuse(cause.clone(), again)
    } else {
        Decision::Wait(cause.clone(), again)
    }
}

/// The last attempt failed.
pub(super) fn failed(run: &RestoreRun, message: &str) -> Cause {
    let message = format!("attempt {} was the last, and failed: {message}; {AGAIN}", run.attempt);
    Cause::new(RestoreReason::Failed, message)
}

/// Another attempt would end in the same way.
pub(super) fn last(reason: RestoreReason, message: &str) -> Cause {
    Cause::new(reason, format!("{message}; {AGAIN}"))
}
