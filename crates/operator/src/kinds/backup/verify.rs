//! Verifies what is stored, by reading it back.

use std::io;

use ace_api::{Backup, BackupCopy, BackupProgress, BackupReason, BackupStep, CopyState, SecretUse, VerificationLevel};
use ace_archive::{Finding, Identities, Manifest, ReadError, Reader, RunPath, Store};
use ace_database::{Omission, check_archive};
use ace_domain::{
    inputs::SecretProblem,
    kinds::backup::{Cause, Done, Outcome, TaskError},
};
use ace_runtime::{clock, tasks::Running};
use futures::stream;
use tokio_util::io::StreamReader;

use super::{
    Backups, error, fields,
    given::{self, Given},
    scratch,
};
use crate::connections::secrets::Secrets;

/// Most tables that a message names.
const NAMED: usize = 3;

/// Verifies the first complete copy to this level.
pub(super) async fn verify(
    kind: &Backups,
    object: &Backup,
    given: &Given,
    level: VerificationLevel,
    running: &Running<BackupProgress>,
) -> Outcome {
    running.progress(BackupProgress {
        step: BackupStep::Verify,
        bytes: 0,
        total: None,
        bytes_per_second: None,
    });
    let stored = stored(kind, object, given).await?;
    let identities = identities(kind, given).await?;
    let reached = match (level, &identities) {
        (VerificationLevel::Bytes, identities) => {
            bytes(&stored, identities.as_ref()).await?;
            VerificationLevel::Bytes
        }
        (VerificationLevel::Archive, Some(identities)) => {
            archive(kind, &stored, identities).await?;
            VerificationLevel::Archive
        }
        (VerificationLevel::Restored | VerificationLevel::Content, Some(identities)) => {
            scratch::content(kind, object, given, &stored, identities).await?;
            VerificationLevel::Content
        }
        // The API server refuses such a schedule.
        (_, None) => {
            let message = "the schedule has no `encryption.identitySecretRef`: name one, or set `verify` to `Bytes`";
            return Err(error::obstacle(BackupReason::SecretMissing, message));
        }
    };
    Ok(Done::Verified(reached, clock::now()))
}

/// A copy with its manifest.
pub(crate) struct Stored {
    pub(super) destination: String,
    pub(super) store: Store,
    pub(super) run: RunPath,
    pub(crate) manifest: Manifest,
}

/// The first complete copy of a backup.
pub(crate) async fn stored(kind: &Backups, object: &Backup, given: &Given) -> Result<Stored, TaskError> {
    let copies = object.status.iter().flat_map(|status| &status.copies);
    let mut complete = copies.filter(|copy| copy.state == CopyState::Complete);
    let gone = || error::last(BackupReason::Missing, "no destination has a complete copy");
    let BackupCopy { destination, path, .. } = complete.next().ok_or_else(gone)?;
    let run = given::copy_path(path.as_deref().unwrap_or_default())?;
    let store = given.store(kind, destination).await?;
    let (manifest, _) = store.manifest(&run).await.map_err(|wrong| {
        let missing = format!("BackupDestination `{destination}` has no manifest in `{run}` any more");
        let error = error::of_manifest(destination, &wrong);
        error.unwrap_or_else(|| error::last(BackupReason::Missing, missing))
    })?;
    Ok(Stored {
        destination: destination.clone(),
        store,
        run,
        manifest,
    })
}

pub(crate) async fn identities(kind: &Backups, given: &Given) -> Result<Option<Identities>, TaskError> {
    let Some(reference) = &given.schedule()?.spec.encryption.identity_secret_ref else {
        return Ok(None);
    };
    let secrets = Secrets {
        client: &kind.client,
        names: &kind.installation,
        namespace: &given.namespace,
    };
    let parse = |text: &str| Identities::parse(text.as_bytes());
    let read = secrets.value(reference, SecretUse::BackupKey, "an identity of age", parse);
    let identities = read.await.map_err(|problem: SecretProblem| {
        let cause = Cause::from(problem);
        error::obstacle(cause.reason, cause.message)
    })?;
    Ok(Some(identities))
}

/// The schedule's identity opens every complete copy. Nothing is said where a copy or the identity is not there: others tell that.
pub(super) async fn keys(kind: &Backups, object: &Backup, given: &Given) -> Result<(), TaskError> {
    let Some(identities) = identities(kind, given).await? else {
        return Ok(());
    };
    let copies = object.status.iter().flat_map(|status| &status.copies);
    for copy in copies.filter(|copy| copy.state == CopyState::Complete) {
        let run = given::copy_path(copy.path.as_deref().unwrap_or_default())?;
        let store = given.store(kind, &copy.destination).await?;
        let manifest = match store.manifest(&run).await {
            Ok((manifest, _)) => manifest,
            Err(wrong) => match error::of_manifest(&copy.destination, &wrong) {
                Some(error) => return Err(error),
                None => continue,
            },
        };
        match store.verify_key(&run, &manifest.archive.sealed, &identities).await {
            Ok(()) | Err(ReadError::Found(Finding::Missing)) => {}
            Err(wrong) => return Err(error::of_read(&copy.destination, &wrong)),
        }
    }
    Ok(())
}

async fn bytes(stored: &Stored, identities: Option<&Identities>) -> Result<(), TaskError> {
    let Stored {
        destination,
        store,
        run,
        manifest,
    } = stored;
    let read = store.verify_bytes(run, &manifest.archive.sealed, identities).await;
    read.map_err(|wrong| error::of_read(destination, &wrong))
}

/// All layers to the end, the archive as `pg_restore` reads it, and just the tables that were proved.
async fn archive(kind: &Backups, stored: &Stored, identities: &Identities) -> Result<(), TaskError> {
    let Stored {
        destination,
        store,
        run,
        manifest,
    } = stored;
    let reader = store.read(run, &manifest.archive.sealed, identities);
    let contents = check_archive(&kind.clients, opened(reader)).await;
    let contents = contents.map_err(|wrong| {
        let read = match &wrong {
            ace_database::ArchiveError::Source(source) => read_error(source),
            _ => None,
        };
        error::of_archive(destination, &wrong, read)
    })?;
    let omissions = contents.omissions(&fields::proof(manifest));
    if omissions.is_empty() {
        return Ok(());
    }
    let named: Vec<String> = omissions.iter().take(NAMED).map(Omission::to_string).collect();
    let more = match omissions.len().saturating_sub(NAMED) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let message = format!(
        "the archive in BackupDestination `{destination}` has not just the tables that were proved: {}{more}",
        named.join(", ")
    );
    Err(error::last(BackupReason::VerificationFailed, message))
}

/// The data as `pg_restore` reads it. Its end comes only after each layer has confirmed it.
pub(super) fn opened(reader: Reader) -> impl tokio::io::AsyncRead + Unpin {
    let pieces = stream::unfold(Some(reader), |reader| async move {
        let mut reader = reader?;
        match reader.next().await {
            Ok(Some(piece)) => Some((Ok(piece), Some(reader))),
            Ok(None) => None,
            Err(error) => Some((Err(io::Error::other(error)), None)),
        }
    });
    StreamReader::new(Box::pin(pieces))
}

/// Why [`opened`] failed.
pub(super) fn read_error(error: &io::Error) -> Option<&ReadError> {
    error.get_ref()?.downcast_ref()
}
