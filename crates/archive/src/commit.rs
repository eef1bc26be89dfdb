//! The manifest: written last, and read back.

use bytes::Bytes;
use object_store::{GetOptions, ObjectStore, PutMode};

use crate::digest::Digest;
use crate::error::{StoreError, StoreProblem};
use crate::layout::{Backup, Contents};
use crate::manifest::{MOST_BYTES, Manifest, ManifestError};
use crate::read::Finding;
use crate::run::{MANIFEST, RunPath};
use crate::store::Store;

/// Why a manifest was not written, or nobody knows.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum CommitError {
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The data is not there with its size: there is nothing that a manifest could be written of.
    #[error("the data of the run: {0}")]
    Data(Finding),
    /// There is another manifest: of another program, as names are of one run alone.
    #[error("there is another manifest already")]
    Taken,
    #[error(transparent)]
    Manifest(#[from] ManifestError),
}

/// Why there is no manifest to be had.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum ManifestReadError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("there is no manifest")]
    Missing,
    #[error(transparent)]
    Manifest(#[from] ManifestError),
}

impl Store {
    /// Writes the manifest of a run, whose data a list has to show with its size: before it, and once more behind it, as another may
    /// have taken the run for a dead one and swept it. The digest is for the chain.
    pub async fn commit(&self, run: &RunPath, manifest: &Manifest) -> Result<Digest, CommitError> {
        let bytes = Bytes::from(manifest.to_bytes()?);
        let size = manifest.archive.sealed.bytes;
        has_data(&self.look(run).await?, size)?;
        self.write_manifest(run, &bytes).await?;
        if let Err(error) = has_data(&self.look(run).await?, size) {
            self.delete(&self.file(run, MANIFEST)).await?;
            return Err(error);
        }
        Ok(Digest::of(&bytes))
    }

    async fn write_manifest(&self, run: &RunPath, bytes: &Bytes) -> Result<(), CommitError> {
        let path = self.file(run, MANIFEST);
        let write = |mode| Self::write(&*self.streams, &path, bytes.clone(), mode);
        let written = match write(PutMode::Create).await {
            // The name is of this run alone, condition or not.
            Err(error) if error.problem == StoreProblem::Unsupported => write(PutMode::Overwrite).await,
            written => written,
        };
        let Err(error) = written else {
            return Ok(());
        };
        // The answer may have been lost: what lies there tells.
        match self.manifest_bytes(run).await {
            Ok(found) if found == bytes => Ok(()),
            Ok(_) if error.problem == StoreProblem::Exists => Err(CommitError::Taken),
            _ => Err(error.into()),
        }
    }

    /// The manifest of a run, and its digest.
    pub async fn manifest(&self, run: &RunPath) -> Result<(Manifest, Digest), ManifestReadError> {
        let bytes = self.manifest_bytes(run).await?;
        Ok((Manifest::parse(&bytes)?, Digest::of(&bytes)))
    }

    pub(crate) async fn manifest_bytes(&self, run: &RunPath) -> Result<Bytes, ManifestReadError> {
        let refused = |error: object_store::Error| StoreError::of(&error);
        let path = self.file(run, MANIFEST);
        let found = self.objects.get_opts(&path, GetOptions::default()).await;
        let found = match found.map_err(refused) {
            // A page that says "not found" is no answer of a store: a list is.
            Err(error) if error.problem == StoreProblem::NotFound && !self.look(run).await?.has_manifest => {
                return Err(ManifestReadError::Missing);
            }
            found => found?,
        };
        if found.meta.size > MOST_BYTES as u64 {
            return Err(ManifestError::TooLarge.into());
        }
        Ok(found.bytes().await.map_err(refused)?)
    }

    /// The level `Present` of one backup: whether its data is there beside its manifest, with its size.
    pub async fn present(&self, run: &RunPath, bytes: u64) -> Result<Result<(), Finding>, StoreError> {
        let contents = self.contents_of(Some(run)).await?;
        Ok(contents.present(run, bytes))
    }

    /// What a list shows of a run now.
    pub(crate) async fn look(&self, run: &RunPath) -> Result<Backup, StoreError> {
        let mut contents: Contents = self.contents_of(Some(run)).await?;
        Ok(contents.backups.remove(run).unwrap_or_default())
    }
}

fn has_data(found: &Backup, size: u64) -> Result<(), CommitError> {
    match found.data {
        Some(data) if data == size => Ok(()),
        Some(size) => Err(CommitError::Data(Finding::Changed { size })),
        None => Err(CommitError::Data(Finding::Missing)),
    }
}
