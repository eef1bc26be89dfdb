//! A backup in another place.

use bytes::BytesMut;

use crate::error::StoreError;
use crate::read::ReadError;
use crate::run::{DATA, RunPath};
use crate::seal::Sealed;
use crate::store::Store;
use crate::upload::{Parts, Upload};
use crate::verify::Hashed;

/// Why there is no copy.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum CopyError {
    /// Of the place where the data is.
    #[error("where it comes from: {0}")]
    From(ReadError),
    /// Of the place where it shall be.
    #[error("where it goes: {0}")]
    To(StoreError),
}

impl Store {
    /// Copies the data of a run into another store, below that one's prefix, as it is: nothing is decrypted. It appears there when its
    /// SHA-256 was that of the manifest, and what was there before says nothing, whatever its size. The manifest is
    /// [committed](Store::commit) by the caller, last.
    pub async fn copy_data(
        &self,
        run: &RunPath,
        sealed: &Sealed,
        to: &Store,
        parts: Parts,
        mut copied: impl FnMut(u64),
    ) -> Result<(), CopyError> {
        let mut upload = Upload::new(to.streams.clone(), to.file(run, DATA), parts);
        match self.copied(run, sealed, &mut upload, &mut copied).await {
            Ok(rest) => upload.finish(rest.freeze()).await.map_err(CopyError::To),
            Err(error) => {
                upload.abort().await;
                Err(error)
            }
        }
    }

    async fn copied(
        &self,
        run: &RunPath,
        sealed: &Sealed,
        upload: &mut Upload,
        copied: &mut impl FnMut(u64),
    ) -> Result<BytesMut, CopyError> {
        let mut from = Hashed::new(self.download(run, sealed));
        let (size, mut part, mut bytes) = (upload.part_size(), BytesMut::new(), 0);
        while let Some(mut piece) = from.next().await.map_err(CopyError::From)? {
            bytes += piece.len() as u64;
            while !piece.is_empty() {
                if part.len() == size {
                    let full = std::mem::take(&mut part).freeze();
                    upload.part(full).await.map_err(CopyError::To)?;
                }
                if part.capacity() == 0 {
                    part.reserve(size);
                }
                let taken = piece.split_to(piece.len().min(size - part.len()));
                part.extend_from_slice(&taken);
            }
            copied(bytes);
        }
        from.finish(sealed.digest).map_err(CopyError::From)?;
        Ok(part)
    }
}
