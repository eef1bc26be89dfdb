//! Whether a run is complete that this process did not end: its manifest tells.

use ace_api::{Backup, BackupReason, BackupRun};
use ace_domain::kinds::backup::{Made, TaskError};

use super::{
    Backups, error, fields,
    given::{self, Given},
};

/// What the manifest of the run says, in whatever destination it is. Nothing is known before every store has answered.
pub(super) async fn look(
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
