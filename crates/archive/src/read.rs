//! What is stored, on its way back: SHA-256, age, zstd. It is good when its end was reached, and not before.

use std::io::{self, BufRead, BufReader, Read};
use std::mem;

use bytes::Bytes;
use tokio::sync::mpsc;
use tokio::task::{JoinHandle, spawn_blocking};

use crate::digest::{Digest, Hasher};
use crate::download::Download;
use crate::error::StoreError;
use crate::keys::Identities;
use crate::run::{DATA, RunPath};
use crate::seal::{HEAD, Sealed};
use crate::store::Store;

/// Bytes of a piece of the data.
const PIECE: usize = 256 << 10;

/// The logarithm of the most bytes that decompression remembers: 8 MiB, where level 3 needs 2.
const WINDOW: u32 = 23;

/// What is wrong with data that is stored.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Finding {
    /// A list does not show it, or not its manifest.
    #[error("it is not there")]
    Missing,
    /// It has another size, or was replaced while it was read.
    #[error("it is another object, of {size} bytes")]
    Changed {
        /// As it is now.
        size: u64,
    },
    /// It is not what was written.
    #[error("it is damaged: {}", layer.says())]
    Corrupt {
        /// Which of the layers says so first.
        layer: Layer,
    },
    /// It is what was written, and these identities do not open it.
    #[error("the identity does not open it")]
    KeyMismatch,
}

/// What is checked of data that is stored.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Layer {
    /// Its SHA-256.
    Digest,
    /// The header of age.
    Header,
    /// The chunks of age.
    Encryption,
    /// The frame of zstd and its checksum.
    Compression,
    /// The size of the data itself.
    Length,
}

impl Layer {
    fn says(self) -> &'static str {
        match self {
            Self::Digest => "its SHA-256 is another",
            Self::Header => "it does not begin as an archive",
            Self::Encryption => "it can't be decrypted to its end",
            Self::Compression => "it can't be decompressed",
            Self::Length => "the data has another size",
        }
    }
}

/// Why data was not read to its end.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum ReadError {
    /// Nobody knows what is there.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// What is there is wrong.
    #[error(transparent)]
    Found(#[from] Finding),
}

/// Data that is being read. Dropped, it is read no further.
pub struct Reader {
    output: mpsc::Receiver<Bytes>,
    download: Option<JoinHandle<Result<bool, ReadError>>>,
    decoder: Option<JoinHandle<Result<(), Finding>>>,
    size: u64,
}

impl Store {
    /// Begins to read the data of a run, which is known to be `sealed`.
    pub fn read(&self, run: &RunPath, sealed: &Sealed, identities: &Identities) -> Reader {
        let download = self.download(run, sealed);
        let (sender, pieces) = mpsc::channel(1);
        let (output, receiver) = mpsc::channel(4);
        let (sealed, identities) = (*sealed, identities.clone());
        Reader {
            output: receiver,
            download: Some(tokio::spawn(fetch(download, sender))),
            decoder: Some(spawn_blocking(move || decode(pieces, &sealed, &identities, &output))),
            size: sealed.bytes,
        }
    }

    pub(crate) fn download(&self, run: &RunPath, sealed: &Sealed) -> Download {
        Download::new(self.streams.clone(), self.file(run, DATA), sealed.bytes, self.piece)
    }
}

impl Reader {
    /// The next piece of the data; `None` when all of it was read, and each layer has confirmed it. What came before an error is worth
    /// nothing.
    pub async fn next(&mut self) -> Result<Option<Bytes>, ReadError> {
        match self.output.recv().await {
            Some(piece) => Ok(Some(piece)),
            None => self.end().await.map(|()| None),
        }
    }

    async fn end(&mut self) -> Result<(), ReadError> {
        let (Some(download), Some(decoder)) = (self.download.take(), self.decoder.take()) else {
            return Ok(());
        };
        // One that panicked has read what nobody writes.
        let read = decoder.await.unwrap_or(Err(Finding::Corrupt {
            layer: Layer::Encryption,
        }));
        let is_other = match download.await {
            Ok(fetched) => fetched?,
            Err(_) => false,
        };
        match read {
            Err(Finding::Corrupt { .. }) if is_other => Err(Finding::Changed { size: self.size }.into()),
            read => Ok(read?),
        }
    }
}

/// Whether the object was another one at some time. Ends early when nobody reads.
async fn fetch(mut download: Download, pieces: mpsc::Sender<Bytes>) -> Result<bool, ReadError> {
    while let Some(piece) = download.next().await? {
        if pieces.send(piece).await.is_err() {
            break;
        }
    }
    Ok(download.is_other)
}

