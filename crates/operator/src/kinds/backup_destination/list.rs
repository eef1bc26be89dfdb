//! What lies below the prefix, held against what Backups say.

use std::time::Duration;

use ace_api::BackupDestination;
use ace_archive::{Contents, Finding, RunPath, Store};
use ace_domain::kinds::{
    backup,
    backup_destination::{Inventory, Listed, Presence, StepError},
};
use ace_runtime::clock;
use jiff::Timestamp;
use kube::ResourceExt;

use super::{BackupDestinations, act::failed};
use crate::caches::beside;

/// Most directories that are remembered by name.
const MOST_NAMED: usize = 16;

/// After this time a run that no Backup may be writing is not written any more. The longest attempt takes a day.
const ABANDONED: Duration = Duration::from_hours(24);

pub(super) async fn list(
    kind: &BackupDestinations,
    object: &BackupDestination,
    store: &Store,
) -> Result<Listed, StepError> {
    // What was stored before the list began is in it.
    let (at, before) = (clock::now(), inventory(kind, object));
    let contents = store.contents().await.map_err(failed)?;
    let after = inventory(kind, object);
    let (lost, lost_names) = before.lost(&after, |path, bytes| presence(&contents, path, bytes));
    let (mut backups, mut bytes, mut newest) = (0, 0, None);
    for (begun, backup) in contents.complete() {
        backups += 1;
        bytes += backup.bytes;
        newest = newest.max(Some(begun));
    }
    let is_unlisted = |run: &&RunPath| {
        let (uid, id) = run.ids();
        !before.has(run.as_str(), uid, id) && !after.has(run.as_str(), uid, id)
    };
    let complete = contents.backups.iter().filter(|(_, backup)| backup.has_manifest);
    let unlisted: Vec<&RunPath> = complete.map(|(run, _)| run).filter(is_unlisted).collect();
    Ok(Listed {
        at,
        backups,
        bytes,
        newest,
        unfinished: contents
            .backups
            .values()
            .filter(|backup| backup.is_unfinished())
            .count() as u64,
        lost,
        lost_names,
        unlisted: unlisted.len() as u64,
        unlisted_paths: unlisted.iter().take(MOST_NAMED).map(ToString::to_string).collect(),
        has_waste: has_waste(&contents, &after, at),
        foreign: contents.foreign.count,
        foreign_names: contents.foreign.names,
    })
}

/// Deletes what runs have left that nobody writes any more, and what was marked as deleted long enough ago.
pub(super) async fn sweep(
    kind: &BackupDestinations,
    object: &BackupDestination,
    store: &Store,
) -> Result<(), StepError> {
    let (now, contents) = (clock::now(), store.contents().await.map_err(failed)?);
    let inventory = inventory(kind, object);
    let unfinished = store.sweep(&contents, now - ABANDONED, |run| is_running(&inventory, run));
    let unfinished = unfinished.await;
    let expired = store.delete_expired(&contents, now).await;
    for (what, swept) in [("unfinished", unfinished), ("expired", expired)] {
        for run in &swept.runs {
            tracing::info!(destination = object.name_any(), %run, "deleted what is {what}");
        }
        if let Some(error) = swept.error {
            return Err(failed(error));
        }
    }
    Ok(())
}

fn has_waste(contents: &Contents, inventory: &Inventory, now: Timestamp) -> bool {
    let mut abandoned = contents.abandoned(now - ABANDONED, |run| is_running(inventory, run));
    abandoned.next().is_some() || contents.expired(now).next().is_some()
}

fn is_running(inventory: &Inventory, run: &RunPath) -> bool {
    let (uid, id) = run.ids();
    inventory.is_running(uid, id)
}

fn inventory(kind: &BackupDestinations, object: &BackupDestination) -> Inventory {
    let backups = beside::<backup::Kind>(&kind.dependents, &kind.backups, object);
    let readable = backups.iter().filter_map(|backup| backup.0.as_ref().ok());
    Inventory::of(&object.name_any(), readable)
}

fn presence(contents: &Contents, path: &str, bytes: u64) -> Presence {
    let found = RunPath::parse(path).map(|run| contents.present(&run, bytes));
    match found {
        Some(Ok(())) => Presence::Present,
        Some(Err(Finding::Changed { size })) => Presence::Changed(size),
        Some(Err(_)) | None => Presence::Missing,
    }
}
