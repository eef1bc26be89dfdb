//! How much is known of data that is stored: `Present` by [a list](crate::Contents::present), `Key` and `Bytes` here. What lies above
//! them needs PostgreSQL.

use tokio::task::spawn_blocking;

use crate::digest::{Digest, Hasher};
use crate::download::Download;
use crate::error::{StoreError, StoreProblem};
use crate::keys::Identities;
use crate::read::{Finding, Layer, ReadError, opened};
use crate::run::RunPath;
use crate::seal::{HEAD, Sealed};
use crate::store::Store;

impl Store {
    /// The level `Key`: one request for the first [`HEAD`] bytes tells whether these identities open the data of a run.
    pub async fn verify_key(&self, run: &RunPath, sealed: &Sealed, identities: &Identities) -> Result<(), ReadError> {
        let head = self.download(run, sealed).head(HEAD).await?;
        Ok(opened(&head, sealed, identities)?)
    }

    /// The level `Bytes`: all of the data of a run, by SHA-256, age and zstd; by SHA-256 alone without identities.
    pub async fn verify_bytes(
        &self,
        run: &RunPath,
        sealed: &Sealed,
        identities: Option<&Identities>,
    ) -> Result<(), ReadError> {
        let Some(identities) = identities else {
            let mut hashed = Hashed::new(self.download(run, sealed));
            while hashed.next().await?.is_some() {}
            return hashed.finish(sealed.digest);
        };
        let mut reader = self.read(run, sealed, identities);
        while reader.next().await?.is_some() {}
        Ok(())
    }
}

/// A download whose digest is taken as it passes, on another thread than the runtime's.
pub(crate) struct Hashed {
    download: Download,
    hasher: Hasher,
}

impl Hashed {
    pub fn new(download: Download) -> Self {
        Self {
            download,
            hasher: Hasher::default(),
        }
    }

    pub async fn next(&mut self) -> Result<Option<bytes::Bytes>, ReadError> {
        let Some(piece) = self.download.next().await? else {
            return Ok(None);
        };
        let (mut hasher, bytes) = (std::mem::take(&mut self.hasher), piece.clone());
        let updated = spawn_blocking(move || {
            hasher.update(&bytes);
            hasher
        });
        let stopped = |_| StoreError::new(StoreProblem::Unanswered, "the digest was not taken to its end");
        self.hasher = updated.await.map_err(stopped)?;
        Ok(Some(piece))
    }

    pub fn finish(self, expected: Digest) -> Result<(), ReadError> {
        let size = self.hasher.bytes();
        if self.hasher.finish() == expected {
            return Ok(());
        }
        let found = if self.download.is_other {
            Finding::Changed { size }
        } else {
            Finding::Corrupt { layer: Layer::Digest }
        };
        Err(found.into())
    }
}
