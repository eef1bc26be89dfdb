//! The whole operator: caches, kinds, and what runs beside them.

use std::{sync::Arc, time::Duration};

use ace_api::{EdgeFunction, MigrationSet, Platform};
use ace_domain::reconcile::timing::Timing;
use ace_egress::{AllowedHosts, HttpError};
use ace_supabase::{Deadlines, Http, Limits};
use futures::{FutureExt, StreamExt};
use jiff::Timestamp;
use kube::{
    Client,
    core::DeserializeGuard,
    runtime::{reflector, watcher},
};
use tokio::task::JoinSet;

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
use ace_runtime::{
    events::Events,
    health::Health,
    index::{Change, ChangeTracker},
    informer::Cache,
    reconcile::{self, Controller as _, Key, Tools, Waker, Wakes},
    shutdown::Shutdown,
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
    tools: Tools,
    publisher: ace_runtime::events::Publisher,
    platforms: Arc<Platforms>,
    functions: Arc<EdgeFunctions>,
    sets: Arc<MigrationSets>,
    platform_wakes: Wakes<Platforms>,
    function_wakes: Wakes<EdgeFunctions>,
    set_wakes: Wakes<MigrationSets>,
    platform_cache: Cache<Platform>,
    function_cache: Cache<EdgeFunction>,
    set_cache: Cache<MigrationSet>,
    sources: Arc<Sources>,
    directory: Directory,
}

impl Operator {
    /// Puts the parts together; nothing runs yet.
    pub fn new(client: Client, settings: Settings, metrics: &Metrics) -> Result<Self, SetupError> {
        let http = Http::new(settings.hosts.clone(), Deadlines::default(), Limits::default())?;
        let source_settings = SourceSettings {
            installation: settings.installation.clone(),
            ..SourceSettings::new(settings.source_hosts)
        };
        let sources = Sources::new(client.clone(), source_settings.scaled(settings.scale), metrics.clone())?;
        let (events, event_queue) = Events::new(client.clone(), &settings.instance, metrics.runtime.clone());
        let tools = Tools {
            client: client.clone(),
            metrics: metrics.runtime.clone(),
            events,
            timing: settings.timing,
        };
        let (platform_reader, platform_writer) = reflector::store();
        let (function_reader, function_writer) = reflector::store();
        let (set_reader, set_writer) = reflector::store();
        let directory = Directory::new(platform_reader.clone(), function_reader.clone(), set_reader.clone());
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
            functions: waker,
            sets: wakes_sets,
            metrics: metrics.clone(),
            timing: settings.timing,
            installation: settings.installation,
        });
        let follow = follow_functions(functions.clone(), sources.clone(), directory.clone());
        let function_cache = Cache::new(client.clone(), function_reader, function_writer, follow);
        let follow = follow_sets(sets.clone(), sources.clone(), directory.clone());
        let set_cache = Cache::new(client.clone(), set_reader, set_writer, follow);
        let follow = follow_platforms(platforms.clone());
        let platform_cache = Cache::new(client, platform_reader, platform_writer, follow);
        Ok(Self {
            tools,
            publisher: event_queue,
            platforms,
            functions,
            sets,
            platform_wakes,
            function_wakes,
            set_wakes,
            platform_cache,
            function_cache,
            set_cache,
            sources,
            directory,
        })
    }

    /// Runs until `shutdown`; passes in flight end first.
    pub async fn run(self, health: Health, shutdown: Shutdown) {
        let stop = shutdown.stop();
        let ready = health.gate("caches");
        let (platforms, functions, sets) = (self.platform_cache, self.function_cache, self.set_cache);
        // Decisions look into all caches: no pass runs before they are filled.
        let filled = {
            let (platforms, functions) = (platforms.filled.clone(), functions.filled.clone());
            let sets = sets.filled.clone();
            async move {
                platforms.cancelled().await;
                functions.cancelled().await;
                sets.cancelled().await;
            }
            .shared()
        };
        let gate = filled.clone().map(|()| ready.open());
        let platform_objects = filled.clone().map(|()| platforms.objects).flatten_stream();
        let function_objects = filled.clone().map(|()| functions.objects).flatten_stream();
        let set_objects = filled.map(|()| sets.objects).flatten_stream();
        let changes = follow_sources(
            self.sources.clone(),
            self.directory.clone(),
            self.functions.functions.clone(),
            self.sets.sets.clone(),
        );
        // Each is a task of its own: what wakes one of them does not have the others looked at.
        let mut tasks = JoinSet::new();
        tasks.spawn(self.sources.clone().run(stop.clone()));
        tasks.spawn(self.publisher.run(stop.clone()));
        for until_stop in [
            changes.boxed(),
            gate.boxed(),
            platforms.watch,
            functions.watch,
            sets.watch,
        ] {
            let stop = stop.clone();
            tasks.spawn(async move {
                stop.run_until_cancelled(until_stop).await;
            });
        }
        let platforms = reconcile::run(
            self.platforms,
            self.tools.clone(),
            self.platform_wakes,
            platform_objects,
            platforms.store,
            stop.clone(),
        );
        let functions = reconcile::run(
            self.functions,
            self.tools.clone(),
            self.function_wakes,
            function_objects,
            functions.store,
            stop.clone(),
        );
        let sets = reconcile::run(self.sets, self.tools, self.set_wakes, set_objects, sets.store, stop);
        tasks.spawn(health.clone().keep("platforms", platforms));
        tasks.spawn(health.clone().keep("functions", functions));
        tasks.spawn(health.clone().keep("migrations", sets));
        let stopping = {
            let (health, stop) = (health.clone(), shutdown.stop());
            tokio::spawn(async move {
                stop.cancelled().await;
                health.stopping();
            })
        };
        let all = async {
            while let Some(ended) = tasks.join_next().await {
                if let Err(failed) = ended
                    && failed.is_panic()
                {
                    std::panic::resume_unwind(failed.into_panic());
                }
            }
        };
        if shutdown.in_flight(all).await.is_err() {
            tracing::warn!("passes in flight were cut off");
        }
        stopping.abort();
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
