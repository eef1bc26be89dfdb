use std::io;

use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWriteExt},
    process::ChildStdin,
};

use super::{Contents, ContentsError};

/// The largest table of contents that is read, in bytes; 10,000 tables have some 20 MiB.
pub(super) const LARGEST: usize = 64 << 20;

/// How much is passed on at a time, in bytes.
const CHUNK: usize = 256 << 10;

/// The beginning of a dump's stream, with its table of contents.
pub(crate) struct Head {
    pub(crate) contents: Contents,
    bytes: Vec<u8>,
}

/// Why a stream has no head.
pub(crate) enum HeadError {
    Source(io::Error),
    Contents(ContentsError),
}

impl Head {
    pub(crate) async fn read(source: &mut (impl AsyncRead + Unpin)) -> Result<Self, HeadError> {
        let mut bytes = Vec::with_capacity(CHUNK);
        // It is read again only when there is twice as much: its length is not known before.
        let mut enough = CHUNK;
        loop {
            let length = source.read_buf(&mut bytes).await.map_err(HeadError::Source)?;
            if length > 0 && bytes.len() < enough {
                continue;
            }
            match Contents::read(&bytes) {
                Ok(contents) => return Ok(Self { contents, bytes }),
                Err(ContentsError::Cut) if length > 0 && bytes.len() > LARGEST => {
                    return Err(HeadError::Contents(ContentsError::TooLarge));
                }
                Err(ContentsError::Cut) if length > 0 => enough = bytes.len() * 2,
                Err(error) => return Err(HeadError::Contents(error)),
            }
            bytes.reserve(enough.saturating_sub(bytes.len()));
        }
    }

    /// Gives all of it to a program. The stream is read to its end even if the program has enough: only there it says whether it
    /// was whole.
    pub(crate) async fn feed(self, source: &mut (impl AsyncRead + Unpin), stdin: Option<ChildStdin>) -> io::Result<()> {
        let mut stdin = stdin;
        let mut chunk = self.bytes;
        loop {
            if let Some(pipe) = &mut stdin
                && pipe.write_all(&chunk).await.is_err()
            {
                // The program has ended, and says why.
                stdin = None;
            }
            chunk.clear();
            chunk.reserve(CHUNK);
            if source.read_buf(&mut chunk).await? == 0 {
                return Ok(());
            }
            chunk.shrink_to(CHUNK);
        }
    }
}
