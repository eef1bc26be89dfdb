//! Whether a run is complete that this process did not end: its manifest tells.

use ace_api::{Backup, BackupCopy, BackupReason, BackupRun};
use ace_archive::{Finding, StoreProblem};
use ace_database::Snapshot;
use ace_domain::kinds::{
    backup::{Found, Made, TaskError},
    backup_destination::Presence,
};

use super::{
    Backups, error, fields,
    given::{self, Given},
};

/// What became of a run. Where it has no manifest, another worker may be making it.
pub(super) async fn look(
    kind: &Backups,
    object: &Backup,
    given: &Given,
    run: Option<&BackupRun>,
) -> Result<Found, TaskError> {
    if let Some(made) = manifest(kind, object, given, run).await? {
        return Ok(Found::Made(Box::new(made)));
    }
    let is_of_another = run.is_some_and(|run| run.worker != kind.worker);
    if is_of_another && is_locked_for(kind, object, given).await? {
        return Ok(Found::BeingMade);
    }
    Ok(Found::Nothing)
}

/// The worker that makes it has the database's lock, under the object's name. One that is paused loses it.
async fn is_locked_for(kind: &Backups, object: &Backup, given: &Given) -> Result<bool, TaskError> {
    let access = given.access(kind).await?;
    let application = given.application(object);
    let taken = Snapshot::is_being_taken(&access, &application).await;
    taken.map_err(|error| error::of_snapshot(given, &error))
}

/// What the manifest of the run says, in whatever destination it is. Nothing is known before every store has answered.
async fn manifest(
    kind: &Backups,
    object: &Backup,
    given: &Given,
    run: Option<&BackupRun>,
) -> Result<Option<Made>, TaskError> {
    let path = match (&object.spec.import, run) {
        (Some(import), _) => {
            let directory = import.manifest.rsplit_once('/').map(|(directory, _)| directory);
            given::copy_path(directory.unwrap_or_default())?
        }
        (None, Some(run)) => given::run_path(object, run)?,
        (None, None) => return Ok(None),
    };
    let named = match &object.spec.import {
        Some(import) => vec![import.destination.name.clone()],
        None => given
            .schedule()?
            .spec
            .destinations
            .iter()
            .map(|named| named.name.clone())
            .collect(),
    };
    for destination in named {
        let store = given.store(kind, &destination).await?;
        match store.manifest(&path).await {
            Ok((manifest, _)) if given::is_of(&manifest, object) => {
                return Ok(Some(fields::made(&destination, &path, &manifest)));
            }
            Ok(_) => {
                let message = format!("`{path}` in BackupDestination `{destination}` is of another Backup");
                return Err(error::last(BackupReason::ManifestUnreadable, message));
            }
            Err(wrong) => {
                if let Some(error) = error::of_manifest(&destination, &wrong) {
                    return Err(error);
                }
            }
        }
    }
    Ok(None)
}

/// Whether a copy is what was stored. A bucket that is gone has nothing.
pub(super) async fn check(
    kind: &Backups,
    object: &Backup,
    given: &Given,
    copy: &BackupCopy,
) -> Result<Presence, TaskError> {
    let run = given::copy_path(copy.path.as_deref().unwrap_or_default())?;
    let archive = object.status.as_ref().and_then(|status| status.archive.as_ref());
    let bytes = archive.map_or(0, |archive| archive.bytes);
    let store = given.store(kind, &copy.destination).await?;
    match store.present(&run, u64::try_from(bytes).unwrap_or_default()).await {
        Ok(Ok(())) => Ok(Presence::Present),
        Ok(Err(Finding::Changed { size })) => Ok(Presence::Changed(size)),
        Ok(Err(_)) => Ok(Presence::Missing),
        Err(error) if error.problem == StoreProblem::NoBucket => Ok(Presence::Missing),
        Err(error) => Err(error::of_store(&copy.destination, &error)),
    }
}
