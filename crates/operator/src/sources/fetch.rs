//! Downloads artifacts: from allowed hosts only, without redirects, with a limit of bytes and a checked digest.

use std::time::Duration;

use ace_domain::inputs::sha256;
use ace_egress::{AllowedHosts, Connection, HttpClient, HttpError, Method, Request, RequestError, Url};
use bytes::Bytes;

use super::closures::Turns;
use super::flux::Pointer;

/// Downloads at one time, each for another namespace: an archive of the largest size may be in memory for each. A server that sends
/// slowly keeps those of one namespace waiting.
const AT_ONCE: usize = 4;
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

#[derive(Debug)]
pub(super) struct Fetcher {
    http: HttpClient,
    deadline: Duration,
    /// Most bytes of an archive.
    limit: usize,
    turns: Turns,
}

impl Fetcher {
    pub(super) fn new(hosts: AllowedHosts, deadline: Duration, limit: usize) -> Result<Self, HttpError> {
        Ok(Self {
            http: HttpClient::new(hosts, CONNECT)?,
            deadline,
            limit,
            turns: Turns::new(AT_ONCE),
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

    async fn download(&self, request: Request, place: &str) -> Result<Bytes, FetchError> {
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
        response.body(self.limit).await.map_err(|error| match error {
            RequestError::TooLarge { limit } => FetchError::TooLarge { limit },
            RequestError::Timeout => self.too_late(place),
            _ => failed("can't be downloaded: the connection was closed by"),
        })
    }

    fn too_late(&self, place: &str) -> FetchError {
        FetchError::Failed(format!(
            "can't be downloaded: {place} did not send it within {} s",
            self.deadline.as_secs()
        ))
    }
}

impl Download<'_> {
    /// The archive for an object of `namespace`, if its bytes have the pointer's digest.
    pub(super) async fn fetch(self, namespace: &str) -> Result<Bytes, FetchError> {
        let (fetcher, place) = (self.fetcher, &self.place);
        let _turn = fetcher.turns.wait(namespace).await;
        let bytes = fetcher.download(self.request, place).await?;
        let found = sha256(&bytes);
        if found == self.pointer.digest {
            return Ok(bytes);
        }
        // The server may be writing it, so it is retried; these bytes are not used.
        Err(FetchError::Odd(format!(
            "does not match the digest in its object: {place} sent {}, the object has {}; reconcile the source",
            short(&found),
            short(&self.pointer.digest)
        )))
    }
}

/// Scheme, host and port: the path of an artifact may be confidential.
fn place(url: &Url) -> String {
    url.origin().ascii_serialization()
}

/// `sha256:` and twelve digits.
fn short(digest: &str) -> &str {
    digest.get(..19).unwrap_or(digest)
}
