//! Downloads artifacts: from allowed hosts only, without redirects, with a limit of bytes and a checked digest.

use std::time::Duration;

use ace_domain::inputs::sha256;
use ace_egress::{AllowedHosts, Connection, HttpClient, HttpError, Method, Request, RequestError, Response, Url};
use bytes::{Bytes, BytesMut};
use tokio::time::timeout;

use super::closures::{Turn, Turns};
use super::flux::Pointer;
use super::room::{Room, Taken};

/// Archives at one time, each for another namespace, until they are unpacked. A server that sends slowly keeps those of one namespace
/// waiting.
const AT_ONCE: usize = 4;
/// What needs no room of its own: [`AT_ONCE`] of them take 16 MiB. The real functions tree has 234 KB.
const SMALL: usize = 4 << 20;
/// Shorter than the deadline of a download, to distinguish "never connected" from "too slow".
const CONNECT: Duration = Duration::from_secs(5);

/// Why there is no archive. The text continues a message that begins with the object's name.
#[derive(Debug, Eq, PartialEq)]
pub(super) enum FetchError {
    /// The object or the operator's flags must change.
    Refused(String),
    /// It has more bytes than this.
    TooLarge {
        /// In bytes.
        limit: usize,
    },
    /// The server must change; it is retried later.
    Odd(String),
    Failed(String),
}

/// A download that may be made.
pub(super) struct Download<'a> {
    fetcher: &'a Fetcher,
    pointer: &'a Pointer,
    request: Request,
    place: String,
}

/// An archive. What it takes is given back when it is dropped, so whoever unpacks it keeps it until then.
#[derive(Debug)]
pub(super) struct Fetched {
    pub(super) bytes: Bytes,
    _room: Option<Taken>,
    _turn: Turn,
}

#[derive(Debug)]
pub(super) struct Fetcher {
    http: HttpClient,
    deadline: Duration,
    /// Most bytes of an archive.
    limit: usize,
    turns: Turns,
    /// Of all archives that are not small.
    pub(super) room: Room,
}

impl Fetcher {
    /// `limit` is that of one archive, `room` that of all together that are not small, in bytes.
    pub(super) fn new(hosts: AllowedHosts, deadline: Duration, limit: usize, room: usize) -> Result<Self, HttpError> {
        Ok(Self {
            http: HttpClient::new(hosts, CONNECT)?,
            deadline,
            limit,
            turns: Turns::new(AT_ONCE),
            room: Room::new(room.max(limit)),
        })
    }

    /// The download of the archive at `pointer`, if the operator may call that address.
    pub(super) fn admit<'a>(&'a self, pointer: &'a Pointer) -> Result<Download<'a>, FetchError> {
        let Ok(url) = Url::parse(&pointer.url) else {
            let says = "has an address that is not a URL; correct the source";
            return Err(FetchError::Refused(says.to_owned()));
        };
        let place = place(&url);
        let request = self.request(url, &place)?;
        Ok(Download {
            fetcher: self,
            pointer,
            request,
            place,
        })
    }

    fn request(&self, url: Url, place: &str) -> Result<Request, FetchError> {
        let has_password = !url.username().is_empty() || url.password().is_some();
        match self.http.request(Method::GET, url, Connection::Pooled) {
            Ok(request) => Ok(request),
            Err(_) if has_password => {
                let says = "has an address with a password in it; serve it without one";
                Err(FetchError::Refused(says.to_owned()))
            }
            Err(_) => Err(FetchError::Refused(format!(
                "is at {place}, which the operator is not allowed to call; add --allow-source-host={place} to its flags to allow it"
            ))),
        }
    }

    async fn download(&self, request: Request, place: &str) -> Result<(Bytes, Option<Taken>), FetchError> {
        let failed = |what: &str| FetchError::Failed(format!("{what} {place}"));
        let response = request.send(self.deadline).await.map_err(|error| match error {
            RequestError::Timeout => self.too_late(place),
            RequestError::Connect | RequestError::Tls => failed("can't be downloaded: no connection to"),
            _ => failed("can't be downloaded: no answer from"),
        })?;
        match response.status() {
            200..300 => {}
            300..400 => {
                return Err(FetchError::Odd(format!(
                    "is answered with a redirect by {place}, which is not followed; serve it directly"
                )));
            }
            status => {
                return Err(FetchError::Failed(format!(
                    "can't be downloaded: {place} answered {status}"
                )));
            }
        }
        self.body(response, place).await
    }

    /// The whole body. Beyond what is small there has to be room for all of it: as much as was declared, or as the limit allows.
    async fn body(&self, mut response: Response, place: &str) -> Result<(Bytes, Option<Taken>), FetchError> {
        let limit = self.limit;
        let declared = response.length().map(usize::try_from);
        let most = declared.map_or(limit, |declared| declared.unwrap_or(usize::MAX));
        if most > limit {
            return Err(FetchError::TooLarge { limit });
        }
        let (mut body, mut taken, mut waited) = (BytesMut::new(), None, false);
        loop {
            let chunk = response.chunk().await.map_err(|error| match error {
                RequestError::Timeout if waited => crowded(),
                RequestError::Timeout => self.too_late(place),
                _ => FetchError::Failed(format!("can't be downloaded: the connection was closed by {place}")),
            })?;
            let Some(chunk) = chunk else { break };
            if body.len() + chunk.len() > limit {
                return Err(FetchError::TooLarge { limit });
            }
            if taken.is_none() && body.len() + chunk.len() > SMALL {
                waited = !self.room.has(most);
                let take = timeout(self.deadline, self.room.take(most));
                taken = Some(take.await.map_err(|_| crowded())?);
                // At once: a buffer that grows is there twice while it does.
                body.reserve(most.saturating_sub(body.len()).max(chunk.len()));
            }
            body.extend_from_slice(&chunk);
        }
        Ok((body.freeze(), taken))
    }

    fn too_late(&self, place: &str) -> FetchError {
        FetchError::Failed(format!(
            "can't be downloaded: {place} did not send it within {} s",
            self.deadline.as_secs()
        ))
    }
}

impl Download<'_> {
    /// The archive for an object of `namespace`, if its bytes have the pointer's digest. Until it is dropped, it is its namespace's
    /// turn.
    pub(super) async fn fetch(self, namespace: &str) -> Result<Fetched, FetchError> {
        let (fetcher, place) = (self.fetcher, &self.place);
        let turn = fetcher.turns.wait(namespace).await;
        let (bytes, room) = fetcher.download(self.request, place).await?;
        let found = sha256(&bytes);
        if found == self.pointer.digest {
            return Ok(Fetched {
                bytes,
                _room: room,
                _turn: turn,
            });
        }
        // The server may be writing it, so it is retried; these bytes are not used.
        Err(FetchError::Odd(format!(
            "does not match the digest in its object: {place} sent {}, the object has {}; reconcile the source",
            short(&found),
            short(&self.pointer.digest)
        )))
    }
}

fn crowded() -> FetchError {
    FetchError::Failed("can't be downloaded yet: other large artifacts are; it is tried again".to_owned())
}

/// Scheme, host and port: the path of an artifact may be confidential.
fn place(url: &Url) -> String {
    url.origin().ascii_serialization()
}

/// `sha256:` and twelve digits.
fn short(digest: &str) -> &str {
    digest.get(..19).unwrap_or(digest)
}
