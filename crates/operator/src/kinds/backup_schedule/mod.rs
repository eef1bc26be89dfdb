//! `BackupSchedule`: how one database is kept recoverable.

mod act;
mod observe;

use ace_api::{Backup, BackupDestination, BackupSchedule, Restore};
use ace_domain::{
    kinds::backup_schedule::{self, Memory, State, Step, StepError, StepResult},
    reconcile::timing::Timing,
};
use ace_runtime::reconcile::Controller;
use jiff::Timestamp;
use kube::{Client, core::DeserializeGuard, runtime::reflector::Store};

use crate::{caches::Caches, connections::grants::Installation};

/// The controller's kind.
pub struct BackupSchedules {
    /// Client of the API server, to create and delete Backups.
    pub client: Client,
    /// Platforms, and who depends on what.
    pub caches: Caches,
    pub destinations: Store<DeserializeGuard<BackupDestination>>,
    pub backups: Store<DeserializeGuard<Backup>>,
    /// A backup that one of them waits for does not expire.
    pub restores: Store<DeserializeGuard<Restore>>,
    pub timing: Timing,
    /// Names in the commands of messages.
    pub installation: Installation,
}

impl Controller for BackupSchedules {
    type Kind = backup_schedule::Kind;
    type Context = ();

    async fn observe(
        &self,
        object: &BackupSchedule,
        memory: Memory,
        _failures: u32,
        now: Timestamp,
    ) -> (State, Self::Context) {
        (observe::observe(self, object, memory, now), ())
    }

    async fn act(&self, object: &BackupSchedule, _: &State, (): &(), step: &Step) -> Result<StepResult, StepError> {
        act::act(self, object, step).await
    }
}
