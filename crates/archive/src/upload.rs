//! One object, written in parts of equal size. It appears when it is finished, and not before.

use std::sync::Arc;

use bytes::Bytes;
use object_store::path::Path;
use object_store::{MultipartUpload, ObjectStore, ObjectStoreExt, PutMode, PutPayload};
use tokio::runtime::Handle;
use tokio::task::JoinSet;

use crate::error::{StoreError, StoreProblem};
use crate::store::Store;

const MIB: u64 = 1 << 20;

/// Least bytes of a part, as S3 wants it: parts are what the memory of an upload consists of.
const SMALLEST: u64 = 5 * MIB;

/// Most bytes of a part that an object of 5 TiB needs, which is the most that S3 takes.
const LARGEST: u64 = 525 * MIB;

/// Most parts of an object: S3's limit.
const MOST_PARTS: u64 = 10_000;

/// How an object is cut into parts. All but the last are of the same size, as R2 demands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parts {
    /// Bytes of a part.
    size: usize,
    /// Most of them under way at a time.
    at_once: usize,
}

impl Parts {
    /// For an object of about `expected` bytes; it may become a tenth larger than that without coming near the limit of parts. Of
    /// `at_once` parts each is in memory, and two more.
    pub fn new(expected: u64, at_once: u8) -> Self {
        let needed = (expected / 10).saturating_mul(11).div_ceil(9_000).div_ceil(MIB) * MIB;
        let size = usize::try_from(needed.clamp(SMALLEST, LARGEST)).unwrap_or(usize::MAX);
        let at_once = usize::from(at_once.max(1));
        Self { size, at_once }
    }

    /// Bytes of a part.
    pub fn size(self) -> usize {
        self.size
    }

    #[cfg(test)]
    pub(crate) fn of(size: usize, at_once: usize) -> Self {
        Self { size, at_once }
    }
}

/// An upload that is neither finished nor given up. One that is dropped is given up behind the back of whoever dropped it.
pub(crate) struct Upload {
    objects: Arc<dyn ObjectStore>,
    path: Path,
    parts: Parts,
    /// Begun by the first part: what is smaller is written at once.
    begun: Option<Box<dyn MultipartUpload>>,
    under_way: JoinSet<object_store::Result<()>>,
    count: u64,
    bytes: u64,
}

impl Upload {
    pub fn new(objects: Arc<dyn ObjectStore>, path: Path, parts: Parts) -> Self {
        Self {
            objects,
            path,
            parts,
            begun: None,
            under_way: JoinSet::new(),
            count: 0,
            bytes: 0,
        }
    }

    pub fn part_size(&self) -> usize {
        self.parts.size
    }

    /// Waits until fewer parts are under way than may be.
    pub async fn ready(&mut self) -> Result<(), StoreError> {
        while self.under_way.len() >= self.parts.at_once {
            self.landed().await?;
        }
        Ok(())
    }

    /// Sends a part, which has the size of a part, when it is [ready](Self::ready).
    pub async fn part(&mut self, bytes: Bytes) -> Result<(), StoreError> {
        self.ready().await?;
        self.count += 1;
        if self.count > MOST_PARTS {
            let text = format!(
                "the object is larger than {MOST_PARTS} parts of {} bytes",
                self.parts.size
            );
            return Err(StoreError::new(StoreProblem::Refused, text));
        }
        if self.begun.is_none() {
            let begun = self.objects.put_multipart(&self.path).await;
            self.begun = Some(begun.map_err(|error| StoreError::of(&error))?);
        }
        self.bytes += bytes.len() as u64;
        if let Some(begun) = &mut self.begun {
            self.under_way.spawn(begun.put_part(PutPayload::from(bytes)));
        }
        Ok(())
    }

    /// Sends what is left, and makes the object appear. An error says that it did not, or that nobody knows.
    pub async fn finish(mut self, rest: Bytes) -> Result<(), StoreError> {
        match self.complete(rest).await {
            Ok(()) => {
                self.begun = None;
                Ok(())
            }
            Err(error) => {
                self.abort().await;
                Err(error)
            }
        }
    }

    async fn complete(&mut self, rest: Bytes) -> Result<(), StoreError> {
        let written = if self.begun.is_some() {
            if !rest.is_empty() {
                self.part(rest).await?;
            }
            while !self.under_way.is_empty() {
                self.landed().await?;
            }
            match &mut self.begun {
                Some(begun) => begun.complete().await.map(drop).map_err(|error| StoreError::of(&error)),
                None => Ok(()),
            }
        } else {
            self.bytes = rest.len() as u64;
            Store::write(&*self.objects, &self.path, rest, PutMode::Overwrite).await
        };
        match written {
            Err(error) if self.is_there().await != Some(true) => Err(error),
            _ => Ok(()),
        }
    }

    /// Looks at the object where the answer was lost, or was an error at a repetition: its name is of this run alone. What an upload
    /// is made of can be moved between threads, and not shared.
    async fn is_there(&mut self) -> Option<bool> {
        match self.objects.head(&self.path).await {
            Ok(found) => Some(found.size == self.bytes),
            Err(error) if StoreError::of(&error).problem == StoreProblem::NotFound => Some(false),
            Err(_) => None,
        }
    }

