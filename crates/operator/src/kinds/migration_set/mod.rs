//! `MigrationSet`: the migrations of one database.

mod act;
mod backup;
mod error;
mod observe;
mod session;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use ace_api::{Backup, BackupSchedule, MigrationSet};
use ace_database::Session;
use ace_domain::{
    kinds::migration_set::{self, Memory, State, Step, StepError, StepResult},
    reconcile::{key::Key, timing::Timing},
};
use ace_runtime::reconcile::Controller;
use jiff::Timestamp;
use kube::{core::DeserializeGuard, runtime::reflector::Store};
use tokio::task::JoinHandle;

use crate::{
    caches::Caches,
    connections::{grants::Installation, hosts::CredentialHosts},
    sources::Sources,
};

pub struct MigrationSets {
    /// Client of the API server, to read Secrets.
    pub client: kube::Client,
    /// Objects that sets depend on.
    pub caches: Caches,
    /// What a plan may have to wait for.
    pub backups: Store<DeserializeGuard<Backup>>,
    pub schedules: Store<DeserializeGuard<BackupSchedule>>,
    pub sources: Arc<Sources>,
    /// Which databases get a password.
    pub hosts: CredentialHosts,
    /// Databases may be reached without encryption, and be given the password in a form that others could use.
    pub allow_insecure_database: bool,
    pub timing: Timing,
    /// Names in the commands of messages.
    pub installation: Installation,
    /// When the operator started watching.
    pub watching_since: Timestamp,
    /// Sessions that are being closed: the next reconcile would find the lock held by the session of the last one.
    pub closing_sessions: ClosingSessions,
}

/// Sessions that are being closed, by the object that opened them.
#[derive(Default)]
pub struct ClosingSessions(Mutex<HashMap<Key, JoinHandle<()>>>);

impl ClosingSessions {
    fn begin(&self, key: &Key, session: Session) {
        let closing = tokio::spawn(session.close());
        let mut closings = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        closings.retain(|_, closing| !closing.is_finished());
        closings.insert(key.clone(), closing);
    }

    async fn wait(&self, key: &Key) {
        let closing = self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(key);
        if let Some(closing) = closing {
            // Its result does not matter: the session is closed either way.
            let _ = closing.await;
        }
    }
}

impl Controller for MigrationSets {
    type Kind = migration_set::Kind;
    /// The session that holds the database's lock.
    type Context = tokio::sync::Mutex<Option<Session>>;

    async fn observe(&self, object: &MigrationSet, memory: Memory, _: u32, now: Timestamp) -> (State, Self::Context) {
        (
            observe::observe(self, object, memory, now).await,
            Self::Context::default(),
        )
    }

    async fn act(
        &self,
        object: &MigrationSet,
        state: &State,
        session: &Self::Context,
        step: &Step,
    ) -> Result<StepResult, StepError> {
        act::act(self, object, state, session, step).await
    }

    fn release(&self, object: &MigrationSet, session: Self::Context) {
        if let Some(session) = session.into_inner() {
            self.closing_sessions.begin(&Key::of(object), session);
        }
    }
}
