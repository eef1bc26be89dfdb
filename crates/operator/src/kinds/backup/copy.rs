//! Copies what is stored to another destination: by its digest, and its manifest last.

use ace_api::{Backup, BackupProgress, BackupStep};
use ace_archive::{CommitError, Parts};
use ace_domain::kinds::backup::{Done, Outcome};
use ace_runtime::tasks::Running;

use super::{Backups, error, fields, given::Given, verify::stored};

pub(super) async fn copy(
    kind: &Backups,
    object: &Backup,
    given: &Given,
    destination: &str,
    running: &Running<BackupProgress>,
) -> Outcome {
    let from = stored(kind, object, given).await?;
    let to = given.store(kind, destination).await?;
    let done = || Done::Copied {
        destination: destination.to_owned(),
        path: from.run.as_str().to_owned(),
    };
    // The answer to an earlier attempt may have been lost.
    match to.manifest(&from.run).await {
        Ok((there, _)) if there == from.manifest => return Ok(done()),
        Ok(_) => {}
        Err(wrong) => {
            if let Some(error) = error::of_manifest(destination, &wrong) {
                return Err(error);
            }
        }
    }
    let sealed = &from.manifest.archive.sealed;
    let parts = Parts::new(sealed.bytes, Given::concurrency());
    let copied = from.store.copy_data(&from.run, sealed, &to, parts, |bytes| {
        running.progress(BackupProgress {
            step: BackupStep::Copy,
            bytes: fields::signed(bytes),
            total: Some(fields::signed(sealed.bytes)),
            bytes_per_second: None,
        });
    });
    let copied = copied.await;
    copied.map_err(|wrong| error::of_copy(&from.destination, destination, &wrong))?;
    match to.commit(&from.run, &from.manifest).await {
        Ok(_) | Err(CommitError::Taken) => Ok(done()),
        Err(wrong) => Err(error::of_commit(destination, &wrong)),
    }
}
