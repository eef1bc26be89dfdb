//! The whole operator: caches, kinds, and what runs beside them.

mod backups;
mod rules;

use std::{sync::Arc, time::Duration};

use ace_api::Process;
use ace_database::Clients;
use ace_domain::{
    kinds::{backup, restore},
    reconcile::{dependency::Dependency, key::Key, shard::Shards, timing::Timing},
};
use ace_egress::{AllowedHosts, HttpClient, HttpError};
use ace_runtime::{
    clock,
    controllers::Controllers,
    events::{Events, Publisher},
    health::Health,
    index::{Dependents, ObjectId, Unused},
    leases::{Assigned, Contest, Holding, Lost, assigned},
    reconcile::Tools,
    shutdown::Shutdown,
    tasks::{Slots, Tasks},
};
use ace_supabase::{Deadlines, Http, Limits};
use futures::{FutureExt, StreamExt};
use kube::Client;
use tokio_util::sync::CancellationToken;

use crate::{
    caches::Caches,
    connections::{
        PlatformConnections,
        grants::Installation,
        hosts::CredentialHosts,
        stores::{StoreConnector, StoreSettings},
    },
    evaluator::Evaluator,
    kinds::{
        backup::BackupTasks,
        backup_destination,
        edge_function::EdgeFunctions,
        migration_set::{ClosingSessions, MigrationSets},
        platform::Platforms,
        restore::RestoreTasks,
    },
    metrics::Metrics,
    sources::{Settings as SourceSettings, Sources, SourcesError},
};

/// What the flags decide.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Hosts that get a Platform's credentials.
    pub hosts: CredentialHosts,
    /// Hosts of source artifacts.
    pub source_hosts: AllowedHosts,
    /// Databases may be reached without encryption, and be given the password in a form that others could use.
    pub allow_insecure_database: bool,
    /// Hosts of notification channels.
    pub notify_hosts: AllowedHosts,
    /// Object stores of backups.
    pub stores: StoreSettings,
    /// PostgreSQL's programs.
    pub clients: Clients,
    /// Backups that are made at once.
    pub runs_at_once: usize,
    pub timing: Timing,
    /// Divides waits of the sources, too; 1 in life.
    pub scale: u32,
    /// Names under which the operator is installed.
    pub installation: Installation,
    /// Whose objects are reconciled; those of all namespaces where none is named.
    pub namespaces: Vec<String>,
    /// Whose kinds are reconciled.
    pub processes: Vec<Process>,
    /// Into how many parts the objects are divided.
    pub shards: Shards,
    /// Name of this process, for events.
    pub instance: String,
}

