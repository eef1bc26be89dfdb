use std::sync::Arc;

use ace_api::{Backup, Restore, RestoreStepName};
use ace_domain::{
    kinds::{
        backup,
        restore::{Inputs, Memory, Outcome, Problem, State, Task, TaskError, inputs},
    },
    reconcile::key::Key,
};
use ace_runtime::tasks::{Ended, TaskState};

use super::Restores;
use crate::{
    caches::beside,
    kinds::backup::{fresh_id, given::cached},
};

/// Collects what is known from caches and from the tasks of this process. Asks nobody.
pub(super) fn observe(kind: &Restores, object: &Restore, memory: Memory) -> (State, Option<Arc<Backup>>) {
    let caches = &kind.backups.caches;
    let backups = beside::<backup::Kind>(&caches.dependents, &caches.backups, object);
    let backups = backups.iter().filter_map(|backup| backup.0.as_ref().ok());
    let platform = cached(&caches.platforms, &Key::beside(object, &object.spec.platform_ref.name));
    let inputs = inputs(object, platform.as_deref(), backups);
    let backup = match &inputs {
        Inputs::Usable(name) => cached(&caches.backups, &Key::beside(object, name)),
        Inputs::Waiting(_) | Inputs::Suspended(_) => None,
    };
    let memo = memory.memo(object.status.as_ref());
    let run = memo.run.as_ref().map(|run| run.id.as_str());
    let known = kind.tasks.look(&Key::of(object));
    let known = known.filter(|(of, _)| Some(of.as_str()) == run);
    let state = State {
        timing: kind.backups.timing,
        worker: kind.backups.worker.clone(),
        fresh_id: fresh_id(run),
        inputs,
        task: known.map(|(_, state)| task(state)),
        memo,
        memory,
        is_stopping: false,
    };
    (state, backup)
}

fn task(state: TaskState<RestoreStepName, Outcome>) -> Task {
    match state {
        TaskState::Queued => Task::Queued,
        TaskState::Running(step) => Task::Running(step),
        TaskState::Ended(Ended::Done(outcome)) => Task::Ended(outcome),
        TaskState::Ended(Ended::NotBegun) => Task::Ended(Err(stopped())),
        TaskState::Ended(Ended::Panicked(place)) => Task::Ended(Err(TaskError {
            problem: Problem::Failed,
            message: format!("the operator hit an internal error at {place}: report it"),
        })),
    }
}

pub(super) fn stopped() -> TaskError {
    TaskError {
        problem: Problem::Stopped,
        message: "it was asked to end".to_owned(),
    }
}
