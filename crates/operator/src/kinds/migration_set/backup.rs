//! The Backup that a plan waits for.

use ace_api::{Backup, BackupClass, MigrationSet};
use ace_domain::kinds::migration_set::{Candidate, Request, StepError, StepResult};
use ace_runtime::{children::ChildError, made::Made};
use kube::ResourceExt;

use super::MigrationSets;
use crate::backups::backup;

/// Creates it. One that is there already is the same one, or nobody's business of ours.
pub(super) async fn make(
    kind: &MigrationSets,
    object: &MigrationSet,
    request: &Request,
) -> Result<StepResult, StepError> {
    let Request {
        name, schedule, reason, ..
    } = request;
    let wanted = backup(name, schedule, BackupClass::PreMigration, reason);
    let made = Made::<Backup>::by(&kind.client, object);
    let made = made.create(&wanted, |there| Candidate::of(there).is_of(request)).await;
    let made = made.map_err(|error| unmade(kind, object, error))?;
    Ok(StepResult::BackupMade(Box::new(Candidate::of(&made))))
}

pub(super) async fn check(kind: &MigrationSets, object: &MigrationSet, name: &str) -> Result<StepResult, StepError> {
    Ok(StepResult::BackupChecked(read(kind, object, name).await?))
}

/// Whether a file that runs after it may run.
pub(super) async fn is_there(kind: &MigrationSets, object: &MigrationSet, name: &str) -> Result<(), StepError> {
    let found = read(kind, object, name).await?;
    if found.as_ref().is_some_and(|found| found.is_there()) {
        return Ok(());
    }
    let name = name.to_owned();
    Err(StepError::BackupLost { name, found })
}

/// Reads it from the API server: the cache may not know yet that it is gone.
async fn read(kind: &MigrationSets, object: &MigrationSet, name: &str) -> Result<Option<Box<Candidate>>, StepError> {
    let found = Made::<Backup>::by(&kind.client, object).get(name).await;
    let found = found.map_err(|error| unmade(kind, object, error))?;
    Ok(found.map(|found| Box::new(Candidate::of(&found))))
}

fn unmade(kind: &MigrationSets, object: &MigrationSet, error: ChildError) -> StepError {
    match error {
        ChildError::NameTaken(name) => StepError::NameTaken(format!(
            "Backup `{name}` is there, and was not made for this plan: delete it, and one that was takes its place"
        )),
        ChildError::Forbidden => StepError::AccessMissing(format!(
            "the operator is not allowed to read and write Backups; to allow it, run: {}",
            kind.installation.grant_cluster(&object.namespace().unwrap_or_default())
        )),
        error @ (ChildError::Refused(_) | ChildError::Unanswered) => StepError::Passing(error.to_string()),
    }
}
