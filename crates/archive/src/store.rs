//! One prefix of a store.

use std::sync::Arc;

use ace_egress::HttpClient;
use bytes::Bytes;
use futures::{StreamExt, TryStreamExt};
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt, PutMode, PutOptions, PutPayload};

use crate::error::{StoreError, StoreProblem};
use crate::layout::Contents;
use crate::settings::{Settings, SettingsError};

/// One prefix of a store: paths are relative to it. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Store {
    pub(crate) objects: Arc<dyn ObjectStore>,
    /// The same, with a checksum beside each upload; only S3 has them.
    pub(crate) with_checksums: Option<Arc<dyn ObjectStore>>,
    prefix: Path,
}

impl Store {
    /// Sets a store up. Nothing is sent yet.
    pub fn new(settings: &Settings, prefix: &str, http: &HttpClient) -> Result<Self, SettingsError> {
        let invalid = |_| SettingsError::Invalid("the prefix is no relative path".to_owned());
        let prefix = Path::parse(prefix).map_err(invalid)?;
        let with_checksums = match settings {
            Settings::S3(_) => Some(settings.open(http, true)?),
            _ => None,
        };
        let objects = settings.open(http, false)?;
        Ok(Self {
            objects,
            with_checksums,
            prefix,
        })
    }

    /// A path of the store, of one that is relative to the prefix.
    pub(crate) fn path(&self, relative: &str) -> Path {
        let relative = Path::from(relative);
        self.prefix.parts().chain(relative.parts()).collect()
    }

    /// What lies below the prefix, by one list, in as many pages as it takes.
    pub async fn contents(&self) -> Result<Contents, StoreError> {
        let mut contents = Contents::default();
        let mut listed = self.objects.list(Some(&self.prefix));
        while let Some(object) = listed.next().await {
            let object = object.map_err(|error| StoreError::of_list(&error))?;
            let Some(parts) = object.location.prefix_match(&self.prefix) else {
                continue;
            };
            let parts: Vec<_> = parts.collect();
            let parts: Vec<&str> = parts.iter().map(AsRef::as_ref).collect();
            contents.add(&parts, object.size);
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

    pub(crate) async fn read(&self, path: &Path) -> Result<Bytes, StoreError> {
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

impl StoreError {
    /// A list that is empty is no error, and of a bucket that is missing a store says so: what says no more than "not found" is
    /// something in between.
    fn of_list(error: &object_store::Error) -> Self {
        let error = Self::of(error);
        match error.problem {
            StoreProblem::NotFound => Self::new(StoreProblem::Refused, "the store's answer is none of its protocol"),
            _ => error,
        }
    }
}
