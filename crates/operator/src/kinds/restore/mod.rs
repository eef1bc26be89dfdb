//! `Restore`: a backup that is restored once.

mod act;
mod observe;
mod run;

use std::sync::Arc;

use ace_api::{Backup, Restore, RestoreStepName};
use ace_domain::{
    kinds::restore::{self, Memory, Outcome, State, Step, StepError},
    reconcile::key::Key,
};
use ace_runtime::{reconcile::Controller, tasks::Tasks};
use jiff::Timestamp;

use super::backup::Backups;

/// The tasks of Restores, each for the run that the status names.
pub type RestoreTasks = Tasks<String, RestoreStepName, Outcome>;

/// The controller's kind.
#[derive(Clone)]
pub struct Restores {
    /// What reads and opens what is stored.
    pub backups: Backups,
    pub tasks: RestoreTasks,
}

impl Controller for Restores {
    type Kind = restore::Kind;
    /// The Backup that is restored.
    type Context = Option<Arc<Backup>>;

    async fn observe(&self, object: &Restore, memory: Memory, _: u32, _: Timestamp) -> (State, Self::Context) {
        observe::observe(self, object, memory)
    }

    async fn act(&self, object: &Restore, _: &State, backup: &Self::Context, step: &Step) -> Result<(), StepError> {
        act::act(self, object, backup.as_ref(), step)
    }

    fn forget(&self, key: &Key) {
        self.tasks.forget(key);
    }
}
