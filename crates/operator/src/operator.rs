//! The whole operator: caches, kinds, and what runs beside them.

use std::{sync::Arc, time::Duration};

use ace_api::{EdgeFunction, MigrationSet, Platform};
use ace_domain::reconcile::timing::Timing;
use ace_egress::{AllowedHosts, HttpError};
use ace_runtime::{
    controllers::Controllers,
    events::{Events, Publisher},
    health::Health,
    index::{Change, ChangeTracker},
    reconcile::{Controller as _, Key, Tools, Waker},
    shutdown::Shutdown,
};
use ace_supabase::{Deadlines, Http, Limits};
use futures::{FutureExt, StreamExt};
use jiff::Timestamp;
use kube::{
    Client,
    core::DeserializeGuard,
    runtime::{reflector, watcher},
};

use crate::{
    connections::PlatformConnections,
    connections::applied_migrations::AppliedVersions,
    connections::grants::Installation,
    function_facts::FunctionFacts,
    index::{Directory, source_of_set},
    kinds::{
        edge_function::EdgeFunctions,
        migration_set::{ClosingSessions, MigrationSets},
        platform::Platforms,
    },
    metrics::Metrics,
    sources::{Settings as SourceSettings, Sources, SourcesError},
};

/// What the flags decide.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Hosts of platforms and of their databases.
    pub hosts: AllowedHosts,
    /// Hosts of source artifacts.
    pub source_hosts: AllowedHosts,
    /// Constants of time.
    pub timing: Timing,
    /// Divides waits of the sources, too; 1 in life.
    pub scale: u32,
    /// Names under which the operator is installed.
    pub installation: Installation,
    /// Name of this process, for events.
    pub instance: String,
}