/// Runs on a thread of its own, since it computes.
fn decode(
    pieces: mpsc::Receiver<Bytes>,
    sealed: &Sealed,
    identities: &Identities,
    output: &mpsc::Sender<Bytes>,
) -> Result<(), Finding> {
    let corrupt = |layer| Finding::Corrupt { layer };
    let mut stored = Stored::new(pieces);
    opened(stored.head(), sealed, identities)?;
    let age = age::Decryptor::new_buffered(&mut stored).map_err(|_| corrupt(Layer::Header))?;
    let age = age.decrypt(identities.iter()).map_err(|_| corrupt(Layer::Header))?;
    let mut age = Watched {
        inner: age,
        has_failed: false,
    };
    let raw_bytes = match unpack(&mut age, sealed, output) {
        Err(_) if age.has_failed => return Err(corrupt(Layer::Encryption)),
        unpacked => unpacked?,
    };
    // The frame has ended; the last chunk of age has to have, too.
    if io::copy(&mut age, &mut io::sink()).is_err() {
        return Err(corrupt(Layer::Encryption));
    }
    drop(age);
    if stored.finish() != sealed.digest {
        return Err(corrupt(Layer::Digest));
    }
    if raw_bytes != sealed.raw_bytes {
        return Err(corrupt(Layer::Length));
    }
    Ok(())
}

/// The size of the data. `Missing` never leaves this module: nobody reads any more.
fn unpack(age: &mut impl Read, sealed: &Sealed, output: &mpsc::Sender<Bytes>) -> Result<u64, Finding> {
    let corrupt = |layer| Finding::Corrupt { layer };
    let buffered = BufReader::with_capacity(zstd::Decoder::<'_, &[u8]>::recommended_output_size(), age);
    let mut zstd = zstd::Decoder::with_buffer(buffered).map_err(|_| corrupt(Layer::Compression))?;
    zstd.window_log_max(WINDOW).map_err(|_| corrupt(Layer::Compression))?;
    let mut raw_bytes = 0;
    loop {
        let mut piece = Vec::with_capacity(PIECE);
        let read = (&mut zstd).take(PIECE as u64).read_to_end(&mut piece);
        read.map_err(|_| corrupt(Layer::Compression))?;
        if piece.is_empty() {
            return Ok(raw_bytes);
        }
        raw_bytes += piece.len() as u64;
        if raw_bytes > sealed.raw_bytes {
            return Err(corrupt(Layer::Length));
        }
        if output.blocking_send(piece.into()).is_err() {
            return Err(Finding::Missing);
        }
    }
}

/// Whether these identities open what begins so: damage is told from the header of another key by the digest.
pub(crate) fn opened(head: &[u8], sealed: &Sealed, identities: &Identities) -> Result<(), Finding> {
    let is_intact = Digest::of(head) == sealed.head_digest;
    let damaged = Finding::Corrupt { layer: Layer::Header };
    let age = age::Decryptor::new_buffered(head).map_err(|_| damaged)?;
    match age.decrypt(identities.iter()) {
        Ok(_) => Ok(()),
        Err(age::DecryptError::NoMatchingKeys) if is_intact => Err(Finding::KeyMismatch),
        Err(_) => Err(damaged),
    }
}

/// What is stored, as it comes; its digest is that of all of it, read or not.
struct Stored {
    pieces: mpsc::Receiver<Bytes>,
    piece: Bytes,
    hasher: Hasher,
}

impl Stored {
    fn new(pieces: mpsc::Receiver<Bytes>) -> Self {
        Self {
            pieces,
            piece: Bytes::new(),
            hasher: Hasher::default(),
        }
    }

    /// The first bytes, which are read again.
    fn head(&mut self) -> &[u8] {
        let mut head = Vec::new();
        while head.len() < HEAD && self.pieces_left() {
            head.extend_from_slice(&mem::take(&mut self.piece));
        }
        self.piece = head.into();
        self.piece.get(..HEAD).unwrap_or(&self.piece)
    }

    fn finish(mut self) -> Digest {
        while self.pieces_left() {
            self.piece.clear();
        }
        self.hasher.finish()
    }

    fn pieces_left(&mut self) -> bool {
        while self.piece.is_empty() {
            match self.pieces.blocking_recv() {
                Some(piece) => {
                    self.hasher.update(&piece);
                    self.piece = piece;
                }
                None => return false,
            }
        }
        true
    }
}

impl Read for Stored {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut filled = self.fill_buf()?;
        let read = filled.read(buffer)?;
        self.consume(read);
        Ok(read)
    }
}

impl BufRead for Stored {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.pieces_left();
        Ok(&self.piece)
    }

    fn consume(&mut self, amount: usize) {
        let _ = self.piece.split_to(amount.min(self.piece.len()));
    }
}

/// Remembers that reading failed, which zstd's own errors do not tell.
struct Watched<R> {
    inner: R,
    has_failed: bool,
}

impl<R: Read> Read for Watched<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer);
        self.has_failed |= read.is_err();
        read
    }
}
