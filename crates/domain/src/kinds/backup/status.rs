//! The status of a Backup.

use ace_api::{Backup, BackupDriftReason, BackupReason, BackupStatus};
use jiff::Timestamp;

use super::{Cause, Decision, Inputs, State, Step, Task, decide::is_made, drift, messages};
use crate::inputs::is_doubted;
use crate::reconcile::{
    decision,
    status::{Shown, common, is_ready, with_drift},
};

pub fn status(object: &Backup, state: &State, decision: &Decision, now: Timestamp) -> BackupStatus {
    let memo = &state.memo;
    if is_doubted(decision, state.memory.refusals) {
        return memo.clone();
    }
    let shown = match decision {
        Decision::Do(Step::Check(_) | Step::Audit) if is_ready(&memo.common, object) => Shown::Unchanged,
        decision => Shown::of(decision, |step| in_progress(state, step), || at_rest(state)),
    };
    let drift = drift::assess(memo, now);
    let unassessed = decision::Cause::new(BackupDriftReason::NotCompared, "there is no complete copy yet");
    let common = common(object, &memo.common, shown, decision.is_answer(), now);
    BackupStatus {
        common: with_drift(common, &memo.common, drift.as_ref(), &unassessed, now),
        drift: drift.map_or_else(|| memo.drift.clone(), |drift| drift.drift),
        run: match decision {
            Decision::Do(Step::Begin(run)) => Some(run.clone()),
            _ => memo.run.clone(),
        },
        progress: match &state.task {
            Some(Task::Running(_, progress)) => progress.clone(),
            _ => None,
        },
        copies_complete: messages::copies_complete(memo),
        ..memo.clone()
    }
}

fn in_progress(state: &State, step: &Step) -> Cause {
    match step {
        Step::Begin(_) => messages::starting(&super::Job::Make),
        Step::Start(job) => messages::starting(job),
        Step::Look => messages::looking(state.memo.run.as_ref()),
        Step::Stop => messages::ending(),
        Step::Check(_) | Step::Audit => messages::checking(),
        Step::Expire(_) => messages::deleting(),
    }
}

fn at_rest(state: &State) -> Shown<BackupReason> {
    let plan = match &state.inputs {
        Inputs::Suspended(cause) if !is_made(&state.memo) || !super::decide::is_verified(state) => {
            return Shown::Suspended {
                cause: cause.clone(),
                is_live: false,
                unready: BackupReason::Suspended,
            };
        }
        Inputs::Usable(plan) => Some(plan),
        Inputs::Suspended(_) | Inputs::Waiting(_) => None,
    };
    Shown::Ready(messages::complete(&state.memo, plan))
}