/// The operator could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// A client of platforms, channels or stores.
    #[error("an HTTP client cannot be set up")]
    Http(#[from] HttpError),
    /// The client of sources.
    #[error(transparent)]
    Sources(#[from] SourcesError),
    /// A kind that users can create, and nobody would reconcile.
    #[error("no controller runs for {0}: report this as a bug")]
    NoController(&'static str),
    /// A kind whose objects rules would not count.
    #[error("no rule can count objects of kind {0}: report this as a bug")]
    NotCounted(&'static str),
}

/// The operator, ready to run.
pub struct Operator {
    controllers: Controllers,
    publisher: Publisher,
    /// Nothing where no kind with a source is reconciled.
    sources: Option<Arc<Sources>>,
    dependents: Dependents,
    unused: Unused,
    backups: BackupTasks,
    restores: RestoreTasks,
    /// Nothing where no rules are reconciled.
    evaluator: Option<Arc<Evaluator>>,
    shards: Shards,
}

impl Operator {
    /// Puts the parts together; nothing runs yet.
    pub fn new(client: &Client, settings: Settings, metrics: &Metrics) -> Result<Self, SetupError> {
        let (events, publisher) = Events::new(client.clone(), &settings.instance, metrics.runtime.clone());
        let tools = Tools {
            client: client.clone(),
            metrics: metrics.runtime.clone(),
            events,
            timing: settings.timing,
        };
        let (dependents, unused) = Dependents::divided(settings.shards);
        let (slots, interval) = (Slots::new(settings.runs_at_once), settings.timing.task_progress());
        let woken = dependents.clone();
        let backups = move |key: &Key| woken.wake(&ObjectId::of::<backup::Kind>(key.clone()));
        let woken = dependents.clone();
        let restores = move |key: &Key| woken.wake(&ObjectId::of::<restore::Kind>(key.clone()));
        let mut parts = Parts {
            client,
            metrics,
            stores: StoreConnector {
                client: client.clone(),
                http: HttpClient::new(settings.stores.hosts.clone(), backup_destination::CONNECT)?,
                settings: settings.stores.clone(),
                names: settings.installation.clone(),
            },
            controllers: Controllers::new(tools, dependents.clone()).within(settings.namespaces.clone()),
            dependents,
            backups: Tasks::new(slots.clone(), interval, backups),
            restores: Tasks::new(slots, interval, restores),
            evaluator: None,
            settings,
        };
        let has = |process| parts.settings.processes.contains(&process);
        let (is_operator, is_worker) = (has(Process::Operator), has(Process::Worker));
        let sources = is_operator.then(|| parts.add_operator(is_worker)).transpose()?;
        if is_worker {
            parts.add_worker(is_operator);
        }
        if let Some(kind) = without_controller(&parts.settings.processes, &parts.controllers.kinds()) {
            return Err(SetupError::NoController(kind));
        }
        Ok(Self {
            controllers: parts.controllers,
            publisher,
            sources,
            dependents: parts.dependents,
            unused,
            backups: parts.backups,
            restores: parts.restores,
            evaluator: parts.evaluator,
            shards: parts.settings.shards,
        })
    }

    /// Runs until `shutdown`; reconciles in progress are completed first. `contest`: it reconciles only while it has those Leases,
    /// which it gives back at the end.
    pub async fn run(self, contest: Option<Contest>, health: Health, shutdown: Shutdown) -> Result<(), Lost> {
        let Some(contest) = contest else {
            let (_, assigned) = assigned(Holding::all(self.shards));
            self.work(assigned, health, shutdown).await;
            return Ok(());
        };
        let (competes, assigned) = assigned(Holding::default());
        let (leave, seen) = (CancellationToken::new(), health.gate("lease"));
        // Apart from everything else: it has to be renewed whatever happens.
        let mut contest = tokio::spawn(contest.run(competes, seen, shutdown.stop(), leave.clone()));
        tokio::select! {
            ended = &mut contest => ended.unwrap_or(Err(Lost)),
            () = self.work(assigned, health, shutdown) => {
                leave.cancel();
                contest.await.unwrap_or(Err(Lost))
            }
        }
    }

    async fn work(self, assigned: Assigned, health: Health, shutdown: Shutdown) {
        let stop = shutdown.stop();
        let mut beside = vec![self.publisher.run(stop.clone()).boxed()];
        if let Some(sources) = self.sources {
            let changes = follow_sources(sources.clone(), self.dependents);
            let unused = sources.clone().forget_unused(self.unused);
            beside.extend([
                sources.run(stop.clone()).boxed(),
                stop.clone().run_until_cancelled_owned(changes).map(|_| ()).boxed(),
                stop.clone().run_until_cancelled_owned(unused).map(|_| ()).boxed(),
            ]);
        }
        if let Some(evaluator) = self.evaluator {
            beside.push(evaluator.run(stop.clone()).boxed());
        }
        // They outlive the passes, which get less time.
        let hurry = shutdown.hurry();
        let (backups, restores) = (self.backups, self.restores);
        let runs = async {
            tokio::join!(
                backups.run(stop.clone(), TASK_GRACE),
                restores.run(stop.clone(), TASK_GRACE)
            );
        };
        let runs = hurry.run_until_cancelled(runs);
        let passes = self.controllers.run(beside, assigned, health, shutdown);
        let ((), _) = tokio::join!(passes, runs);
    }
}

/// What the kinds are made of.
struct Parts<'a> {
    client: &'a Client,
    metrics: &'a Metrics,
    settings: Settings,
    stores: StoreConnector,
    dependents: Dependents,
    controllers: Controllers,
    backups: BackupTasks,
    restores: RestoreTasks,
    evaluator: Option<Arc<Evaluator>>,
}

impl Parts<'_> {
    /// The kinds of the process that watches and decides. `beside_worker`: this process reconciles the other kinds, too.
    fn add_operator(&mut self, beside_worker: bool) -> Result<Arc<Sources>, SetupError> {
        let settings = &self.settings;
        let http = Http::new(
            settings.hosts.over_http().clone(),
            Deadlines::default(),
            Limits::default(),
        )?;
        let source_settings = SourceSettings {
            installation: settings.installation.clone(),
            ..SourceSettings::new(settings.source_hosts.clone())
        };
        let source_settings = source_settings.scaled(settings.scale);
        let dependents = self.dependents.clone();
        let sources = Sources::new(
            self.client.clone(),
            source_settings,
            dependents.clone(),
            self.metrics.clone(),
        )?;
        let caches = Caches {
            platforms: self.controllers.cache(),
            functions: self.controllers.cache(),
            dependents,
        };
        let connections = Arc::new(PlatformConnections::default());
        let platforms = Platforms {
            client: self.client.clone(),
            http,
            hosts: settings.hosts.clone(),
            allow_insecure_database: settings.allow_insecure_database,
            caches: caches.clone(),
            connections: connections.clone(),
            sources: sources.clone(),
            metrics: self.metrics.clone(),
            timing: settings.timing,
            installation: settings.installation.clone(),
        };
        self.controllers.add(Arc::new(platforms));
        let functions = EdgeFunctions {
            client: self.client.clone(),
            caches: caches.clone(),
            connections: connections.clone(),
            sources: sources.clone(),
            timing: settings.timing,
            installation: settings.installation.clone(),
        };
        self.controllers.add(Arc::new(functions));
        let sets = MigrationSets {
            client: self.client.clone(),
            caches: caches.clone(),
            backups: self.controllers.cache(),
            schedules: self.controllers.cache(),
            sources: sources.clone(),
            hosts: settings.hosts.clone(),
            allow_insecure_database: settings.allow_insecure_database,
            timing: settings.timing,
            installation: settings.installation.clone(),
            watching_since: clock::now(),
            closing_sessions: ClosingSessions::default(),
        };
        self.controllers.add(Arc::new(sets));
        self.add_rules(&caches, &connections)?;
        self.add_channels()?;
        self.add_schedules(caches, connections);
        if !beside_worker {
            self.controllers.watch::<backup::Kind>();
            self.controllers.watch::<restore::Kind>();
        }
        Ok(sources)
    }
}

/// The first kind of these processes that is not among those with a controller.
fn without_controller(processes: &[Process], kinds: &[&'static str]) -> Option<&'static str> {
    let mut all = processes
        .iter()
        .flat_map(|process| process.kinds())
        .map(|kind| kind.name);
    all.find(|kind| !kinds.contains(kind))
}

async fn follow_sources(sources: Arc<Sources>, dependents: Dependents) {
    let mut changes = std::pin::pin!(sources.changes());
    while let Some(key) = changes.next().await {
        dependents.changed(&[Dependency::Source(key)], None);
    }
}

/// Time that passes in flight get at the end.
pub const GRACE: Duration = Duration::from_secs(20);

/// Time that backups in progress get at the end, to be completed.
const TASK_GRACE: Duration = Duration::from_mins(10);

#[cfg(test)]
mod tests {
    use ace_api::{KINDS, Process};

    use super::without_controller;

    #[test]
    fn a_kind_without_a_controller_is_named_at_the_start() {
        let mut kinds: Vec<_> = KINDS.iter().map(|kind| kind.name).collect();
        assert_eq!(without_controller(&Process::ALL, &kinds), None);
        let last = kinds.pop();
        assert_eq!(without_controller(&Process::ALL, &kinds), last);
        assert_eq!(without_controller(&[Process::Operator], &kinds), None);
    }
}
