//! Downloads artifacts: from allowed hosts only, once, without redirects, counted and checked.

use std::time::Duration;

use ace_egress::AllowedHosts;
use bytes::{Bytes, BytesMut};
use reqwest::{Client, Response, Url, redirect, retry};
use tokio::sync::Semaphore;
use tokio::time::timeout;

use super::config_map::sha256;
use super::flux::Pointer;

/// Downloads at one time: each may hold an archive of the largest size in memory.
const AT_ONCE: usize = 2;
/// Shorter than the deadline of a download, so that "never connected" is told from "too slow".
const CONNECT: Duration = Duration::from_secs(5);
const USER_AGENT: &str = concat!("ace-operator/", env!("CARGO_PKG_VERSION"));

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
    proxied: Client,
    direct: Client,
    hosts: AllowedHosts,
    deadline: Duration,
    /// Most bytes of an archive.
    limit: usize,
    slots: Semaphore,
}

impl Fetcher {
    pub(super) fn new(hosts: AllowedHosts, deadline: Duration, limit: usize) -> Result<Self, reqwest::Error> {
        // An error says that the process has a provider already, which is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let builder = || {
            Client::builder()
                .user_agent(USER_AGENT)
                .redirect(redirect::Policy::none())
                .retry(retry::never())
                .referer(false)
                .connect_timeout(CONNECT)
        };
        Ok(Self {
            proxied: builder().build()?,
            direct: builder().no_proxy().build()?,
            hosts,
            deadline,
            limit,
            slots: Semaphore::new(AT_ONCE),
        })
    }

    /// The archive that `pointer` names, if its bytes have the digest that it says.
    pub(super) async fn fetch(&self, pointer: &Pointer) -> Result<Bytes, FetchError> {
        let url = self.allowed(&pointer.url)?;
        let _slot = self.slots.acquire().await;
        let bytes = timeout(self.deadline, self.download(&url)).await.unwrap_or_else(|_| {
            Err(FetchError::Failed(format!(
                "did not arrive from {} within {} s",
                place(&url),
                self.deadline.as_secs()
            )))
        })?;
        let found = sha256(&bytes);
        if found == pointer.digest {
            return Ok(bytes);
        }
        // The server may be writing it, so it is asked again; but what was sent is not used.
        Err(FetchError::Odd(format!(
            "is not what its object says: {} sent {}, the object names {}; reconcile the source",
            place(&url),
            short(&found),
            short(&pointer.digest)
        )))
    }

    fn allowed(&self, text: &str) -> Result<Url, FetchError> {
        let refused = |why: String| Err(FetchError::Refused(why));
        let Ok(url) = Url::parse(text) else {
            return refused("lies at an address that is no URL; correct the source".to_owned());
        };
        if self.hosts.allows(&url) {
            return Ok(url);
        }
        if !url.username().is_empty() || url.password().is_some() {
            return refused("lies at an address with a password in it; serve it without".to_owned());
        }
        let place = place(&url);
        refused(format!(
            "lies at {place}, which the operator may not call; start it with --allow-source-host={place} if it should"
        ))
    }

    async fn download(&self, url: &Url) -> Result<Bytes, FetchError> {
        let failed = |what: &str| FetchError::Failed(format!("{what} {}", place(url)));
        let client = if is_loopback(url) { &self.direct } else { &self.proxied };
        let response = client.get(url.clone()).send().await.map_err(|error| {
            failed(if error.is_connect() {
                "can't be had: no connection to"
            } else {
                "can't be had: no answer of"
            })
        })?;
        let status = response.status();
        if status.is_redirection() {
            let to = format!(
                "is answered with a redirect by {}, which is not followed; serve it directly",
                place(url)
            );
            return Err(FetchError::Odd(to));
        }
        if !status.is_success() {
            return Err(FetchError::Failed(format!(
                "can't be had: {} answered {}",
                place(url),
                status.as_u16()
            )));
        }
        self.collect(response)
            .await?
            .ok_or_else(|| failed("broke off while it came from"))
    }

    /// All bytes of an answer; `None` when the connection broke.
    async fn collect(&self, mut response: Response) -> Result<Option<Bytes>, FetchError> {
        let too_large = || {
            FetchError::Refused(format!(
                "has more than {} bytes; narrow the source with spec.ignore or .sourceignore",
                self.limit
            ))
        };
        // A declared length is refused at once; what is not declared is counted.
        if response
            .content_length()
            .is_some_and(|length| length > self.limit as u64)
        {
            return Err(too_large());
        }
        let mut body = BytesMut::new();
        loop {
            match response.chunk().await {
                Ok(Some(chunk)) if body.len() + chunk.len() > self.limit => return Err(too_large()),
                Ok(Some(chunk)) => body.extend_from_slice(&chunk),
                Ok(None) => return Ok(Some(body.freeze())),
                Err(_) => return Ok(None),
            }
        }
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

/// A proxy is never asked for what lies on this machine.
fn is_loopback(url: &Url) -> bool {
    match url.host_str() {
        Some("localhost") => true,
        Some(host) => host
            .trim_matches(['[', ']'])
            .parse::<std::net::IpAddr>()
            .is_ok_and(|address| address.is_loopback()),
        None => false,
    }
}
