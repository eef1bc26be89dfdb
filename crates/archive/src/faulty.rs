//! A store in memory that fails as real ones were seen to.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::BoxStream;
use futures::{StreamExt, TryStreamExt, stream};
use object_store::client::{HttpError, HttpErrorKind};
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{
    CopyOptions, GetOptions, GetResult, GetResultPayload, ListResult, MultipartUpload, ObjectMeta, ObjectStore,
    ObjectStoreExt, PutMode, PutMultipartOptions, PutOptions, PutPayload, PutResult, Result, UploadPart,
};

use crate::error::{RangeIgnored, Refusal, StoreProblem};
use crate::store::Store;

/// What a store does wrong. Counted from 0.
#[derive(Clone, Debug)]
pub enum Fault {
    None,
    NoMultipart,
    Part(usize, StoreProblem),
    Completion(StoreProblem),
    LostCompletion,
    /// An object is written, and the answer lost.
    LostPut(usize),
    Put(usize, StoreProblem),
    Get(usize, StoreProblem),
    List(StoreProblem),
    /// An object has more bytes than it has, by its head and by lists.
    Size(u64),
    /// `If-None-Match` is not looked at.
    NoCondition,
    NoRanges,
    /// No ranges, and the first downloads break in the middle.
    Breaks(usize),
    /// Each answer has another `ETag`.
    Etags,
    /// Behind a read, an object is replaced.
    Replaced(usize, Bytes),
    /// Behind the first deletion, another writes or deletes something.
    BehindDelete(Meddling),
    /// Behind a write, another writes or deletes something.
    BehindPut(Meddling),
}

#[derive(Clone, Debug)]
pub enum Meddling {
    Write(Path, Bytes),
    Delete(Path),
}

impl Meddling {
    async fn happens(self, objects: Arc<InMemory>) -> Result<()> {
        match self {
            Self::Write(path, bytes) => objects.put(&path, bytes.into()).await.map(drop),
            Self::Delete(path) => objects.delete(&path).await,
        }
    }
}

#[derive(Debug)]
pub struct Faulty {
    objects: Arc<InMemory>,
    fault: Fault,
    gets: AtomicUsize,
    puts: AtomicUsize,
    has_meddled: AtomicBool,
    /// Downloads that will break.
    broken: AtomicUsize,
    pending: Arc<AtomicUsize>,
}

impl Faulty {
    pub fn new(fault: Fault) -> Arc<Self> {
        Self::over(Arc::new(InMemory::new()), fault)
    }

    /// The same objects, with another fault.
    pub fn over(objects: Arc<InMemory>, fault: Fault) -> Arc<Self> {
        let broken = if let Fault::Breaks(times) = fault { times } else { 0 };
        Arc::new(Self {
            objects,
            fault,
            broken: AtomicUsize::new(broken),
            gets: AtomicUsize::new(0),
            puts: AtomicUsize::new(0),
            has_meddled: AtomicBool::new(false),
            pending: Arc::default(),
        })
    }

    pub fn with(&self, fault: Fault) -> Arc<Self> {
        Self::over(self.objects.clone(), fault)
    }

    /// With the prefix `prod`.
    pub fn store(self: &Arc<Self>) -> Store {
        Store::over(self.clone(), "prod")
    }

    /// How many uploads were begun that are neither finished nor given up.
    pub fn pending(&self) -> usize {
        self.pending.load(SeqCst)
    }

    pub async fn until_nothing_is_pending(&self) {
        let nothing = async {
            while self.pending() > 0 {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        tokio::time::timeout(Duration::from_mins(1), nothing).await.unwrap();
    }

    pub async fn names(&self) -> Vec<String> {
        let names = self.objects.list(None).map_ok(|object| object.location.to_string());
        let mut names: Vec<String> = names.try_collect().await.unwrap();
        names.sort();
        names
    }

    pub async fn bytes(&self, path: &str) -> Bytes {
        self.objects
            .get(&Path::from(path))
            .await
            .unwrap()
            .bytes()
            .await
            .unwrap()
    }

    pub async fn lay(&self, path: &str, bytes: impl Into<Bytes>) {
        let payload = PutPayload::from(bytes.into());
        self.objects.put(&Path::from(path), payload).await.unwrap();
    }

    pub async fn remove(&self, path: &str) {
        self.objects.delete(&Path::from(path)).await.unwrap();
    }

    /// How often an object, or a part of one, was asked for.
    pub fn gets(&self) -> usize {
        self.gets.load(SeqCst)
    }

    /// How often an object was written as a whole.
    pub fn puts(&self) -> usize {
        self.puts.load(SeqCst)
    }

    fn seen(&self, mut meta: ObjectMeta) -> ObjectMeta {
        match self.fault {
            Fault::Size(more) => meta.size += more,
            Fault::Etags => meta.e_tag = Some(format!("{}", self.gets.load(SeqCst))),
            _ => {}
        }
        meta
    }
}

impl fmt::Display for Faulty {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Faulty")
    }
}

/// As the connector would have it.
fn failed(problem: StoreProblem) -> object_store::Error {
    let (status, code) = match problem {
        StoreProblem::Full => (507, None),
        StoreProblem::Denied => (403, Some("AccessDenied")),
        StoreProblem::Credentials => (403, Some("InvalidAccessKeyId")),
        StoreProblem::NoBucket => (404, Some("NoSuchBucket")),
        StoreProblem::Throttled => (429, None),
        StoreProblem::Unsupported => (501, None),
        _ => (500, None),
    };
    let code = code.map(str::to_owned);
    generic(HttpError::new(HttpErrorKind::Unknown, Refusal { status, code }))
}

fn generic(error: impl std::error::Error + Send + Sync + 'static) -> object_store::Error {
    object_store::Error::Generic {
        store: "Faulty",
        source: Box::new(error),
    }
}

#[async_trait]
impl ObjectStore for Faulty {
    async fn put_opts(&self, path: &Path, payload: PutPayload, mut options: PutOptions) -> Result<PutResult> {
        let at = self.puts.fetch_add(1, SeqCst);
        if let Fault::Put(fails, problem) = &self.fault
            && *fails == at
        {
            return Err(failed(*problem));
        }
        if matches!(self.fault, Fault::NoCondition) {
            options.mode = PutMode::Overwrite;
        }
        let written = self.objects.put_opts(path, payload, options).await?;
        match &self.fault {
            Fault::LostPut(lost) if *lost == at => Err(failed(StoreProblem::Unanswered)),
            Fault::BehindPut(meddling) => meddling.clone().happens(self.objects.clone()).await.map(|()| written),
            _ => Ok(written),
        }
    }

