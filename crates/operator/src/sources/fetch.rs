//! Downloads artifacts: from allowed hosts only, once, without redirects, counted and checked.

use std::time::Duration;

use ace_egress::{AllowedHosts, Connection, HttpClient, HttpError, Method, Request, RequestError, Url};
use bytes::Bytes;
use tokio::sync::Semaphore;

use super::config_map::sha256;
use super::flux::Pointer;

/// Downloads at one time: each may hold an archive of the largest size in memory.
const AT_ONCE: usize = 2;
/// Shorter than the deadline of a download, so that "never connected" is told from "too slow".
const CONNECT: Duration = Duration::from_secs(5);

/// Why there is no archive. The text goes on a sentence that begins with the object's name.
#[derive(Debug, Eq, PartialEq)]
pub(super) enum FetchError {
    /// The object or the operator's flags must change.
    Refused(String),
    /// The server must change; it may be asked again, later.
    Odd(String),
    /// No archive this time.
    Failed(String),
}

#[derive(Debug)]
pub(super) struct Fetcher {
    http: HttpClient,
    deadline: Duration,
    /// Most bytes of an archive.
    limit: usize,
    slots: Semaphore,
}

impl Fetcher {
    pub(super) fn new(hosts: AllowedHosts, deadline: Duration, limit: usize) -> Result<Self, HttpError> {
        Ok(Self {
            http: HttpClient::new(hosts, CONNECT)?,
            deadline,
            limit,
            slots: Semaphore::new(AT_ONCE),
        })
    }

    /// The archive that `pointer` names, if its bytes have the digest that it says.
    pub(super) async fn fetch(&self, pointer: &Pointer) -> Result<Bytes, FetchError> {
        let Ok(url) = Url::parse(&pointer.url) else {
            let says = "lies at an address that is no URL; correct the source";
            return Err(FetchError::Refused(says.to_owned()));
        };
        let place = place(&url);
        let request = self.request(url, &place)?;
        let _slot = self.slots.acquire().await;
        let bytes = self.download(request, &place).await?;
        let found = sha256(&bytes);
        if found == pointer.digest {
            return Ok(bytes);
        }
        // The server may be writing it, so it is asked again; but what was sent is not used.
        Err(FetchError::Odd(format!(
            "is not what its object says: {place} sent {}, the object names {}; reconcile the source",
            short(&found),
            short(&pointer.digest)
        )))
    }

    fn request(&self, url: Url, place: &str) -> Result<Request, FetchError> {
        let has_password = !url.username().is_empty() || url.password().is_some();
        match self.http.request(Method::GET, url, Connection::Pooled) {
            Ok(request) => Ok(request),
            Err(_) if has_password => {
                let says = "lies at an address with a password in it; serve it without";
                Err(FetchError::Refused(says.to_owned()))
            }
            Err(_) => Err(FetchError::Refused(format!(
                "lies at {place}, which the operator may not call; start it with --allow-source-host={place} if it should"
            ))),
        }
    }

    async fn download(&self, request: Request, place: &str) -> Result<Bytes, FetchError> {
        let failed = |what: &str| FetchError::Failed(format!("{what} {place}"));
        let response = request.send(self.deadline).await.map_err(|error| match error {
            RequestError::Timeout => self.too_late(place),
            RequestError::Connect | RequestError::Tls => failed("can't be had: no connection to"),
            _ => failed("can't be had: no answer of"),
        })?;
        match response.status() {
            200..300 => {}
            300..400 => {
                return Err(FetchError::Odd(format!(
                    "is answered with a redirect by {place}, which is not followed; serve it directly"
                )));
            }
            status => {
                return Err(FetchError::Failed(format!("can't be had: {place} answered {status}")));
            }
        }
        response.body(self.limit).await.map_err(|error| match error {
            RequestError::TooLarge { limit } => FetchError::Refused(format!(
                "has more than {limit} bytes; narrow the source with spec.ignore or .sourceignore"
            )),
            RequestError::Timeout => self.too_late(place),
            _ => failed("broke off while it came from"),
        })
    }

    fn too_late(&self, place: &str) -> FetchError {
        FetchError::Failed(format!(
            "did not arrive from {place} within {} s",
            self.deadline.as_secs()
        ))
    }
}

/// Scheme, host and port: the path of an artifact can hold what is nobody else's business.
fn place(url: &Url) -> String {
    url.origin().ascii_serialization()
}

/// `sha256:` and twelve digits.
fn short(digest: &str) -> &str {
    digest.get(..19).unwrap_or(digest)
}
