//! What the objects around a Backup say, as it was when a pass began.

use std::{collections::BTreeMap, sync::Arc};

use ace_api::{Backup, BackupDestination, BackupReason, BackupRun, BackupSchedule, Database, Platform};
use ace_archive::{Manifest, RunPath, Store};
use ace_database::{Access, Limits, Scope, TableName};
use ace_domain::{
    kinds::{
        backup::{Problem, TaskError, database},
        backup_destination::suspicion,
    },
    reconcile::key::Key,
};
use ace_runtime::request::{answer, listed};
use kube::{Api, Resource, ResourceExt, core::DeserializeGuard, runtime::reflector};

use super::{Backups, error};
use crate::{caches, connections::database::DatabaseConnector};

/// What a task works with.
#[derive(Clone)]
pub struct Given {
    pub(super) namespace: String,
    pub(super) schedule: Option<Arc<BackupSchedule>>,
    pub(super) platform: Option<Arc<Platform>>,
    /// Those that there are of the ones that the schedule, an import or a copy names.
    pub(super) destinations: BTreeMap<String, Arc<BackupDestination>>,
}

impl Given {
    pub(crate) fn of(kind: &Backups, object: &Backup) -> Self {
        let schedule = schedule_name(object);
        let schedule = schedule.and_then(|name| cached(&kind.caches.schedules, &Key::beside(object, name)));
        let platform = schedule.as_ref().map(|schedule| &schedule.spec.platform_ref.name);
        let platform = platform.and_then(|name| cached(&kind.caches.platforms, &Key::beside(object, name)));
        let named = schedule.iter().flat_map(|schedule| &schedule.spec.destinations);
        let named = named.map(|destination| destination.name.clone());
        let imported = object.spec.import.iter().map(|import| import.destination.name.clone());
        let copies = object.status.iter().flat_map(|status| &status.copies);
        let copies = copies.map(|copy| copy.destination.clone());
        let destinations = named.chain(imported).chain(copies).filter_map(|name| {
            let destination = cached(&kind.caches.destinations, &Key::beside(object, &name))?;
            Some((name, destination))
        });
        Self {
            namespace: object.namespace().unwrap_or_default(),
            destinations: destinations.collect(),
            schedule,
            platform,
        }
    }

    /// Which destinations doubt their copies of it, and why.
    pub(super) fn suspicions(&self, object: &Backup) -> BTreeMap<String, String> {
        let name = object.name_any();
        let destinations = self.destinations.iter();
        let doubted =
            destinations.filter_map(|(destination, found)| Some((destination.clone(), suspicion(found, &name)?)));
        doubted.collect()
    }

    /// The schedule.
    pub(super) fn schedule(&self) -> Result<&BackupSchedule, TaskError> {
        let gone = || error::obstacle(BackupReason::WaitingForSchedule, "the BackupSchedule is gone");
        self.schedule.as_deref().ok_or_else(gone)
    }

    /// The same with the schedule as the API server has it: who changes it together with a Backup means what it says now, and the
    /// watch of another kind may not have shown that yet.
    pub(super) async fn with_current_schedule(&self, kind: &Backups) -> Result<Self, TaskError> {
        let known = self.schedule()?;
        let schedules: Api<BackupSchedule> = Api::namespaced(kind.client.clone(), &self.namespace);
        let Some(Ok(current)) = answer(listed(&schedules, &known.name_any())).await else {
            let message = "the API server did not say what the BackupSchedule asks for";
            return Err(error::failed(BackupReason::Failed, message));
        };
        Ok(Self {
            schedule: current.map(Arc::new),
            ..self.clone()
        })
    }

    /// The Platform of the schedule.
    pub(super) fn platform(&self) -> Result<&Platform, TaskError> {
        let gone = || error::obstacle(BackupReason::WaitingForPlatform, "the Platform is gone");
        self.platform.as_deref().ok_or_else(gone)
    }

    /// The Platform and its database.
    pub(super) fn database(&self) -> Result<(&Platform, &Database), TaskError> {
        let platform = self.platform()?;
        let missing = || error::obstacle(BackupReason::DatabaseMissing, "the Platform has no `spec.database`");
        Ok((platform, platform.spec.database.as_ref().ok_or_else(missing)?))
    }

