use ace_api::Backup;
use ace_api::BackupReason;
use ace_domain::{
    kinds::{
        backup::{Memory, Outcome, Problem, State, Task, TaskError, inputs, proved},
        restore,
    },
    reconcile::key::Key,
};
use ace_runtime::tasks::{Ended, TaskState};
use jiff::Timestamp;

use super::{BackupJob, Backups, error, given::Given};
use crate::caches::beside;

/// Collects what is known from caches and from the tasks of this process. Asks nobody.
pub(super) fn observe(kind: &Backups, object: &Backup, mut memory: Memory, now: Timestamp) -> (State, Given) {
    let given = Given::of(kind, object);
    memory.first.get_or_insert(now);
    let memo = memory.memo(object.status.as_ref());
    let run = memo.run.as_ref().map(|run| run.id.as_str());
    let known = kind.tasks.look(&Key::of(object));
    let known = known.filter(|((of, _), _)| Some(of.as_str()) == run);
    let destinations = given.destinations.keys().map(String::as_str).collect();
    let restores = beside::<restore::Kind>(&kind.caches.dependents, &kind.caches.restores, object);
    let state = State {
        timing: kind.timing,
        began: now,
        worker: kind.worker.clone(),
        fresh_id: fresh_id(run),
        inputs: inputs(
            object,
            given.schedule.as_deref(),
            given.platform.as_deref(),
            &destinations,
        ),
        suspicions: given.suspicions(object),
        task: known.map(task),
        proved: proved(object, restores.iter().filter_map(|restore| restore.0.as_ref().ok())),
        memo,
        memory,
        has_no_manifest: false,
        is_being_made: false,
        is_stopping: false,
        step_error: None,
    };
    (state, given)
}

/// Four hexadecimal digits that the run before does not have.
pub(crate) fn fresh_id(before: Option<&str>) -> String {
    let ids = std::iter::repeat_with(|| format!("{:04x}", rand::random::<u16>()));
    let mut fresh = ids.filter(|id| Some(id.as_str()) != before);
    fresh.next().unwrap_or_default()
}

fn task(((_, job), state): (BackupJob, TaskState<ace_api::BackupProgress, Outcome>)) -> Task {
    match state {
        TaskState::Queued => Task::Queued(job),
        TaskState::Running(progress) => Task::Running(job, progress),
        TaskState::Ended(Ended::Done(outcome)) => Task::Ended(job, outcome),
        TaskState::Ended(Ended::NotBegun) => Task::Ended(job, Err(error::stopped())),
        TaskState::Ended(Ended::Panicked(place)) => {
            let panicked = TaskError {
                problem: Problem::Failed(BackupReason::Failed),
                message: format!("the operator hit an internal error at {place}: report it"),
            };
            Task::Ended(job, Err(panicked))
        }
    }
}
