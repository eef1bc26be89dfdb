//! `Platform`: the only kind that polls. Its looks wake just the functions whose entry changed.

mod act;
mod database;
mod observe;

use std::sync::Arc;

use ace_api::{EdgeFunction, Platform, PlatformReason, PlatformStatus};
use ace_domain::{
    decision::Decision,
    notice::Notice,
    pace::Pace,
    platform::{self, DatabaseLook, Phase, Step, Trouble, View},
};
use ace_supabase::{AllowedHosts, Http};
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;

use super::{edge_function::EdgeFunctions, migration_set::MigrationSets};
use crate::{
    directory::{Directory, platform_of_set},
    driver::{Key, Kind, Waker},
    metrics::Metrics,
    sites::{Site, Sites},
    sources::{Identity, Sources},
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
    pub sites: Arc<Sites>,
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
    pub pace: Pace,
    /// Names in the commands that messages offer.
    pub identity: Identity,
}

/// What a pass wants to remember of a Platform.
#[derive(Clone, Debug, Default)]
pub struct Recall {
    /// Generation and suspension that the functions were told of.
    told: Option<i64>,
    /// Whether the anonymous key was there when they were told.
    anon: bool,
    /// The last look at the database.
    database: Option<DatabaseLook>,
}

impl Kind for Platforms {
    const NAME: &'static str = "Platform";

    type Object = Platform;
    type Status = PlatformStatus;
    type World = observe::Observed;
    type Step = Step;
    type Fact = View;
    type Trouble = Trouble;
    type Reason = PlatformReason;
    type Recall = Recall;

    async fn observe(&self, object: &Platform, recall: Recall, _failures: u32, now: Timestamp) -> observe::Observed {
        observe::observe(self, object, recall, now).await
    }

    async fn act(&self, object: &Platform, world: &observe::Observed, step: &Step) -> Result<View, Trouble> {
        act::act(self, object, world, *step).await
    }

    fn conclude(
        &self,
        object: &Platform,
        observed: observe::Observed,
        decision: &Decision<Step, PlatformReason>,
    ) -> Recall {
        let key = Key::of(object);
        let generation = object.metadata.generation;
        let anon = observed.site.open().is_some_and(|open| open.anon.is_some());
        match decision {
            Decision::Wait(why, _) | Decision::Refuse(why, _) if !platform::api_answers(&observed.world) => {
                observed.site.set_message(why.message.clone());
            }
            _ => observed.site.set_message("the platform answers".to_owned()),
        }
        let told = &observed.recall;
        if told.told == generation && told.anon == anon {
            self.tell_phase(object, &observed.site);
        } else {
            let phases = self.turn(object, &observed.site);
            // Before a look at the database, this pass may have told them already.
            if told.told.is_some() || phases != (Phase::InSight, Phase::InSight) {
                self.wake(&key, "Platform", |_| true);
            }
        }
        if told.told != generation {
            self.wake_sets(&key);
        }
        Recall {
            told: generation,
            anon,
            database: observed.world.view.database().cloned(),
        }
    }

    fn forget(&self, key: &Key) {
        self.platforms.forget(key);
        self.sites.forget(key);
        self.metrics.forget_object(Self::NAME, &key.namespace, &key.name);
        self.metrics.forget_platform(&key.to_string());
        self.wake(key, "Platform", |_| true);
        self.wake_sets(key);
    }

    fn decide(object: &Platform, observed: &observe::Observed, now: Timestamp) -> Decision<Step, PlatformReason> {
        platform::decide(object, &observed.world, now)
    }

    fn learn(_: &Platform, observed: &mut observe::Observed, _: &Step, outcome: Result<View, Trouble>, _: Timestamp) {
        platform::learn(&mut observed.world, outcome);
    }

    fn status(
        object: &Platform,
        observed: &observe::Observed,
        decision: &Decision<Step, PlatformReason>,
        now: Timestamp,
    ) -> PlatformStatus {
        platform::status(object, &observed.world, decision, now)
    }

    fn follow(observed: &mut observe::Observed, shown: &PlatformStatus) {
        observed.world.memo.conditions.clone_from(&shown.conditions);
    }

    fn notices(before: &PlatformStatus, after: &PlatformStatus) -> Vec<Notice> {
        platform::notices(before, after)
    }

    fn conditions(status: &PlatformStatus) -> (&[Condition], Option<i32>) {
        (&status.conditions, None)
    }

    fn step_name(step: &Step) -> &'static str {
        step.name()
    }

    fn needs_record(_: &Step) -> bool {
        false
    }

    fn is_unknown(_: &Trouble) -> bool {
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
    fn tell_phase(&self, object: &Platform, site: &Site) {
        let news = match self.turn(object, site) {
            (before, after) if before == after => return,
            (_, Phase::InSight) => "PlatformSeen",
            (_, Phase::Lost) => "PlatformLost",
            _ => return,
        };
        self.wake(&Key::of(object), news, |_| true);
    }

    fn turn(&self, object: &Platform, site: &Site) -> (Phase, Phase) {
        let unseen_after = self.pace.unseen_after(object.spec.interval.get());
        site.turn(unseen_after, Timestamp::now())
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
