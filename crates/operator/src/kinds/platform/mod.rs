//! `Platform`: the only kind that polls. Its lists enqueue only the functions whose entry changed.

mod act;
mod database;
mod observe;

use std::sync::Arc;

use ace_api::{EdgeFunction, Platform, PlatformReason};
use ace_domain::{
    kinds::platform::{self, Memory, Observation, Phase, State, Step, StepError},
    reconcile::decision::Decision,
    reconcile::kind::Kind as _,
    reconcile::timing::Timing,
};
use ace_egress::AllowedHosts;
use ace_supabase::Http;
use jiff::Timestamp;

use super::{edge_function::EdgeFunctions, migration_set::MigrationSets};
use crate::{
    connections::grants::Installation,
    connections::{PlatformConnection, PlatformConnections},
    index::{Directory, platform_of_set},
    metrics::Metrics,
    sources::Sources,
};
use ace_runtime::reconcile::{Controller, Key, Waker};

/// The controller's kind.
pub struct Platforms {
    /// Client of the API server, to read Secrets.
    pub client: kube::Client,
    /// HTTP client of the platforms.
    pub http: Http,
    /// Allowed hosts of platforms and databases.
    pub hosts: AllowedHosts,
    /// Caches of all kinds.
    pub directory: Directory,
    /// The shared connections.
    pub connections: Arc<PlatformConnections>,
    /// Sources, of which those without a watch are polled.
    pub sources: Arc<Sources>,
    /// Enqueues Platforms.
    pub platforms: Waker<Platforms>,
    /// Enqueues functions.
    pub functions: Waker<EdgeFunctions>,
    /// Enqueues MigrationSets.
    pub sets: Waker<MigrationSets>,
    /// Metrics, to count enqueued objects and requests.
    pub metrics: Metrics,
    /// Intervals and deadlines.
    pub timing: Timing,
    /// Names in the commands of messages.
    pub installation: Installation,
}

impl Controller for Platforms {
    type Kind = platform::Kind;
    type Context = Arc<PlatformConnection>;

    async fn observe(
        &self,
        object: &Platform,
        memory: Memory,
        _failures: u32,
        now: Timestamp,
    ) -> (State, Arc<PlatformConnection>) {
        observe::observe(self, object, memory, now).await
    }

    async fn act(
        &self,
        object: &Platform,
        state: &State,
        connection: &Arc<PlatformConnection>,
        step: &Step,
    ) -> Result<Observation, StepError> {
        act::act(self, object, state, connection, *step).await
    }

    fn conclude(
        &self,
        object: &Platform,
        state: &mut State,
        connection: Arc<PlatformConnection>,
        decision: &Decision<Step, PlatformReason>,
    ) {
        let key = Key::of(object);
        let generation = object.metadata.generation;
        let anon = connection.clients().is_some_and(|open| open.anon.is_some());
        match decision {
            Decision::Wait(cause, _) | Decision::Refuse(cause, _) if !platform::api_answers(state) => {
                connection.set_message(cause.message.clone());
            }
            _ => connection.set_message("the platform answers".to_owned()),
        }
        let is_token_gone = platform::is_token_gone(state);
        if !connection.set_token_gone(is_token_gone) && is_token_gone {
            // Nothing can be deleted any more.
            self.wake(&key, "Platform", |function| {
                function.metadata.deletion_timestamp.is_some()
            });
        }
        let before = &state.memory;
        if before.reported == generation && before.anon == anon {
            self.report_phase(object, &connection);
        } else {
            let phases = self.turn(object, &connection);
            // Before a check of the database, this pass may have enqueued them already.
            if before.reported.is_some() || phases != (Phase::Reachable, Phase::Reachable) {
                self.wake(&key, "Platform", |_| true);
            }
        }
        if before.reported != generation {
            self.wake_sets(&key);
        }
        state.memory.reported = generation;
        state.memory.anon = anon;
    }

    fn forget(&self, key: &Key) {
        self.platforms.forget(key);
        self.connections.forget(key);
        self.metrics
            .runtime
            .forget_object(platform::Kind::NAME, &key.namespace, &key.name);
        self.metrics.forget_platform(&key.to_string());
        self.wake(key, "Platform", |_| true);
        self.wake_sets(key);
    }
}

impl Platforms {
    /// Enqueues the functions if the platform became reachable, or was lost.
    fn report_phase(&self, object: &Platform, connection: &PlatformConnection) {
        let news = match self.turn(object, connection) {
            (before, after) if before == after => return,
            (_, Phase::Reachable) => "PlatformSeen",
            (_, Phase::Lost) => "PlatformLost",
            _ => return,
        };
        self.wake(&Key::of(object), news, |_| true);
    }

    fn turn(&self, object: &Platform, connection: &PlatformConnection) -> (Phase, Phase) {
        let lost_after = self.timing.lost_after(object.spec.interval.get());
        connection.turn(lost_after, Timestamp::now())
    }

    fn wake(&self, platform: &Key, source: &'static str, keep: impl Fn(&EdgeFunction) -> bool) {
        for key in self.directory.on_platform(platform, keep) {
            self.functions.wake(key, source);
        }
    }

    /// Migrations need only the Platform's spec: they connect to the database themselves.
    fn wake_sets(&self, platform: &Key) {
        for key in self.directory.sets(|set| platform_of_set(set) == *platform) {
            self.sets.wake(key, "Platform");
        }
    }
}