    /// Gives the upload up, and says whether the store has said so. What it did not is listed by nobody, and is swept by age.
    pub async fn abort(mut self) -> bool {
        self.under_way.shutdown().await;
        match self.begun.take() {
            Some(mut begun) => begun.abort().await.is_ok(),
            None => true,
        }
    }

    async fn landed(&mut self) -> Result<(), StoreError> {
        match self.under_way.join_next().await {
            Some(Ok(landed)) => landed.map_err(|error| StoreError::of(&error)),
            Some(Err(_)) => Err(StoreError::new(StoreProblem::Unanswered, "a part was given up")),
            None => Ok(()),
        }
    }
}

impl Drop for Upload {
    fn drop(&mut self) {
        let (Some(mut begun), Ok(runtime)) = (self.begun.take(), Handle::try_current()) else {
            return;
        };
        let mut under_way = std::mem::take(&mut self.under_way);
        runtime.spawn(async move {
            under_way.shutdown().await;
            // What can't be given up is swept by age.
            let _ = begun.abort().await;
        });
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use bytes::Bytes;
    use object_store::ObjectStoreExt;
    use object_store::path::Path;

    use super::{MIB, Parts, StoreProblem, Upload};
    use crate::faulty::{Fault, Faulty};

    const GIB: u64 = 1 << 30;

    #[test]
    fn parts_have_5_mib_and_more_only_where_10_000_would_not_do() {
        for (expected, size) in [
            (0, 5 * MIB),
            (39 * GIB, 5 * MIB),
            (40 * GIB, 6 * MIB),
            (1_024 * GIB, 129 * MIB),
            (5 * 1_024 * GIB, 525 * MIB),
            (u64::MAX, 525 * MIB),
        ] {
            assert_eq!(Parts::new(expected, 4).size() as u64, size, "{expected}");
        }
    }

    fn upload(store: &Arc<Faulty>) -> Upload {
        Upload::new(store.clone(), Path::from("run/data"), Parts::of(4, 2))
    }

    async fn sent(store: &Arc<Faulty>) -> Result<Upload, super::StoreError> {
        let mut upload = upload(store);
        for part in ["abcd", "efgh", "ijkl"] {
            upload.part(Bytes::from(part)).await?;
        }
        Ok(upload)
    }

    async fn stored(store: &Arc<Faulty>) -> Option<Bytes> {
        store.get(&Path::from("run/data")).await.ok()?.bytes().await.ok()
    }

    #[tokio::test]
    async fn an_object_appears_when_it_is_finished_and_not_before() {
        let store = Faulty::new(Fault::None);
        let upload = sent(&store).await.unwrap();
        assert_eq!(stored(&store).await, None);
        upload.finish(Bytes::from("mn")).await.unwrap();
        assert_eq!(stored(&store).await.unwrap(), "abcdefghijklmn");
        assert_eq!(store.pending(), 0);
    }

    #[tokio::test]
    async fn what_is_smaller_than_a_part_is_written_at_once() {
        let store = Faulty::new(Fault::NoMultipart);
        upload(&store).finish(Bytes::from("mn")).await.unwrap();
        assert_eq!(stored(&store).await.unwrap(), "mn");
    }

    #[tokio::test]
    async fn an_upload_that_is_given_up_or_dropped_leaves_nothing() {
        let store = Faulty::new(Fault::None);
        assert!(sent(&store).await.unwrap().abort().await);
        assert_eq!((stored(&store).await, store.pending()), (None, 0));
        drop(sent(&store).await.unwrap());
        store.until_nothing_is_pending().await;
        assert_eq!(stored(&store).await, None);
    }

    #[tokio::test]
    async fn a_part_that_fails_ends_the_upload_and_leaves_nothing() {
        for part in 0..4 {
            let store = Faulty::new(Fault::Part(part, StoreProblem::Full));
            let failed = match sent(&store).await {
                Ok(upload) => upload.finish(Bytes::from("mn")).await,
                Err(error) => Err(error),
            };
            assert_eq!(failed.unwrap_err().problem, StoreProblem::Full, "part {part}");
            store.until_nothing_is_pending().await;
            assert_eq!(stored(&store).await, None, "part {part}");
        }
    }

    #[tokio::test]
    async fn a_completion_whose_answer_is_lost_is_looked_at() {
        let store = Faulty::new(Fault::LostCompletion);
        sent(&store).await.unwrap().finish(Bytes::from("mn")).await.unwrap();
        assert_eq!(stored(&store).await.unwrap(), "abcdefghijklmn");
        // Nothing appeared: the error is that of the completion.
        let store = Faulty::new(Fault::Completion(StoreProblem::Denied));
        let error = sent(&store).await.unwrap().finish(Bytes::from("mn")).await.unwrap_err();
        assert_eq!(error.problem, StoreProblem::Denied);
        assert_eq!((stored(&store).await, store.pending()), (None, 0));
    }
}
