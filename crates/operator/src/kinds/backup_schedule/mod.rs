//! `BackupSchedule`: how one database is kept recoverable.

mod act;
mod observe;

use std::sync::Arc;

use ace_api::{Backup, BackupDestination, BackupSchedule, MigrationSet, Restore};
use ace_domain::{
    kinds::backup_schedule::{self, Measured, Memory, State, Step, StepError, StepResult},
    reconcile::{key::Key, timing::Timing},
};
use ace_runtime::{clock, index::ObjectId, reconcile::Controller};
use jiff::Timestamp;
use kube::{Client, core::DeserializeGuard, runtime::reflector::Store};

use crate::{
    caches::Caches,
    connections::{PlatformConnections, grants::Installation},
};

/// The controller's kind.
pub struct BackupSchedules {
    /// Client of the API server, to create and delete Backups.
    pub client: Client,
    /// Platforms, and who depends on what.
    pub caches: Caches,
    pub destinations: Store<DeserializeGuard<BackupDestination>>,
    pub backups: Store<DeserializeGuard<Backup>>,
    /// What the platforms say that they keep themselves.
    pub connections: Arc<PlatformConnections>,
    /// Drills; and a backup that one of them waits for does not expire.
    pub restores: Store<DeserializeGuard<Restore>>,
    /// Neither does one that a plan of these waits for.
    pub sets: Store<DeserializeGuard<MigrationSet>>,
    pub timing: Timing,
    /// Names in the commands of messages.
    pub installation: Installation,
}

impl BackupSchedules {
    /// The numbers of every schedule that is this process's `own`.
    pub fn measured(
        &self,
        schedules: &Store<DeserializeGuard<BackupSchedule>>,
        own: impl Fn(&ObjectId) -> bool,
    ) -> Vec<(Key, Measured)> {
        let all = schedules.state();
        let readable = all.iter().filter_map(|schedule| schedule.0.as_ref().ok());
        let readable = readable.filter(|schedule| own(&ObjectId::of::<backup_schedule::Kind>(Key::of(*schedule))));
        let measured = readable.map(|schedule| {
            let state = observe::observe(self, schedule, Memory::default(), clock::now());
            (Key::of(schedule), backup_schedule::measured(schedule, &state))
        });
        measured.collect()
    }
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
