//! `MigrationSet`: the migrations of one database.

mod act;
mod look;
mod observe;
mod schema;
mod session;
mod words;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use ace_api::{MigrationReason, MigrationSet, MigrationSetStatus};
use ace_database::Session;
use ace_domain::{
    decision::Decision,
    migration::{self, Fact, Recall, Step, Trouble},
    notice::Notice,
    pace::Pace,
};
use ace_supabase::AllowedHosts;
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use tokio::task::JoinHandle;

pub use look::Looker;
pub use observe::{Sights, known};

use super::edge_function::EdgeFunctions;
use crate::{
    applied::AppliedVersions,
    directory::Directory,
    driver::{Key, Kind, Waker},
    metrics::Metrics,
    sources::{Identity, Sources},
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
    pub pace: Pace,
    /// Wakes sets; this kind's own waker.
    pub sets: Waker<MigrationSets>,
    /// Wakes functions.
    pub functions: Waker<EdgeFunctions>,
    /// Names in the commands that messages offer.
    pub identity: Identity,
    /// When the operator began to watch.
    pub watching_since: Timestamp,
    /// Sessions that are being closed: whoever comes next would find the lock of a session of its own.
    pub farewells: Farewells,
}

/// Sessions that are being closed, by the object that opened them.
#[derive(Default)]
pub struct Farewells(Mutex<HashMap<Key, JoinHandle<()>>>);

impl Farewells {
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
pub struct World {
    /// What is known.
    pub known: migration::World,
    /// The session that holds the database's lock.
    session: tokio::sync::Mutex<Option<Session>>,
}

impl Kind for MigrationSets {
    const NAME: &'static str = "MigrationSet";
    /// Each file is a step, and thousands of files are no fault.
    const MOST_STEPS: usize = 100_000;

    type Object = MigrationSet;
    type Status = MigrationSetStatus;
    type World = World;
    type Step = Step;
    type Fact = Fact;
    type Trouble = Trouble;
    type Reason = MigrationReason;
    type Recall = Recall;

    async fn observe(&self, object: &MigrationSet, recall: Recall, _: u32, now: Timestamp) -> World {
        World {
            known: observe::observe(self, object, recall, now).await,
            session: tokio::sync::Mutex::default(),
        }
    }

    async fn act(&self, object: &MigrationSet, world: &World, step: &Step) -> Result<Fact, Trouble> {
        act::act(self, object, world, step).await
    }

    fn conclude(&self, object: &MigrationSet, world: World, _: &Decision<Step, MigrationReason>) -> Recall {
        let key = Key::of(object);
        if let Some(session) = world.session.into_inner() {
            self.farewells.begin(&key, session);
        }
        if let Some(view) = world.known.view()
            && self.applied.set(&key, view.ledger.keys())
        {
            for function in self.directory.requiring(&key) {
                self.functions.wake(function, "Migration");
            }
        }
        world.known.recall
    }

    fn forget(&self, key: &Key) {
        self.sets.forget(key);
        self.applied.forget(key);
        self.metrics.forget_object(Self::NAME, &key.namespace, &key.name);
    }

    fn decide(object: &MigrationSet, world: &World, now: Timestamp) -> Decision<Step, MigrationReason> {
        migration::decide(object, &world.known, now)
    }

    fn learn(object: &MigrationSet, world: &mut World, step: &Step, outcome: Result<Fact, Trouble>, now: Timestamp) {
        migration::learn(object, &mut world.known, step, outcome, now);
    }

    fn status(
        object: &MigrationSet,
        world: &World,
        decision: &Decision<Step, MigrationReason>,
        now: Timestamp,
    ) -> MigrationSetStatus {
        migration::status(object, &world.known, decision, now)
    }

    fn follow(world: &mut World, shown: &MigrationSetStatus) {
        world.known.memo.conditions.clone_from(&shown.conditions);
    }

    fn notices(before: &MigrationSetStatus, after: &MigrationSetStatus) -> Vec<Notice> {
        migration::notices(before, after)
    }

    fn conditions(status: &MigrationSetStatus) -> (&[Condition], Option<i32>) {
        let standing = status.drift.as_ref().filter(|drift| drift.corrected_time.is_none());
        (&status.conditions, standing.map(|drift| drift.count))
    }

    fn step_name(step: &Step) -> &'static str {
        step.name()
    }

    fn needs_record(step: &Step) -> bool {
        step.needs_record()
    }

    fn is_unknown(_: &Trouble) -> bool {
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
