//! One prefix of a store.

use std::sync::Arc;

use ace_egress::HttpClient;
use bytes::Bytes;
use futures::{StreamExt, TryStreamExt};
use jiff::Timestamp;
use object_store::path::Path;
use object_store::{ObjectMeta, ObjectStore, ObjectStoreExt, PutMode, PutOptions, PutPayload};

use crate::download::PIECE;
use crate::error::{StoreError, StoreProblem};
use crate::layout::Contents;
use crate::run::RunPath;
use crate::settings::{Purpose, Settings, SettingsError};
use crate::uploads::Uploads;

/// One prefix of a store: paths are relative to it. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Store {
    pub(crate) objects: Arc<dyn ObjectStore>,
    /// The same, more patient: for what is long and can't be begun anew cheaply.
    pub(crate) streams: Arc<dyn ObjectStore>,
    /// The same, with a checksum beside each upload; only S3 has them.
    pub(crate) with_checksums: Option<Arc<dyn ObjectStore>>,
    pub(crate) uploads: Uploads,
    /// Bytes that are read at a time.
    pub(crate) piece: u64,
    pub(crate) prefix: Path,
}

impl Store {
    /// Sets a store up. Nothing is sent yet.
    pub fn new(settings: &Settings, prefix: &str, http: &HttpClient) -> Result<Self, SettingsError> {
        let invalid = |_| SettingsError::Invalid("the prefix is no relative path".to_owned());
        let prefix = Path::parse(prefix).map_err(invalid)?;
        let with_checksums = match settings {
            Settings::S3(_) => Some(settings.open(http, Purpose::WithChecksums)?),
            _ => None,
        };
        Ok(Self {
            objects: settings.open(http, Purpose::Requests)?,
            streams: settings.open(http, Purpose::Streams)?,
            with_checksums,
            uploads: settings.uploads(http)?,
            piece: PIECE,
            prefix,
        })
    }

    #[cfg(test)]
    pub(crate) fn over(objects: Arc<dyn ObjectStore>, prefix: &str) -> Self {
        Self {
            streams: objects.clone(),
            objects,
            with_checksums: None,
            uploads: Uploads::Unlisted,
            piece: 100_000,
            prefix: Path::from(prefix),
        }
    }

    fn folder(&self, run: &RunPath) -> Path {
        // A path of a run is one, by its constructors.
        let run = Path::parse(run.as_str()).unwrap_or_default();
        self.prefix.parts().chain(run.parts()).collect()
    }

    /// A file of a run.
    pub(crate) fn file(&self, run: &RunPath, name: &str) -> Path {
        self.folder(run).join(name)
    }

    /// A path of the store, of one that is relative to the prefix.
    pub(crate) fn path(&self, relative: &str) -> Path {
        let relative = Path::from(relative);
        self.prefix.parts().chain(relative.parts()).collect()
    }

    /// What lies below the prefix, by one list, in as many pages as it takes.
    pub async fn contents(&self) -> Result<Contents, StoreError> {
        self.contents_of(None).await
    }

    /// The same of one run.
    pub(crate) async fn contents_of(&self, run: Option<&RunPath>) -> Result<Contents, StoreError> {
        let mut contents = Contents::default();
        let folder = run.map_or_else(|| self.prefix.clone(), |run| self.folder(run));
        let mut listed = self.objects.list(Some(&folder));
        while let Some(object) = listed.next().await {
            let object = object.map_err(|error| StoreError::of_list(&error))?;
            let Some(parts) = object.location.prefix_match(&self.prefix) else {
                continue;
            };
            let parts: Vec<_> = parts.collect();
            let parts: Vec<&str> = parts.iter().map(AsRef::as_ref).collect();
            contents.add(&parts, object.size, written(&object));
        }
        Ok(contents)
    }

    pub(crate) async fn write(
        store: &dyn ObjectStore,
        path: &Path,
        bytes: Bytes,
        mode: PutMode,
    ) -> Result<(), StoreError> {
        let options = PutOptions {
            mode,
            ..PutOptions::default()
        };
        let written = store.put_opts(path, PutPayload::from(bytes), options).await;
        written.map(drop).map_err(|error| StoreError::of(&error))
    }

    pub(crate) async fn read_all(&self, path: &Path) -> Result<Bytes, StoreError> {
        let read = async { self.objects.get(path).await?.bytes().await };
        read.await.map_err(|error| StoreError::of(&error))
    }

    /// The names of what lies below a folder of the prefix.
    pub(crate) async fn names(&self, folder: &Path) -> Result<Vec<Path>, StoreError> {
        let listed = self.objects.list(Some(folder)).map_ok(|object| object.location);
        listed.try_collect().await.map_err(|error| StoreError::of_list(&error))
    }

    pub(crate) async fn delete(&self, path: &Path) -> Result<(), StoreError> {
        match self.objects.delete(path).await.map_err(|error| StoreError::of(&error)) {
            Err(error) if error.problem == StoreProblem::NotFound => Ok(()),
            deleted => deleted,
        }
    }
}

/// When an object was written, by the store's clock.
fn written(object: &ObjectMeta) -> Timestamp {
    Timestamp::from_millisecond(object.last_modified.timestamp_millis()).unwrap_or(Timestamp::MAX)
}

impl StoreError {
    /// A list that is empty is no error, and of a bucket that is missing a store says so: what says no more than "not found" is
    /// something in between.
    pub(crate) fn of_list(error: &object_store::Error) -> Self {
        let error = Self::of(error);
        match error.problem {
            StoreProblem::NotFound => Self::new(StoreProblem::Refused, "the store's answer is none of its protocol"),
            _ => error,
        }
    }
}
