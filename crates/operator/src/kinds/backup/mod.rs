//! `Backup`: one backup of a Platform's database.

mod act;
mod copy;
mod error;
mod fields;
pub(crate) mod given;
mod look;
mod make;
mod observe;
pub(crate) mod scratch;
pub(crate) mod verify;

use ace_api::{Backup, BackupDestination, BackupProgress, BackupSchedule, Platform, Restore};
use ace_database::Clients;
use ace_domain::{
    kinds::backup::{self, Job, Memory, Outcome, State, Step, StepError, StepResult},
    reconcile::{key::Key, timing::Timing},
};
use ace_runtime::{index::Dependents, reconcile::Controller, tasks::Tasks};
use jiff::Timestamp;
use kube::{core::DeserializeGuard, runtime::reflector::Store};

use crate::connections::{grants::Installation, hosts::CredentialHosts, stores::StoreConnector};
use given::Given;
pub(crate) use observe::fresh_id;

/// What a task is for: the run that the status names, and what is done of it.
pub type BackupJob = (String, Job);

/// The tasks of Backups.
pub type BackupTasks = Tasks<BackupJob, BackupProgress, Outcome>;

/// The controller's kind. Cheap to clone: each task has one.
#[derive(Clone)]
pub struct Backups {
    /// Client of the API server: an object is read afresh before its backup is finished.
    pub client: kube::Client,
    pub stores: StoreConnector,
    /// Which databases get a password.
    pub hosts: CredentialHosts,
    /// Databases may be reached without encryption, and be given the password in a form that others could use.
    pub allow_insecure_database: bool,
    /// `pg_dump` and `pg_restore`, by major version.
    pub clients: Clients,
    pub tasks: BackupTasks,
    pub caches: BackupCaches,
    pub timing: Timing,
    /// Names in the commands of messages.
    pub installation: Installation,
    /// Name of this process.
    pub worker: String,
}

/// The objects that Backups depend on.
#[derive(Clone)]
pub struct BackupCaches {
    pub backups: Store<DeserializeGuard<Backup>>,
    pub schedules: Store<DeserializeGuard<BackupSchedule>>,
    pub platforms: Store<DeserializeGuard<Platform>>,
    pub destinations: Store<DeserializeGuard<BackupDestination>>,
    /// What they proved of a Backup is noted in its status.
    pub restores: Store<DeserializeGuard<Restore>>,
    /// Who depends on what.
    pub dependents: Dependents,
}

impl Controller for Backups {
    type Kind = backup::Kind;
    /// What is given to a task.
    type Context = Given;

    async fn observe(&self, object: &Backup, memory: Memory, _: u32, now: Timestamp) -> (State, Given) {
        observe::observe(self, object, memory, now)
    }

    async fn act(&self, object: &Backup, state: &State, given: &Given, step: &Step) -> Result<StepResult, StepError> {
        act::act(self, object, state, given, step).await
    }

    fn forget(&self, key: &Key) {
        self.tasks.forget(key);
    }
}
