//! Data on its way into a store: compressed by zstd, encrypted by age, and cut into parts. Nothing of it reaches a disk.
//!
//! `age --decrypt | zstd --decompress` gives the data back.

use std::io::{self, Write};
use std::mem;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};

use bytes::{Bytes, BytesMut};
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;
use tokio::task::{JoinHandle, spawn_blocking};

use crate::digest::{Digest, Hasher};
use crate::error::{StoreError, StoreProblem};
use crate::keys::Recipients;
use crate::run::{DATA, RunPath};
use crate::store::Store;
use crate::upload::{Parts, Upload};

/// Of zstd: 150 MB/s and core for dumps; 1 is faster, 9 takes five times as long for 3 % (measured).
const LEVEL: i32 = 3;

/// Bytes in front of the data, with age's header for all recipients, that tell whether an identity opens it.
pub const HEAD: usize = 4_096;

/// Pieces between whoever writes and the thread that compresses.
const PIECES: usize = 4;

/// What is known of data that was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Sealed {
    /// As stored.
    pub bytes: u64,
    /// Of the data itself.
    pub raw_bytes: u64,
    /// Of what is stored.
    pub digest: Digest,
    /// Of the first [`HEAD`] bytes that are stored: it tells a damaged header from another key's.
    pub head_digest: Digest,
}

/// Data that is being written. What is neither finished nor given up is given up when it is dropped.
pub struct Seal {
    input: Option<mpsc::Sender<Bytes>>,
    encoder: Option<JoinHandle<io::Result<(Sealed, Bytes)>>>,
    uploader: Option<JoinHandle<Result<Upload, StoreError>>>,
    progress: Arc<Progress>,
}

#[derive(Default)]
struct Progress {
    raw_bytes: AtomicU64,
    is_given_up: AtomicBool,
}

impl Store {
    /// Begins to write the data of a run. It appears by [`Seal::finish`], and not before.
    pub fn seal(&self, run: &RunPath, recipients: &Recipients, parts: Parts) -> Seal {
        let upload = Upload::new(self.streams.clone(), self.file(run, DATA), parts);
        let progress = Arc::new(Progress::default());
        let (input, pieces) = mpsc::channel(PIECES);
        let (sender, receiver) = mpsc::channel(1);
        let cut = Cut::new(parts.size(), sender, progress.clone());
        let (recipients, counted) = (recipients.clone(), progress.clone());
        Seal {
            input: Some(input),
            encoder: Some(spawn_blocking(move || encode(&recipients, pieces, cut, &counted))),
            uploader: Some(tokio::spawn(send(upload, receiver))),
            progress,
        }
    }
}

impl Seal {
    /// Takes a piece of the data; waits while the store is slower than whoever writes.
    pub async fn write(&mut self, bytes: Bytes) -> Result<(), StoreError> {
        let sent = match &self.input {
            Some(input) => input.send(bytes).await.is_ok(),
            None => false,
        };
        if sent { Ok(()) } else { Err(self.failure().await) }
    }

    /// Bytes of the data that were compressed so far.
    pub fn raw_bytes(&self) -> u64 {
        self.progress.raw_bytes.load(Relaxed)
    }

    /// Makes the data appear: after the exit code of whoever wrote it, since a pipe that was cut short ends like any other.
    pub async fn finish(mut self) -> Result<Sealed, StoreError> {
        self.input = None;
        let encoded = joined(self.encoder.take()).await;
        let upload = joined(self.uploader.take()).await;
        let (upload, (sealed, rest)) = match (upload, encoded) {
            (Some(Ok(upload)), Some(Ok(encoded))) => (upload, encoded),
            (Some(Err(error)), _) => return Err(error),
            (Some(Ok(upload)), _) => {
                upload.abort().await;
                return Err(not_encoded());
            }
            (None, _) => return Err(not_encoded()),
        };
        upload.finish(rest).await?;
        Ok(sealed)
    }

