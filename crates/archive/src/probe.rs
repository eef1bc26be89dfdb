//! What a store can do: tried with objects of our own below `.ace/`, since there are stores that ignore a condition, answer a
//! range with the whole, or list late.

use bytes::Bytes;
use object_store::path::Path;
use object_store::{ObjectStoreExt, PutMode, PutPayload};

use crate::error::{StoreError, StoreProblem};
use crate::store::Store;

/// What a store can do.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[allow(clippy::struct_excessive_bools, reason = "each is one that a store has or has not")]
pub struct Capabilities {
    /// An object that must not be there yet is refused where it is.
    pub conditional_create: bool,
    /// A part of an object can be read.
    pub ranges: bool,
    /// An object can be uploaded in parts.
    pub multipart: bool,
    /// SHA-256 is checked beside each upload.
    pub checksums: bool,
    /// What was written can be deleted.
    pub delete: bool,
}

const TEXT: &[u8] = b"written by ace-operator to learn what this store can do; may be deleted\n";

/// The folder of what is written.
pub(crate) const FOLDER: &str = ".ace";

impl Store {
    /// Writes, reads, lists and deletes objects below `.ace/`, whose names have `id`: one probe's own. An error is one of writing,
    /// reading or listing; whatever else fails is a capability that the store does not have, unless nobody knows.
    pub async fn probe(&self, id: &str) -> Result<Capabilities, StoreError> {
        let path = |name: &str| self.path(&format!("{FOLDER}/{id}-{name}"));
        let (single, parts, summed) = (path("single"), path("parts"), path("checksum"));
        let text = Bytes::from_static(TEXT);
        Self::write(&*self.objects, &single, text.clone(), PutMode::Overwrite).await?;
        self.expect(&single).await?;
        if !self.names(&self.path(FOLDER)).await?.contains(&single) {
            return Err(differs("a list does not show what was written before it"));
        }
        let conditional_create = match Self::write(&*self.objects, &single, text.clone(), PutMode::Create).await {
            Ok(()) => false,
            Err(error) => error.problem == StoreProblem::Exists || can_not(error)?,
        };
        let ranges = match self.objects.get_range(&single, 8..18).await {
            Ok(range) => TEXT.get(8..18) == Some(&*range),
            Err(error) => can_not(StoreError::of(&error))?,
        };
        let multipart = self.in_parts(&parts, text.clone()).await?;
        let checksums = match &self.with_checksums {
            None => false,
            Some(store) => match Self::write(&**store, &summed, text, PutMode::Overwrite).await {
                Ok(()) => true,
                Err(error) => can_not(error)?,
            },
        };
        let mut delete = true;
        for path in [&single, &parts, &summed] {
            if let Err(error) = self.delete(path).await {
                delete = can_not(error)?;
            }
        }
        Ok(Capabilities {
            conditional_create,
            ranges,
            multipart,
            checksums,
            delete,
        })
    }

    async fn expect(&self, path: &Path) -> Result<(), StoreError> {
        match self.read_all(path).await? {
            read if *read == *TEXT => Ok(()),
            _ => Err(differs("the store gives back other bytes than were written")),
        }
    }

    async fn in_parts(&self, path: &Path, text: Bytes) -> Result<bool, StoreError> {
        let upload = async {
            let mut upload = self.objects.put_multipart(path).await?;
            let sent = upload.put_part(PutPayload::from(text)).await;
            match sent {
                Ok(()) => upload.complete().await.map(drop),
                Err(error) => {
                    // What can't be given up is swept by the store's own rule.
                    let _ = upload.abort().await;
                    Err(error)
                }
            }
        };
        match upload.await {
            Ok(()) => self.expect(path).await.map(|()| true),
            Err(error) => can_not(StoreError::of(&error)),
        }
    }
}

/// A store that did not answer may be able to.
fn can_not(error: StoreError) -> Result<bool, StoreError> {
    if error.problem.passes() || error.problem == StoreProblem::Full {
        return Err(error);
    }
    Ok(false)
}

fn differs(message: &str) -> StoreError {
    StoreError::new(StoreProblem::Refused, message)
}