    /// Access to the database of the Platform: reads its Secrets.
    pub(super) async fn access(&self, kind: &Backups) -> Result<Access, TaskError> {
        let (platform, spec) = self.database()?;
        let connector = DatabaseConnector {
            client: &kind.client,
            hosts: &kind.hosts,
            allow_insecure: kind.allow_insecure_database,
            names: &kind.installation,
            limits: Limits::default(),
        };
        let access = connector.access(&self.namespace, &platform.spec.project, spec).await;
        access.map_err(|failure| database(spec, &failure))
    }

    /// The store of a destination: reads its Secret, and asks it nothing.
    pub(super) async fn store(&self, kind: &Backups, destination: &str) -> Result<Store, TaskError> {
        let object = self.destinations.get(destination).ok_or_else(|| {
            let message = format!("there is no BackupDestination `{destination}` in this namespace");
            error::obstacle(BackupReason::WaitingForDestination, message)
        })?;
        if object.spec.suspend {
            let message = format!("BackupDestination `{destination}` is suspended");
            return Err(error::obstacle(BackupReason::WaitingForDestination, message));
        }
        let opened = kind.stores.open(object).await;
        opened.map_err(|cause| error::of_destination(destination, &cause))
    }

    /// How many parts of the data are under way to a destination at once: R2 takes no more of one upload.
    pub(super) fn concurrency() -> u8 {
        3
    }

    /// What the schedule leaves out.
    pub(super) fn scope(&self) -> Result<Scope, TaskError> {
        let scope = &self.schedule()?.spec.scope;
        let data: Result<Vec<TableName>, TaskError> = scope.exclude_data.iter().map(|name| table(name)).collect();
        Ok(Scope::without(&scope.exclude_schemas, data?))
    }

    /// The application name of sessions: who waits for the lock reads it.
    pub(super) fn application(&self, object: &Backup) -> String {
        format!("ace-worker/{}/{}", self.namespace, object.name_any())
    }
}

/// The schedule that a backup is of. An imported one lies in its folder.
fn schedule_name(object: &Backup) -> Option<&str> {
    match (&object.spec.schedule_ref, &object.spec.import) {
        (Some(schedule), _) => Some(&schedule.name),
        (None, Some(import)) => import.manifest.split('/').next(),
        (None, None) => None,
    }
}

/// The table that a schedule names.
pub(super) fn table(name: &str) -> Result<TableName, TaskError> {
    name.parse().map_err(|wrong: ace_database::TableNameError| TaskError {
        problem: Problem::Final(BackupReason::TableMissing),
        message: format!("`{name}` in the schedule's `scope` names no table: {wrong}"),
    })
}

/// Where a run stores, below the prefix of each destination.
pub(super) fn run_path(object: &Backup, run: &BackupRun) -> Result<RunPath, TaskError> {
    let schedule = object.spec.schedule_ref.as_ref().map(|schedule| schedule.name.as_str());
    let class = format!("{:?}", object.spec.class).to_lowercase();
    let folders = [schedule.unwrap_or("imported"), class.as_str()];
    let uid = object.uid().unwrap_or_default();
    let path = RunPath::new(&folders, run.start_time, &uid, &run.id);
    path.map_err(|wrong| error::failed(BackupReason::Failed, format!("no path for the run: {wrong}")))
}

/// The directory of a copy.
pub(super) fn copy_path(path: &str) -> Result<RunPath, TaskError> {
    let parsed = RunPath::parse(path);
    parsed.ok_or_else(|| {
        error::last(
            BackupReason::ManifestUnreadable,
            format!("`{path}` is no directory of a backup"),
        )
    })
}

/// The manifest is that of this object, and not of another one that had its directory.
pub(super) fn is_of(manifest: &Manifest, object: &Backup) -> bool {
    object.spec.import.is_some() || Some(&manifest.origin.uid) == object.uid().as_ref()
}

/// The object of this key, if it can be read.
pub(crate) fn cached<K>(store: &reflector::Store<DeserializeGuard<K>>, key: &Key) -> Option<Arc<K>>
where
    K: Resource<DynamicType = ()> + Clone + 'static,
{
    let found = caches::cached(store, key)?;
    found.0.as_ref().ok().cloned().map(Arc::new)
}
