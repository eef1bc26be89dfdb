//! `MigrationSet`: the migrations of one database.

mod act;
mod error;
mod observe;
mod read_only;
mod schema;
mod session;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use ace_api::{MigrationReason, MigrationSet, MigrationSetStatus};
use ace_database::Session;
use ace_domain::{
    kinds::migration_set::{self, Memory, Step, StepError, StepResult},
    reconcile::decision::Decision,
    reconcile::event::Event,
    reconcile::timing::Timing,
};
use ace_supabase::AllowedHosts;
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use tokio::task::JoinHandle;

pub use observe::{Inputs, known};
pub use read_only::ReadOnlySession;

use super::edge_function::EdgeFunctions;
use crate::{
    connections::applied_migrations::AppliedVersions,
    connections::grants::Installation,
    driver::{Key, Kind, Waker},
    index::Directory,
    metrics::Metrics,
    sources::Sources,
};

/// The controller's kind.
pub struct MigrationSets {
    /// To the API server: for Secrets.
    pub client: kube::Client,
    /// The caches.
    pub directory: Directory,
    /// Where files come from.
    pub sources: Arc<Sources>,
    /// Where databases may be.
    pub hosts: AllowedHosts,
    /// What functions want to know.
    pub applied: Arc<AppliedVersions>,
    /// Counts.
    pub metrics: Metrics,
    /// Constants of time.
    pub timing: Timing,
    /// Wakes sets; this kind's own waker.
    pub sets: Waker<MigrationSets>,
    /// Wakes functions.
    pub functions: Waker<EdgeFunctions>,
    /// Names in the commands that messages offer.
    pub installation: Installation,
    /// When the operator began to watch.
    pub watching_since: Timestamp,
    /// Sessions that are being closed: whoever comes next would find the lock of a session of its own.
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
            // It can't fail in a way that matters: the session is gone either way.
            let _ = closing.await;
        }
    }
}

/// What a pass over a set works on.
pub struct State {
    /// What is known.
    pub known: migration_set::State,
    /// The session that holds the database's lock.
    session: tokio::sync::Mutex<Option<Session>>,
}

impl Kind for MigrationSets {
    const NAME: &'static str = "MigrationSet";
    /// Each file is a step, and thousands of files are no fault.
    const MOST_STEPS: usize = 100_000;

    type Object = MigrationSet;
    type Status = MigrationSetStatus;
    type State = State;
    type Step = Step;
    type StepResult = StepResult;
    type StepError = StepError;
    type Reason = MigrationReason;
    type Memory = Memory;

    async fn observe(&self, object: &MigrationSet, memory: Memory, _: u32, now: Timestamp) -> State {
        State {
            known: observe::observe(self, object, memory, now).await,
            session: tokio::sync::Mutex::default(),
        }
    }

    async fn act(&self, object: &MigrationSet, state: &State, step: &Step) -> Result<StepResult, StepError> {
        act::act(self, object, state, step).await
    }

    fn conclude(&self, object: &MigrationSet, state: State, _: &Decision<Step, MigrationReason>) -> Memory {
        let key = Key::of(object);
        if let Some(session) = state.session.into_inner() {
            self.closing_sessions.begin(&key, session);
        }
        if let Some(observation) = state.known.observation()
            && self.applied.set(&key, observation.ledger.keys())
        {
            for function in self.directory.requiring(&key) {
                self.functions.wake(function, "Migration");
            }
        }
        state.known.memory
    }

    fn forget(&self, key: &Key) {
        self.sets.forget(key);
        self.applied.forget(key);
        self.metrics.forget_object(Self::NAME, &key.namespace, &key.name);
    }

    fn decide(object: &MigrationSet, state: &State, now: Timestamp) -> Decision<Step, MigrationReason> {
        migration_set::decide(object, &state.known, now)
    }

    fn update(
        object: &MigrationSet,
        state: &mut State,
        step: &Step,
        outcome: Result<StepResult, StepError>,
        now: Timestamp,
    ) {
        migration_set::update(object, &mut state.known, step, outcome, now);
    }

    fn status(
        object: &MigrationSet,
        state: &State,
        decision: &Decision<Step, MigrationReason>,
        now: Timestamp,
    ) -> MigrationSetStatus {
        migration_set::status(object, &state.known, decision, now)
    }

    fn follow(state: &mut State, shown: &MigrationSetStatus) {
        state.known.memo.conditions.clone_from(&shown.conditions);
    }

    fn events(before: &MigrationSetStatus, after: &MigrationSetStatus) -> Vec<Event> {
        migration_set::events(before, after)
    }

    fn conditions(status: &MigrationSetStatus) -> (&[Condition], Option<i32>) {
        let standing = status.drift.as_ref().filter(|drift| drift.corrected_time.is_none());
        (&status.conditions, standing.map(|drift| drift.count))
    }

    fn step_name(step: &Step) -> &'static str {
        step.name()
    }

    fn records_first(step: &Step) -> bool {
        step.records_first()
    }

    fn is_unknown(_: &StepError) -> bool {
        // Whether a transaction was committed is in the ledger, and the next pass reads it before anything else.
        false
    }

    fn wants_finalizer(_: &MigrationSet) -> bool {
        false
    }

    fn is_suspended(object: &MigrationSet) -> bool {
        object.spec.suspend
    }
}
