use std::{
    io,
    pin::Pin,
    task::{Context, Poll, ready},
};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::{Head, LOGIN, Meter, OF_HANDSHAKE, PARAMETER, ROW};

/// How much is read at a time, in bytes; the driver's own buffer has the same size.
const CHUNK: usize = 8 << 10;

/// A stream of messages of a server, of which each is admitted by its head before the driver sees it.
pub(crate) struct Metered<S> {
    inner: S,
    meter: Meter,
    /// What was read and not passed on, from `at`.
    buffer: Vec<u8>,
    at: usize,
    /// What is left of the message that was admitted last.
    rest: u64,
    /// It is not passed on.
    skips: bool,
}

impl<S> Metered<S> {
    pub(super) fn new(inner: S, meter: Meter) -> Self {
        meter.restart();
        Self {
            inner,
            meter,
            buffer: Vec::with_capacity(CHUNK),
            at: 0,
            rest: 0,
            skips: false,
        }
    }

    pub(super) fn inner(&self) -> &S {
        &self.inner
    }

    fn unread(&self) -> &[u8] {
        self.buffer.get(self.at..).unwrap_or_default()
    }

    /// Passes on what is admitted; returns when that is all of the buffer but the beginning of a head, or when `out` is full.
    fn pass(&mut self, out: &mut ReadBuf<'_>) -> io::Result<()> {
        while out.remaining() > 0 {
            if self.rest == 0 {
                let Some(head) = Head::read(self.unread())? else { break };
                let unknown = !OF_HANDSHAKE.contains(&head.tag) && !self.meter.count().in_session;
                if unknown {
                    return Err(io::Error::new(io::ErrorKind::InvalidData, "no message of a handshake"));
                }
                // The driver's error of it is told from others by the meter.
                let admitted = self.meter.admit(&head);
                admitted.map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "refused by its size or kind"))?;
                (self.rest, self.skips) = (head.length, head.tag == PARAMETER);
            }
            let rest = usize::try_from(self.rest).unwrap_or(usize::MAX);
            let part = self.unread().get(..rest).unwrap_or(self.unread());
            if part.is_empty() {
                break;
            }
            let part = if self.skips {
                part.len()
            } else {
                let part = part.get(..out.remaining()).unwrap_or(part);
                out.put_slice(part);
                part.len()
            };
            self.at += part;
            self.rest -= part as u64;
        }
        Ok(())
    }
}

impl Head {
    /// The head at the beginning of these bytes; `None` if it is not whole yet.
    fn read(bytes: &[u8]) -> io::Result<Option<Self>> {
        let Some((&tag, rest)) = bytes.split_first() else {
            return Ok(None);
        };
        let Some((length, body)) = rest.split_first_chunk() else {
            return Ok(None);
        };
        let length = u32::from_be_bytes(*length);
        if length < 4 {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                "a length that no message has",
            ));
        }
        let mut head = Self {
            tag,
            length: u64::from(length) + 1,
            columns: 0,
            login: None,
        };
        match tag {
            ROW if length >= 6 => {
                let Some(columns) = body.first_chunk() else {
                    return Ok(None);
                };
                head.columns = u16::from_be_bytes(*columns).into();
            }
            LOGIN if length >= 8 => {
                let Some(login) = body.first_chunk() else {
                    return Ok(None);
                };
                head.login = Some(u32::from_be_bytes(*login));
            }
            _ => {}
        }
        Ok(Some(head))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Metered<S> {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, out: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = out.filled().len();
        loop {
            self.pass(out)?;
            if out.filled().len() > before || out.remaining() == 0 {
                return Poll::Ready(Ok(()));
            }
            let this = &mut *self;
            this.buffer.drain(..this.at.min(this.buffer.len()));
            this.at = 0;
            let mut chunk = [0; CHUNK];
            let mut chunk = ReadBuf::new(&mut chunk);
            ready!(Pin::new(&mut this.inner).poll_read(context, &mut chunk))?;
            if chunk.filled().is_empty() {
                // The end: half a head is of no use to the driver either.
                return Poll::Ready(Ok(()));
            }
            this.buffer.extend_from_slice(chunk.filled());
        }
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Metered<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(context)
    }
}
