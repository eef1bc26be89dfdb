//! Makes the Backup of what is stored and has none.

use ace_api::{Backup, BackupClass, BackupDestination, BackupSpec, DeletionPolicy, ImportedBackup, LocalReference};
use ace_archive::{Manifest, ManifestReadError, RunPath, Store};
use ace_domain::kinds::backup_destination::{Problem, StepError, StepResult};
use ace_runtime::{children::ChildError, made::Made};
use kube::ResourceExt;

use super::{BackupDestinations, act::failed};

/// It gets the name that it had; where that is taken, with the first digits of its uid.
pub(super) async fn import(
    kind: &BackupDestinations,
    object: &BackupDestination,
    store: &Store,
    path: &str,
) -> Result<StepResult, StepError> {
    let run = RunPath::parse(path).ok_or_else(|| not_imported(format!("`{path}` is no directory of a backup")))?;
    let manifest = match store.manifest(&run).await {
        Ok((manifest, _)) => manifest,
        // It was deleted since the list.
        Err(ManifestReadError::Missing) => return Ok(StepResult::Imported),
        Err(ManifestReadError::Store(error)) => return Err(failed(error)),
        Err(ManifestReadError::Manifest(error)) => return Err(not_imported(format!("`{path}`: {error}"))),
    };
    let name = manifest.origin.backup.clone();
    let (uid, _) = run.ids();
    for name in [name.clone(), format!("{name}-{uid}")] {
        if create(kind, object, &name, &run, &manifest).await? {
            return Ok(StepResult::Imported);
        }
    }
    Err(not_imported(format!("Backups `{name}` and `{name}-{uid}` are others")))
}

/// `false` where another Backup has the name.
async fn create(
    kind: &BackupDestinations,
    object: &BackupDestination,
    name: &str,
    run: &RunPath,
    manifest: &Manifest,
) -> Result<bool, StepError> {
    let backup = backup(&object.name_any(), name, run, manifest);
    // One that is there has another manifest: what has this one is known.
    match Made::by(&kind.client, object).create(&backup, |_| false).await {
        Ok(_) => Ok(true),
        Err(ChildError::NameTaken(_)) => Ok(false),
        Err(error) => Err(not_imported(format!("Backup `{name}` can't be made: {error}"))),
    }
}

fn backup(destination: &str, name: &str, run: &RunPath, manifest: &Manifest) -> Backup {
    let import = ImportedBackup {
        destination: LocalReference {
            name: destination.to_owned(),
        },
        manifest: format!("{run}/manifest.json"),
    };
    let spec = BackupSpec {
        schedule_ref: None,
        import: Some(import),
        class: BackupClass::named(&manifest.origin.class).unwrap_or_default(),
        reason: manifest.origin.reason.clone().unwrap_or_default(),
        hold: None,
        cancel: false,
        deletion_policy: DeletionPolicy::Retain,
    };
    Backup::new(name, spec)
}

fn not_imported(message: String) -> StepError {
    StepError {
        problem: Problem::NotImported,
        message,
    }
}
