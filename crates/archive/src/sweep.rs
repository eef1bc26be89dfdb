//! What is deleted: runs that were not finished, and backups that are kept no longer, those in two steps.

use std::time::Duration;

use jiff::Timestamp;
use object_store::PutMode;

use crate::commit::ManifestReadError;
use crate::error::StoreError;
use crate::layout::Contents;
use crate::run::{DATA, DELETED, MANIFEST, RunPath};
use crate::store::Store;

/// How long the data of a backup is there after the first step of its deletion.
pub const GRACE: Duration = Duration::from_hours(72);

/// What was deleted. An error ends a sweep; what it did until then is here.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Swept {
    /// The directories.
    pub runs: Vec<RunPath>,
    /// Of their data together.
    pub bytes: u64,
    /// Why it ended early.
    pub error: Option<StoreError>,
}

impl Store {
    /// Deletes the data of runs that were [abandoned](Contents::abandoned). Other files in their directories stay, and are foreign from then on.
    pub async fn sweep(&self, contents: &Contents, before: Timestamp, is_living: impl Fn(&RunPath) -> bool) -> Swept {
        let mut swept = Swept::default();
        for run in contents.abandoned(before, is_living) {
            swept.add(run, self.sweep_run(run).await);
        }
        swept
    }

    /// Its runner may be paused, not dead: if it writes a manifest meanwhile, that is looked for on both sides of the deletion, as
    /// [`Store::commit`] looks for the data on both sides of the manifest. Whoever comes second deletes the manifest.
    async fn sweep_run(&self, run: &RunPath) -> Result<Option<u64>, StoreError> {
        let found = self.look(run).await?;
        if !found.is_unfinished() {
            return Ok(None);
        }
        self.delete(&self.file(run, DATA)).await?;
        if self.look(run).await?.has_manifest {
            self.delete(&self.file(run, MANIFEST)).await?;
        }
        Ok(found.data)
    }

    /// The first step of a deletion: the manifest is renamed, so that the backup is none any more; its data stays for [`GRACE`]. Once
    /// done, done again is nothing.
    pub async fn expire(&self, run: &RunPath) -> Result<(), ManifestReadError> {
        let found = self.look(run).await?;
        if !found.has_manifest && found.deleted.is_some() {
            return Ok(());
        }
        let bytes = self.manifest_bytes(run).await?;
        // One that is there has the time of the first attempt.
        if found.deleted.is_none() {
            Self::write(&*self.objects, &self.file(run, DELETED), bytes, PutMode::Overwrite).await?;
        }
        Ok(self.delete(&self.file(run, MANIFEST)).await?)
    }

    /// Takes the first step back: the backup is there again. `false` where its deletion was not under way, or its data is gone.
    pub async fn keep(&self, run: &RunPath) -> Result<bool, StoreError> {
        let found = self.look(run).await?;
        if found.deleted.is_none() || found.data.is_none() {
            return Ok(false);
        }
        if !found.has_manifest {
            let bytes = self.read_all(&self.file(run, DELETED)).await?;
            Self::write(&*self.objects, &self.file(run, MANIFEST), bytes, PutMode::Overwrite).await?;
        }
        self.delete(&self.file(run, DELETED)).await?;
        Ok(true)
    }

    /// The second step: deletes what has [expired](Contents::expired); the renamed manifest last, so that what is cut off is gone on
    /// with.
    pub async fn delete_expired(&self, contents: &Contents, now: Timestamp) -> Swept {
        let mut swept = Swept::default();
        for run in contents.expired(now) {
            swept.add(run, self.delete_run(run).await);
        }
        swept
    }

    async fn delete_run(&self, run: &RunPath) -> Result<Option<u64>, StoreError> {
        let found = self.look(run).await?;
        if found.has_manifest || found.deleted.is_none() {
            return Ok(None);
        }
        self.delete(&self.file(run, DATA)).await?;
        self.delete(&self.file(run, DELETED)).await?;
        Ok(Some(found.data.unwrap_or_default()))
    }
}

impl Swept {
    fn add(&mut self, run: &RunPath, deleted: Result<Option<u64>, StoreError>) {
        match deleted {
            Ok(Some(bytes)) => {
                self.runs.push(run.clone());
                self.bytes += bytes;
            }
            Ok(None) => {}
            Err(error) => self.error = self.error.take().or(Some(error)),
        }
    }
}
