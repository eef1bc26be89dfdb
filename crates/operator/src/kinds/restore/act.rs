use std::sync::Arc;

use ace_api::{Backup, Restore, RestoreReason};
use ace_domain::{
    kinds::restore::{Problem, Step, StepError, TaskError},
    reconcile::key::Key,
};

use super::{Restores, run};

pub(super) fn act(
    kind: &Restores,
    object: &Restore,
    backup: Option<&Arc<Backup>>,
    step: &Step,
) -> Result<(), StepError> {
    let key = Key::of(object);
    let run = match step {
        Step::Stop => {
            kind.tasks.cancel(&key);
            return Ok(());
        }
        Step::Begin(run) => run.clone(),
    };
    let missing = |message: &str| TaskError {
        problem: Problem::Obstacle(RestoreReason::WaitingForBackup),
        message: message.to_owned(),
    };
    let backup = backup.cloned().ok_or_else(|| missing("the Backup is gone"))?;
    let (of, kind_of_task, object) = (run.id.clone(), kind.clone(), object.clone());
    let work = move |running| async move { run::run(&kind_of_task, &object, &backup, &run, &running).await };
    kind.tasks.start(&key, of, work).map_err(|still| {
        kind.tasks.cancel(&key);
        TaskError {
            problem: Problem::Obstacle(RestoreReason::Queued),
            message: still.to_string(),
        }
    })
}
