//! `BackupDestination`: one prefix of one object store.

mod act;
mod import;
mod list;
mod observe;

use std::time::Duration;

use ace_api::{Backup, BackupDestination};
use ace_archive::Store;
use ace_domain::{
    kinds::backup_destination::{self, Memory, State, Step, StepError, StepResult},
    reconcile::timing::Timing,
};
use ace_runtime::{index::Dependents, reconcile::Controller};
use jiff::Timestamp;
use kube::{core::DeserializeGuard, runtime::reflector};

use crate::connections::stores::StoreConnector;

/// Deadline for a connection to a store.
pub const CONNECT: Duration = Duration::from_secs(5);

pub struct BackupDestinations {
    /// Client of the API server: Backups are created for what is stored and has none.
    pub client: kube::Client,
    pub stores: StoreConnector,
    /// All destinations: two must not share a prefix.
    pub cache: reflector::Store<DeserializeGuard<BackupDestination>>,
    pub backups: reflector::Store<DeserializeGuard<Backup>>,
    pub dependents: Dependents,
    pub timing: Timing,
}

impl Controller for BackupDestinations {
    type Kind = backup_destination::Kind;
    /// Nothing where no request may be made, or none is due.
    type Context = Option<Store>;

    async fn observe(
        &self,
        object: &BackupDestination,
        memory: Memory,
        _failures: u32,
        now: Timestamp,
    ) -> (State, Option<Store>) {
        observe::observe(self, object, memory, now).await
    }

    async fn act(
        &self,
        object: &BackupDestination,
        _: &State,
        store: &Option<Store>,
        step: &Step,
    ) -> Result<StepResult, StepError> {
        act::act(self, object, store.as_ref(), step).await
    }
}
