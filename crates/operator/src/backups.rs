//! Backups, as those see and make them who do not reconcile them.

use std::{collections::BTreeMap, sync::Arc};

use ace_api::{Backup, BackupClass, BackupSpec, DeletionPolicy, LABEL_SCHEDULE, LocalReference};
use ace_domain::reconcile::{dependency::Dependency, key::Key};
use ace_runtime::{children::label_value, index::Dependents};
use kube::{Resource as _, core::DeserializeGuard, runtime::reflector::Store};

use crate::caches::cached;

/// The Backups of a schedule, by the index.
pub(crate) fn backups_of<T>(
    dependents: &Dependents,
    backups: &Store<DeserializeGuard<Backup>>,
    schedule: Key,
    of: impl Fn(&Backup) -> T,
) -> Vec<T> {
    let schedule = Dependency::BackupSchedule(schedule);
    let keys = dependents.of_kind(&Backup::kind(&()), schedule.clone()..=schedule);
    let backups = keys.iter().filter_map(|key| cached(backups, key));
    let read = |backup: Arc<DeserializeGuard<Backup>>| backup.0.as_ref().ok().map(&of);
    backups.filter_map(read).collect()
}

/// A Backup that is made as a schedule says. It has no owner: whoever deletes what asked for it deletes no backups.
pub(crate) fn backup(name: &str, schedule: &str, class: BackupClass, reason: &str) -> Backup {
    let spec = BackupSpec {
        schedule_ref: Some(LocalReference {
            name: schedule.to_owned(),
        }),
        import: None,
        class,
        reason: reason.to_owned(),
        hold: None,
        cancel: false,
        deletion_policy: DeletionPolicy::Retain,
    };
    let mut backup = Backup::new(name, spec);
    backup.metadata.labels = Some(BTreeMap::from([(LABEL_SCHEDULE.to_owned(), label_value(schedule))]));
    backup
}