    async fn put_multipart_opts(&self, path: &Path, _: PutMultipartOptions) -> Result<Box<dyn MultipartUpload>> {
        if matches!(self.fault, Fault::NoMultipart) {
            return Err(failed(StoreProblem::Unsupported));
        }
        let upload = self.objects.put_multipart(path).await?;
        self.pending.fetch_add(1, SeqCst);
        Ok(Box::new(FaultyUpload {
            upload,
            fault: self.fault.clone(),
            parts: 0,
            pending: self.pending.clone(),
        }))
    }

    async fn get_opts(&self, path: &Path, options: GetOptions) -> Result<GetResult> {
        if options.head {
            let mut found = self.objects.get_opts(path, options).await?;
            found.meta = self.seen(found.meta);
            return Ok(found);
        }
        let at = self.gets.fetch_add(1, SeqCst);
        match &self.fault {
            Fault::Get(fails, problem) if *fails == at => return Err(failed(*problem)),
            Fault::NoRanges | Fault::Breaks(_) if options.range.is_some() => return Err(generic(RangeIgnored)),
            _ => {}
        }
        let mut found = self.objects.get_opts(path, options).await?;
        found.meta = self.seen(found.meta);
        if let Fault::Breaks(_) = &self.fault
            && self
                .broken
                .fetch_update(SeqCst, SeqCst, |left| left.checked_sub(1))
                .is_ok()
        {
            let mut bytes = found.bytes().await?;
            bytes.truncate(bytes.len() / 2);
            let broken = stream::iter([Ok(bytes), Err(failed(StoreProblem::Unanswered))]);
            found = self.objects.get_opts(path, GetOptions::default()).await?;
            found.payload = GetResultPayload::Stream(broken.boxed());
        }
        if let Fault::Replaced(behind, bytes) = &self.fault
            && *behind == at
        {
            self.objects.put(path, bytes.clone().into()).await?;
        }
        Ok(found)
    }

    fn delete_stream(&self, paths: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        let deleted = self.objects.delete_stream(paths);
        match &self.fault {
            Fault::BehindDelete(meddling) if !self.has_meddled.swap(true, SeqCst) => {
                let (meddling, objects) = (meddling.clone(), self.objects.clone());
                let meddled = deleted.and_then(move |path| {
                    let happens = meddling.clone().happens(objects.clone());
                    async move { happens.await.map(|()| path) }
                });
                meddled.boxed()
            }
            _ => deleted,
        }
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        let more = if let Fault::Size(more) = self.fault { more } else { 0 };
        let listed = self.objects.list(prefix).map_ok(move |mut meta| {
            meta.size += more;
            meta
        });
        match self.fault.clone() {
            Fault::List(problem) => listed.chain(stream::once(async move { Err(failed(problem)) })).boxed(),
            _ => listed.boxed(),
        }
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.objects.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.objects.copy_opts(from, to, options).await
    }
}

#[derive(Debug)]
struct FaultyUpload {
    upload: Box<dyn MultipartUpload>,
    fault: Fault,
    parts: usize,
    pending: Arc<AtomicUsize>,
}

#[async_trait]
impl MultipartUpload for FaultyUpload {
    fn put_part(&mut self, payload: PutPayload) -> UploadPart {
        let at = self.parts;
        self.parts += 1;
        match self.fault {
            Fault::Part(fails, problem) if fails == at => Box::pin(async move { Err(failed(problem)) }),
            _ => self.upload.put_part(payload),
        }
    }

    async fn complete(&mut self) -> Result<PutResult> {
        if let Fault::Completion(problem) = self.fault {
            return Err(failed(problem));
        }
        let written = self.upload.complete().await?;
        self.pending.fetch_sub(1, SeqCst);
        match self.fault {
            Fault::LostCompletion => Err(failed(StoreProblem::Unanswered)),
            _ => Ok(written),
        }
    }

    async fn abort(&mut self) -> Result<()> {
        self.pending.fetch_sub(1, SeqCst);
        self.upload.abort().await
    }
}
