//! The whole operator: caches, kinds, and what runs beside them.

use std::{sync::Arc, time::Duration};

use ace_api::KINDS;
use ace_domain::reconcile::{dependency::Dependency, timing::Timing};
use ace_egress::{AllowedHosts, HttpClient, HttpError};
use ace_runtime::{
    clock,
    controllers::Controllers,
    events::{Events, Publisher},
    health::Health,
    index::{Dependents, Unused},
    reconcile::Tools,
    shutdown::Shutdown,
};
use ace_supabase::{Deadlines, Http, Limits};
use futures::{FutureExt, StreamExt};
use kube::Client;

use crate::{
    caches::Caches,
    connections::{PlatformConnections, grants::Installation, hosts::CredentialHosts, stores::StoreSettings},
    kinds::{
        backup_destination::{self, BackupDestinations},
        edge_function::EdgeFunctions,
        migration_set::{ClosingSessions, MigrationSets},
        notification_channel::{CONNECT, NotificationChannels},
        platform::Platforms,
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
    /// A client of platforms, channels or stores.
    #[error("an HTTP client cannot be set up")]
    Http(#[from] HttpError),
    /// The client of sources.
    #[error(transparent)]
    Sources(#[from] SourcesError),
    /// A kind that users can create, and nobody would reconcile.
    #[error("no controller runs for {0}: report this as a bug")]
    NoController(&'static str),
}

/// The operator, ready to run.
pub struct Operator {
    controllers: Controllers,
    publisher: Publisher,
    sources: Arc<Sources>,
    dependents: Dependents,
    unused: Unused,
}

impl Operator {
    /// Puts the parts together; nothing runs yet.
    pub fn new(client: &Client, settings: Settings, metrics: &Metrics) -> Result<Self, SetupError> {
        let http = Http::new(
            settings.hosts.over_http().clone(),
            Deadlines::default(),
            Limits::default(),
        )?;
        let source_settings = SourceSettings {
            installation: settings.installation.clone(),
            ..SourceSettings::new(settings.source_hosts)
        };
        let (events, publisher) = Events::new(client.clone(), &settings.instance, metrics.runtime.clone());
        let tools = Tools {
            client: client.clone(),
            metrics: metrics.runtime.clone(),
            events,
            timing: settings.timing,
        };
        let (dependents, unused) = Dependents::new();
        let source_settings = source_settings.scaled(settings.scale);
        let sources = Sources::new(client.clone(), source_settings, dependents.clone(), metrics.clone())?;
        let mut controllers = Controllers::new(tools, dependents.clone());
        let caches = Caches {
            platforms: controllers.cache(),
            functions: controllers.cache(),
            dependents: dependents.clone(),
        };
        let connections = Arc::new(PlatformConnections::default());
        let platforms = Platforms {
            client: client.clone(),
            http,
            hosts: settings.hosts.clone(),
            allow_insecure_database: settings.allow_insecure_database,
            caches: caches.clone(),
            connections: connections.clone(),
            sources: sources.clone(),
            metrics: metrics.clone(),
            timing: settings.timing,
            installation: settings.installation.clone(),
        };
        controllers.add(Arc::new(platforms));
        let functions = EdgeFunctions {
            client: client.clone(),
            caches: caches.clone(),
            connections,
            sources: sources.clone(),
            timing: settings.timing,
            installation: settings.installation.clone(),
        };
        controllers.add(Arc::new(functions));
        let sets = MigrationSets {
            client: client.clone(),
            caches,
            sources: sources.clone(),
            hosts: settings.hosts,
            allow_insecure_database: settings.allow_insecure_database,
            timing: settings.timing,
            installation: settings.installation.clone(),
            watching_since: clock::now(),
            closing_sessions: ClosingSessions::default(),
        };
        controllers.add(Arc::new(sets));
        let channels = NotificationChannels {
            client: client.clone(),
            http: HttpClient::new(settings.notify_hosts, CONNECT)?,
            timing: settings.timing,
            installation: settings.installation.clone(),
        };
        controllers.add(Arc::new(channels));
        let destinations = BackupDestinations {
            client: client.clone(),
            http: HttpClient::new(settings.stores.hosts.clone(), backup_destination::CONNECT)?,
            stores: settings.stores,
            cache: controllers.cache(),
            timing: settings.timing,
            installation: settings.installation,
        };
        controllers.add(Arc::new(destinations));
        if let Some(kind) = without_controller(&controllers.kinds()) {
            return Err(SetupError::NoController(kind));
        }
        Ok(Self {
            controllers,
            publisher,
            sources,
            dependents,
            unused,
        })
    }

    /// Runs until `shutdown`; reconciles in progress are completed first.
    pub async fn run(self, health: Health, shutdown: Shutdown) {
        let stop = shutdown.stop();
        let changes = follow_sources(self.sources.clone(), self.dependents);
        let changes = stop.clone().run_until_cancelled_owned(changes).map(|_| ());
        let unused = self.sources.clone().forget_unused(self.unused);
        let unused = stop.clone().run_until_cancelled_owned(unused).map(|_| ());
        let beside = vec![
            self.sources.run(stop.clone()).boxed(),
            self.publisher.run(stop).boxed(),
            changes.boxed(),
            unused.boxed(),
        ];
        self.controllers.run(beside, health, shutdown).await;
    }
}

/// The first kind of the API that is not among these.
fn without_controller(kinds: &[&'static str]) -> Option<&'static str> {
    let all = KINDS.iter().map(|kind| kind.name);
    all.into_iter().find(|kind| !kinds.contains(kind))
}

async fn follow_sources(sources: Arc<Sources>, dependents: Dependents) {
    let mut changes = std::pin::pin!(sources.changes());
    while let Some(key) = changes.next().await {
        dependents.changed(&[Dependency::Source(key)], None);
    }
}

/// Time that passes in flight get at the end.
pub const GRACE: Duration = Duration::from_secs(20);

#[cfg(test)]
mod tests {
    use ace_api::KINDS;

    use super::without_controller;

    #[test]
    fn a_kind_without_a_controller_is_named_at_the_start() {
        let mut kinds: Vec<_> = KINDS.iter().map(|kind| kind.name).collect();
        assert_eq!(without_controller(&kinds), None);
        let last = kinds.pop();
        assert_eq!(without_controller(&kinds), last);
    }
}