    /// Gives up what was written; `false` where the store did not say that nothing is left.
    pub async fn abort(mut self) -> bool {
        self.progress.is_given_up.store(true, Relaxed);
        self.input = None;
        joined(self.encoder.take()).await;
        match joined(self.uploader.take()).await {
            Some(Ok(upload)) => upload.abort().await,
            // It was given up when it failed.
            _ => true,
        }
    }

    async fn failure(&mut self) -> StoreError {
        self.input = None;
        match joined(self.uploader.take()).await {
            Some(Err(error)) => error,
            _ => not_encoded(),
        }
    }
}

impl Drop for Seal {
    fn drop(&mut self) {
        self.progress.is_given_up.store(true, Relaxed);
    }
}

/// What a task ended with; `None` where it panicked, or was asked before.
async fn joined<T>(task: Option<JoinHandle<T>>) -> Option<T> {
    task?.await.ok()
}

fn not_encoded() -> StoreError {
    StoreError::new(StoreProblem::Refused, "the data could not be compressed and encrypted")
}

async fn send(mut upload: Upload, mut parts: mpsc::Receiver<Bytes>) -> Result<Upload, StoreError> {
    let sent = async {
        loop {
            upload.ready().await?;
            match parts.recv().await {
                Some(part) => upload.part(part).await?,
                None => return Ok(()),
            }
        }
    };
    match sent.await {
        Ok(()) => Ok(upload),
        Err(error) => {
            upload.abort().await;
            Err(error)
        }
    }
}

/// Runs on a thread of its own, since it computes.
fn encode(
    recipients: &Recipients,
    mut pieces: mpsc::Receiver<Bytes>,
    cut: Cut,
    progress: &Progress,
) -> io::Result<(Sealed, Bytes)> {
    let age = age::Encryptor::with_recipients(recipients.iter()).map_err(io::Error::other)?;
    let mut zstd = zstd::Encoder::new(age.wrap_output(cut)?, LEVEL)?;
    zstd.include_checksum(true)?;
    let mut raw_bytes = 0;
    while let Some(piece) = pieces.blocking_recv() {
        zstd.write_all(&piece)?;
        raw_bytes += piece.len() as u64;
        progress.raw_bytes.store(raw_bytes, Relaxed);
    }
    let Cut {
        buffer, head, hasher, ..
    } = zstd.finish()?.finish()?;
    let sealed = Sealed {
        bytes: hasher.bytes(),
        raw_bytes,
        digest: hasher.finish(),
        head_digest: Digest::of(&head),
    };
    Ok((sealed, buffer.freeze()))
}

/// Cuts what is stored into parts. The last one, which may be full, is left to whoever finishes.
struct Cut {
    size: usize,
    buffer: BytesMut,
    head: Vec<u8>,
    hasher: Hasher,
    parts: mpsc::Sender<Bytes>,
    progress: Arc<Progress>,
}

impl Cut {
    fn new(size: usize, parts: mpsc::Sender<Bytes>, progress: Arc<Progress>) -> Self {
        Self {
            size,
            buffer: BytesMut::new(),
            head: Vec::with_capacity(HEAD),
            hasher: Hasher::default(),
            parts,
            progress,
        }
    }
}

impl Write for Cut {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.buffer.len() == self.size {
            let part = mem::take(&mut self.buffer).freeze();
            let sent = self.parts.blocking_send(part);
            sent.map_err(|_| io::Error::from(io::ErrorKind::BrokenPipe))?;
        }
        if self.progress.is_given_up.load(Relaxed) {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        if self.buffer.capacity() == 0 {
            self.buffer.reserve(self.size);
        }
        let length = bytes.len().min(self.size - self.buffer.len());
        let (taken, _) = bytes.split_at(length);
        self.head.extend(taken.iter().take(HEAD - self.head.len()));
        self.hasher.update(taken);
        self.buffer.extend_from_slice(taken);
        Ok(length)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
