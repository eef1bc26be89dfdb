//! What is stored, read range by range. A connection that breaks costs one of them at most.

use std::sync::Arc;

use bytes::Bytes;
use futures::StreamExt;
use futures::stream::BoxStream;
use object_store::path::Path;
use object_store::{GetOptions, GetRange, ObjectStore};

use crate::error::{StoreError, StoreProblem};
use crate::read::{Finding, ReadError};

/// Bytes that are asked for at a time. They are handed on as they come, so that none of it is kept in memory.
pub(crate) const PIECE: u64 = 4 << 20;

/// How often an object is read from its beginning, where a store gives no parts of it.
const ATTEMPTS: u32 = 3;

/// An object of a known size, from its beginning to its end. It may be replaced meanwhile: each answer is compared with the first.
pub(crate) struct Download {
    objects: Arc<dyn ObjectStore>,
    path: Path,
    size: u64,
    piece: u64,
    at: u64,
    e_tag: Option<String>,
    /// Answers differed in their `ETag`. There are stores that give out another each time, so this alone says nothing.
    pub is_other: bool,
    whole: Option<BoxStream<'static, object_store::Result<Bytes>>>,
    /// What is left of the answer to a range, and how many bytes there should be.
    range: Option<(BoxStream<'static, object_store::Result<Bytes>>, u64)>,
    /// The store answers ranges, as far as is known.
    has_ranges: bool,
    failed: u32,
}

impl Download {
    pub fn new(objects: Arc<dyn ObjectStore>, path: Path, size: u64, piece: u64) -> Self {
        Self {
            objects,
            path,
            size,
            piece,
            at: 0,
            e_tag: None,
            is_other: false,
            whole: None,
            range: None,
            has_ranges: true,
            failed: 0,
        }
    }

    /// The first bytes, at most `length` of them.
    pub async fn head(mut self, length: usize) -> Result<Bytes, ReadError> {
        self.piece = self.piece.min(length as u64);
        let mut head = Vec::new();
        while head.len() < length
            && let Some(piece) = self.next().await?
        {
            head.extend_from_slice(&piece);
        }
        head.truncate(length);
        Ok(head.into())
    }

    /// The next bytes, or `None` behind the last.
    pub async fn next(&mut self) -> Result<Option<Bytes>, ReadError> {
        if self.size == self.at {
            return Ok(None);
        }
        if self.has_ranges {
            match self.next_of_range().await {
                Err(error) if is_unsupported(&error) => self.has_ranges = false,
                piece => return piece.map(Some),
            }
        }
        self.piece_of_whole().await
    }

    /// The next bytes of the range that is being answered, or of another one.
    async fn next_of_range(&mut self) -> Result<Bytes, ReadError> {
        let (mut answer, left) = if let Some(range) = self.range.take() {
            range
        } else {
            let length = self.piece.min(self.size - self.at);
            let options = GetOptions {
                range: Some(GetRange::Bounded(self.at..self.at + length)),
                ..GetOptions::default()
            };
            (self.open(options).await?, length)
        };
        let bytes = match answer.next().await {
            Some(Ok(bytes)) => bytes,
            Some(Err(error)) => return Err(ReadError::Store(StoreError::of(&error))),
            None => return Err(ReadError::Store(cut_short())),
        };
        // More than was asked for is as wrong as less.
        let left = left.checked_sub(bytes.len() as u64);
        let left = left.ok_or_else(|| ReadError::Store(cut_short()))?;
        self.at += bytes.len() as u64;
        self.range = (left > 0).then_some((answer, left));
        Ok(bytes)
    }

    async fn piece_of_whole(&mut self) -> Result<Option<Bytes>, ReadError> {
        loop {
            let error = match self.piece_of_attempt().await {
                Ok(Some(piece)) => {
                    self.at += piece.len() as u64;
                    return Ok(Some(piece));
                }
                Ok(None) if self.at == self.size => return Ok(None),
                Ok(None) => cut_short(),
                Err(ReadError::Store(error)) if error.problem.passes() => error,
                Err(error) => return Err(error),
            };
            self.whole = None;
            self.failed += 1;
            if self.failed >= ATTEMPTS {
                return Err(error.into());
            }
        }
    }

    /// From where the last piece ended, in the attempt that is under way or in another.
    async fn piece_of_attempt(&mut self) -> Result<Option<Bytes>, ReadError> {
        let (mut stream, mut skip) = match self.whole.take() {
            Some(stream) => (stream, 0),
            None => (self.open(GetOptions::default()).await?, self.at),
        };
        while let Some(piece) = stream.next().await {
            let mut piece = piece.map_err(|error| ReadError::Store(StoreError::of(&error)))?;
            let length = piece.len() as u64;
            if length <= skip {
                skip -= length;
                continue;
            }
            let _ = piece.split_to(usize::try_from(skip).unwrap_or(usize::MAX));
            piece.truncate(usize::try_from(self.size - self.at).unwrap_or(usize::MAX));
            self.whole = Some(stream);
            return Ok(Some(piece));
        }
        Ok(None)
    }

    async fn open(
        &mut self,
        options: GetOptions,
    ) -> Result<BoxStream<'static, object_store::Result<Bytes>>, ReadError> {
        let found = match self.objects.get_opts(&self.path, options).await {
            Ok(found) => found,
            Err(error) => return Err(refused(&*self.objects, &self.path, self.size, StoreError::of(&error)).await),
        };
        let size = found.meta.size;
        if size != self.size {
            return Err(Finding::Changed { size }.into());
        }
        let e_tag = found.meta.e_tag.clone();
        if self.at == 0 {
            self.e_tag = e_tag;
        } else {
            self.is_other |= self.e_tag != e_tag;
        }
        Ok(found.into_stream())
    }
}

/// What is missing or of another size, a list shows: of a page that says "not found" nobody knows whose it is, and a range behind the
/// end of an object is refused.
async fn refused(objects: &dyn ObjectStore, path: &Path, size: u64, error: StoreError) -> ReadError {
    if !matches!(error.problem, StoreProblem::NotFound | StoreProblem::Refused) {
        return error.into();
    }
    let mut folder: Vec<_> = path.parts().collect();
    folder.pop();
    let folder: Path = folder.into_iter().collect();
    let mut listed = objects.list(Some(&folder));
    while let Some(object) = listed.next().await {
        match object {
            Err(error) => return StoreError::of_list(&error).into(),
            Ok(object) if object.location != *path => {}
            Ok(object) if object.size != size => return Finding::Changed { size: object.size }.into(),
            Ok(_) => return StoreError::new(StoreProblem::Refused, error.message).into(),
        }
    }
    Finding::Missing.into()
}

fn is_unsupported(error: &ReadError) -> bool {
    matches!(error, ReadError::Store(error) if error.problem == StoreProblem::Unsupported)
}

fn cut_short() -> StoreError {
    StoreError::new(StoreProblem::Unanswered, "the store's answer was cut short")
}
