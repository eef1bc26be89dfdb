//! `Platform`: the only kind that polls. Its looks wake just the functions whose entry changed.

mod act;
mod database;
mod observe;

use std::sync::Arc;

use ace_api::{EdgeFunction, Platform, PlatformReason, PlatformStatus};
use ace_domain::{
    kinds::platform::{self, DatabaseCheck, Observation, Phase, Step, StepError},
    reconcile::decision::Decision,
    reconcile::event::Event,
    reconcile::timing::Timing,
};
use ace_supabase::{AllowedHosts, Http};
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;

use super::{edge_function::EdgeFunctions, migration_set::MigrationSets};
use crate::{
    connections::grants::Installation,
    connections::{PlatformConnection, PlatformConnections},
    driver::{Key, Kind, Waker},
    index::{Directory, platform_of_set},
    metrics::Metrics,
    sources::Sources,
};

/// The controller's kind.
pub struct Platforms {
    /// To the API server: for Secrets.
    pub client: kube::Client,
    /// To the platforms.
    pub http: Http,
    /// Where platforms and their databases may be.
    pub hosts: AllowedHosts,
    /// The caches.
    pub directory: Directory,
    /// The shared observations.
    pub connections: Arc<PlatformConnections>,
    /// The sources that functions read.
    pub sources: Arc<Sources>,
    /// Wakes Platforms; this kind's own waker.
    pub platforms: Waker<Platforms>,
    /// Wakes functions.
    pub functions: Waker<EdgeFunctions>,
    /// Wakes sets of migrations.
    pub sets: Waker<MigrationSets>,
    /// Counts.
    pub metrics: Metrics,
    /// Constants of time.
    pub timing: Timing,
    /// Names in the commands that messages offer.
    pub installation: Installation,
}

/// What a pass wants to remember of a Platform.
#[derive(Clone, Debug, Default)]
pub struct Memory {
    /// Generation and suspension that the functions were told of.
    reported: Option<i64>,
    /// Whether the anonymous key was there when they were told.
    anon: bool,
    /// The last look at the database.
    database: Option<DatabaseCheck>,
}

impl Kind for Platforms {
    const NAME: &'static str = "Platform";

    type Object = Platform;
    type Status = PlatformStatus;
    type State = observe::Observed;
    type Step = Step;
    type StepResult = Observation;
    type StepError = StepError;
    type Reason = PlatformReason;
    type Memory = Memory;

    async fn observe(&self, object: &Platform, memory: Memory, _failures: u32, now: Timestamp) -> observe::Observed {
        observe::observe(self, object, memory, now).await
    }

    async fn act(&self, object: &Platform, state: &observe::Observed, step: &Step) -> Result<Observation, StepError> {
        act::act(self, object, state, *step).await
    }

    fn conclude(
        &self,
        object: &Platform,
        observed: observe::Observed,
        decision: &Decision<Step, PlatformReason>,
    ) -> Memory {
        let key = Key::of(object);
        let generation = object.metadata.generation;
        let anon = observed.connection.clients().is_some_and(|open| open.anon.is_some());
        match decision {
            Decision::Wait(cause, _) | Decision::Refuse(cause, _) if !platform::api_answers(&observed.state) => {
                observed.connection.set_message(cause.message.clone());
            }
            _ => observed.connection.set_message("the platform answers".to_owned()),
        }
        let reported = &observed.memory;
        if reported.reported == generation && reported.anon == anon {
            self.tell_phase(object, &observed.connection);
        } else {
            let phases = self.turn(object, &observed.connection);
            // Before a look at the database, this pass may have told them already.
            if reported.reported.is_some() || phases != (Phase::Reachable, Phase::Reachable) {
                self.wake(&key, "Platform", |_| true);
            }
        }
        if reported.reported != generation {
            self.wake_sets(&key);
        }
        Memory {
            reported: generation,
            anon,
            database: observed.state.observation.database().cloned(),
        }
    }

    fn forget(&self, key: &Key) {
        self.platforms.forget(key);
        self.connections.forget(key);
        self.metrics.forget_object(Self::NAME, &key.namespace, &key.name);
        self.metrics.forget_platform(&key.to_string());
        self.wake(key, "Platform", |_| true);
        self.wake_sets(key);
    }

    fn decide(object: &Platform, observed: &observe::Observed, now: Timestamp) -> Decision<Step, PlatformReason> {
        platform::decide(object, &observed.state, now)
    }

    fn update(
        _: &Platform,
        observed: &mut observe::Observed,
        _: &Step,
        outcome: Result<Observation, StepError>,
        _: Timestamp,
    ) {
        platform::update(&mut observed.state, outcome);
    }

    fn status(
        object: &Platform,
        observed: &observe::Observed,
        decision: &Decision<Step, PlatformReason>,
        now: Timestamp,
    ) -> PlatformStatus {
        platform::status(object, &observed.state, decision, now)
    }

    fn follow(observed: &mut observe::Observed, shown: &PlatformStatus) {
        observed.state.memo.conditions.clone_from(&shown.conditions);
    }

    fn events(before: &PlatformStatus, after: &PlatformStatus) -> Vec<Event> {
        platform::events(before, after)
    }

    fn conditions(status: &PlatformStatus) -> (&[Condition], Option<i32>) {
        (&status.conditions, None)
    }

    fn step_name(step: &Step) -> &'static str {
        step.name()
    }

    fn records_first(_: &Step) -> bool {
        false
    }

    fn is_unknown(_: &StepError) -> bool {
        false
    }

    fn wants_finalizer(_: &Platform) -> bool {
        false
    }

    fn is_suspended(object: &Platform) -> bool {
        object.spec.suspend
    }
}

impl Platforms {
    /// Wakes the functions if the platform came into sight, or was lost.
    fn tell_phase(&self, object: &Platform, connection: &PlatformConnection) {
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

    /// Migrations need the Platform's spec and nothing else of it: they ask the database themselves.
    fn wake_sets(&self, platform: &Key) {
        for key in self.directory.sets(|set| platform_of_set(set) == *platform) {
            self.sets.wake(key, "Platform");
        }
    }
}

pub use observe::Observed;