/// The operator could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// The client of platforms.
    #[error("the HTTP client for platforms cannot be set up")]
    Http(#[from] HttpError),
    /// The client of sources.
    #[error(transparent)]
    Sources(#[from] SourcesError),
}

/// The operator, ready to run.
pub struct Operator {
    controllers: Controllers,
    publisher: Publisher,
    sources: Arc<Sources>,
    directory: Directory,
    functions: Waker<EdgeFunctions>,
    sets: Waker<MigrationSets>,
}

impl Operator {
    /// Puts the parts together; nothing runs yet.
    pub fn new(client: &Client, settings: Settings, metrics: &Metrics) -> Result<Self, SetupError> {
        let http = Http::new(settings.hosts.clone(), Deadlines::default(), Limits::default())?;
        let source_settings = SourceSettings {
            installation: settings.installation.clone(),
            ..SourceSettings::new(settings.source_hosts)
        };
        let sources = Sources::new(client.clone(), source_settings.scaled(settings.scale), metrics.clone())?;
        let (events, publisher) = Events::new(client.clone(), &settings.instance, metrics.runtime.clone());
        let tools = Tools {
            client: client.clone(),
            metrics: metrics.runtime.clone(),
            events,
            timing: settings.timing,
        };
        let (platform_cache, function_cache, set_cache) = (reflector::store(), reflector::store(), reflector::store());
        let directory = Directory::new(platform_cache.0.clone(), function_cache.0.clone(), set_cache.0.clone());
        let connections = Arc::new(PlatformConnections::default());
        let (waker, function_wakes) = Waker::<EdgeFunctions>::new(metrics.runtime.clone());
        let (wakes_sets, set_wakes) = Waker::<MigrationSets>::new(metrics.runtime.clone());
        let applied = Arc::new(AppliedVersions::default());
        let (wakes_platforms, platform_wakes) = Waker::<Platforms>::new(metrics.runtime.clone());
        let functions = Arc::new(EdgeFunctions {
            client: client.clone(),
            directory: directory.clone(),
            connections: connections.clone(),
            sources: sources.clone(),
            applied: applied.clone(),
            metrics: metrics.clone(),
            timing: settings.timing,
            platforms: wakes_platforms.clone(),
            functions: waker.clone(),
            installation: settings.installation.clone(),
        });
        let sets = Arc::new(MigrationSets {
            client: client.clone(),
            directory: directory.clone(),
            sources: sources.clone(),
            hosts: settings.hosts.clone(),
            applied,
            metrics: metrics.clone(),
            timing: settings.timing,
            sets: wakes_sets.clone(),
            functions: waker.clone(),
            installation: settings.installation.clone(),
            watching_since: Timestamp::now(),
            closing_sessions: ClosingSessions::default(),
        });
        let platforms = Arc::new(Platforms {
            client: client.clone(),
            http,
            hosts: settings.hosts,
            directory: directory.clone(),
            connections,
            sources: sources.clone(),
            platforms: wakes_platforms,
            functions: waker.clone(),
            sets: wakes_sets.clone(),
            metrics: metrics.clone(),
            timing: settings.timing,
            installation: settings.installation,
        });
        let mut controllers = Controllers::new(tools);
        let follow = follow_platforms(platforms.clone());
        controllers.add(platforms, platform_wakes, platform_cache, follow);
        let follow = follow_functions(functions.clone(), sources.clone(), directory.clone());
        controllers.add(functions, function_wakes, function_cache, follow);
        let follow = follow_sets(sets.clone(), sources.clone(), directory.clone());
        controllers.add(sets, set_wakes, set_cache, follow);
        Ok(Self {
            controllers,
            publisher,
            sources,
            directory,
            functions: waker,
            sets: wakes_sets,
        })
    }

    /// Runs until `shutdown`; reconciles in progress are completed first.
    pub async fn run(self, health: Health, shutdown: Shutdown) {
        let stop = shutdown.stop();
        let changes = follow_sources(self.sources.clone(), self.directory, self.functions, self.sets);
        let changes = stop.clone().run_until_cancelled_owned(changes).map(|_| ());
        let beside = vec![
            self.sources.run(stop.clone()).boxed(),
            self.publisher.run(stop).boxed(),
            changes.boxed(),
        ];
        self.controllers.run(beside, health, shutdown).await;
    }
}

fn follow_platforms(platforms: Arc<Platforms>) -> impl FnMut(&watcher::Event<DeserializeGuard<Platform>>) + Send {
    let mut tracker = ChangeTracker::<()>::default();
    move |event| {
        for change in tracker.take(event, |_: &Platform| ()) {
            if let Change::Gone { key, .. } = change {
                platforms.forget(&key);
            }
        }
    }
}

fn follow_functions(
    functions: Arc<EdgeFunctions>,
    sources: Arc<Sources>,
    directory: Directory,
) -> impl FnMut(&watcher::Event<DeserializeGuard<EdgeFunction>>) + Send {
    let mut tracker = ChangeTracker::<FunctionFacts>::default();
    move |event| {
        for change in tracker.take(event, FunctionFacts::of) {
            match &change {
                Change::Changed { key, before, after } => {
                    directory.moved(key, before.as_ref().map(FunctionFacts::place), Some(after.place()));
                }
                Change::Gone { key, before } => directory.moved(key, Some(before.place()), None),
            }
            match change {
                Change::Changed { before: None, .. } => {}
                Change::Changed {
                    key,
                    before: Some(before),
                    after,
                } => {
                    if after.claim_differs(&before) {
                        wake_rivals(&functions, &directory, &key, &before);
                    }
                    if after.wave_differs(&before) {
                        wake_higher_waves(&functions, &directory, &before);
                    }
                }
                Change::Gone { key, before } => {
                    functions.forget(&key);
                    wake_rivals(&functions, &directory, &key, &before);
                    wake_higher_waves(&functions, &directory, &before);
                    sources.retain(&directory.sources());
                }
            }
        }
    }
}

fn wake_rivals(functions: &EdgeFunctions, directory: &Directory, key: &Key, before: &FunctionFacts) {
    for rival in directory.of_slug(&before.slug) {
        if rival != *key {
            functions.functions.wake(rival, "Claim");
        }
    }
}

fn wake_higher_waves(functions: &EdgeFunctions, directory: &Directory, before: &FunctionFacts) {
    let Some(wave) = before.wave else { return };
    for key in directory.above(&before.platform, &before.source, wave) {
        functions.functions.wake(key, "Wave");
    }
}

fn follow_sets(
    sets: Arc<MigrationSets>,
    sources: Arc<Sources>,
    directory: Directory,
) -> impl FnMut(&watcher::Event<DeserializeGuard<MigrationSet>>) + Send {
    let mut tracker = ChangeTracker::<()>::default();
    move |event| {
        for change in tracker.take(event, |_: &MigrationSet| ()) {
            if let Change::Gone { key, .. } = change {
                sets.forget(&key);
                sources.retain(&directory.sources());
            }
        }
    }
}

async fn follow_sources(
    sources: Arc<Sources>,
    directory: Directory,
    functions: Waker<EdgeFunctions>,
    sets: Waker<MigrationSets>,
) {
    let mut changes = std::pin::pin!(sources.changes());
    while let Some(key) = changes.next().await {
        for function in directory.on_source(&key) {
            functions.wake(function, "Source");
        }
        for set in directory.sets(|set| source_of_set(set) == key) {
            sets.wake(set, "Source");
        }
    }
}

/// Time that passes in flight get at the end.
pub const GRACE: Duration = Duration::from_secs(20);
