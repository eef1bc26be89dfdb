//! The one place where requests leave: allowed hosts, deadlines, limits, proxies, TLS.

use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::HeaderMap;
use reqwest::{Client, RequestBuilder, Response, Url, redirect, retry};
use rustls::ClientConfig;
use rustls::crypto::ring;
use rustls_platform_verifier::BuilderVerifierExt;
use tokio::time::{Instant, timeout_at};

use crate::error::NotSent;
use crate::hosts::{AllowedHosts, is_loopback};

/// How long each kind of call may take, from its first byte to the last of its answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deadlines {
    /// To have a connection, TLS included. Less than all others, so that "never connected" is told from "no answer". 5 s.
    pub connect: Duration,
    /// Reads of lists, single objects and health. 30 s; a list of 1,000 functions is some 400 kB.
    pub read: Duration,
    /// A function's body, of up to 20 MB. 60 s.
    pub body: Duration,
    /// Small changes: a JWT rule, a deletion. 30 s.
    pub change: Duration,
    /// A deploy, which the platform bundles before it answers. 60 s, as Supabase's CLI 3.1.0 gives it.
    pub deploy: Duration,
}

/// How much of an answer is taken, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Lists and objects. 8 MiB, some twenty times the list of 1,000 functions.
    pub answer: usize,
    /// A function's body. 20 MiB: the platform takes bundles of up to 20 MB.
    pub body: usize,
}

/// What is shared by all clients of a process: connections, allowed hosts, deadlines, limits. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Http(Arc<Shared>);

/// The HTTP client could not be made: a matter of the machine (certificates, TLS), fatal at start.
#[derive(Debug, thiserror::Error)]
pub enum HttpError {
    /// Mostly: the system has no root certificates.
    #[error("TLS cannot be set up")]
    Tls(#[from] rustls::Error),
    /// Anything else.
    #[error("the HTTP client cannot be set up")]
    Client(#[from] reqwest::Error),
}

#[derive(Debug)]
struct Shared {
    allowed: AllowedHosts,
    deadlines: Deadlines,
    limits: Limits,
    proxied: Pair,
    direct: Pair,
}

#[derive(Debug)]
struct Pair {
    pooled: Client,
    fresh: Client,
}

/// Which connection a request takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Connection {
    /// One that is kept, for reads.
    Pooled,
    /// One of its own. A kept connection may be closed by the platform just while we write to it, and then nobody knows
    /// whether the request arrived; for a change that doubt costs minutes, a handshake costs milliseconds.
    Fresh,
}

/// A complete answer, whatever its status.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    /// Of a success, all of it. Of anything else, what could be had: the status alone decides there.
    pub(crate) body: Bytes,
}

/// No complete answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    NotSent(NotSent),
    Transport,
    Timeout,
    TooLarge(usize),
}

/// Shorter than the 60 s after which common load balancers close an idle connection, so we close first.
const IDLE: Duration = Duration::from_secs(20);

/// Enough for the message of any refusal.
const REFUSAL_LIMIT: usize = 64 * 1024;

const USER_AGENT: &str = concat!("ace-operator/", env!("CARGO_PKG_VERSION"));

impl Default for Deadlines {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(5),
            read: Duration::from_secs(30),
            body: Duration::from_mins(1),
            change: Duration::from_secs(30),
            deploy: Duration::from_mins(1),
        }
    }
}

impl Deadlines {
    /// All of them multiplied, for tests and benchmarks that run in shortened time.
    ///
    /// # Panics
    /// If `factor` is negative or not finite.
    #[must_use]
    pub fn scaled(self, factor: f64) -> Self {
        Self {
            connect: self.connect.mul_f64(factor),
            read: self.read.mul_f64(factor),
            body: self.body.mul_f64(factor),
            change: self.change.mul_f64(factor),
            deploy: self.deploy.mul_f64(factor),
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            answer: 8 * 1024 * 1024,
            body: 20 * 1024 * 1024,
        }
    }
}

impl Http {
    /// Sets up TLS (rustls on `ring`, made the process's provider if it has none; the system's roots, or those that
    /// `SSL_CERT_FILE` names) and the connection pools. A system without any root is an error here, not at the first call. Hosts other than loopback are reached
    /// through the proxy that the environment names (`HTTPS_PROXY`, `NO_PROXY`, …); loopback never is.
    pub fn new(allowed: AllowedHosts, deadlines: Deadlines, limits: Limits) -> Result<Self, HttpError> {
        let tls = tls()?;
        let builder = || {
            Client::builder()
                .tls_backend_preconfigured(tls.clone())
                .user_agent(USER_AGENT)
                .redirect(redirect::Policy::none())
                .retry(retry::never())
                .referer(false)
                .connect_timeout(deadlines.connect)
                .pool_idle_timeout(IDLE)
        };
        let fresh = || builder().pool_max_idle_per_host(0);
        Ok(Self(Arc::new(Shared {
            allowed,
            deadlines,
            limits,
            proxied: Pair {
                pooled: builder().build()?,
                fresh: fresh().build()?,
            },
            direct: Pair {
                pooled: builder().no_proxy().build()?,
                fresh: fresh().no_proxy().build()?,
            },
        })))
    }

    /// Whether this URL may be called; for saying so in a status before any call is tried.
    pub fn allows(&self, url: &Url) -> bool {
        self.0.allowed.allows(url)
    }

    /// As they were given.
    pub fn deadlines(&self) -> &Deadlines {
        &self.0.deadlines
    }

    /// As they were given.
    pub fn limits(&self) -> &Limits {
        &self.0.limits
    }

    /// The client for this URL, or that it may not be called.
    pub(crate) fn client(&self, url: &Url, connection: Connection) -> Result<&Client, NotSent> {
        if !self.allows(url) {
            return Err(NotSent::HostNotAllowed);
        }
        let pair = if url.host_str().is_some_and(is_loopback) {
            &self.0.direct
        } else {
            &self.0.proxied
        };
        Ok(match connection {
            Connection::Pooled => &pair.pooled,
            Connection::Fresh => &pair.fresh,
        })
    }
}

/// Read once for all clients: parsing the system's roots takes 20 ms and 100 kB each time (measured).
fn tls() -> Result<ClientConfig, rustls::Error> {
    // An error says that the process has a provider already, which is as good.
    let _ = ring::default_provider().install_default();
    let mut config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_platform_verifier()?
        .with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}

/// Sends a request, once, and takes its answer until `deadline`.
pub(crate) async fn exchange(request: RequestBuilder, deadline: Duration, limit: usize) -> Result<Answer, Fault> {
    let deadline = Instant::now() + deadline;
    let response = respond(request, deadline).await?;
    let status = response.status();
    let headers = response.headers().clone();
    let limit = if status.is_success() { limit } else { REFUSAL_LIMIT };
    let body = match timeout_at(deadline, collect(response, limit))
        .await
        .unwrap_or(Err(Fault::Timeout))
    {
        Err(fault) if status.is_success() => return Err(fault),
        body => body.unwrap_or_default(),
    };
    Ok(Answer {
        status: status.as_u16(),
        headers,
        body,
    })
}

/// Sends a request, once, and takes the head of its answer.
pub(crate) async fn respond(request: RequestBuilder, deadline: Instant) -> Result<Response, Fault> {
    match timeout_at(deadline, request.send()).await {
        Ok(Ok(response)) => Ok(response),
        Ok(Err(error)) if error.is_connect() => Err(Fault::NotSent(NotSent::Connect)),
        Ok(Err(error)) if error.is_builder() => Err(Fault::NotSent(NotSent::Invalid("the request cannot be built"))),
        Ok(Err(_)) => Err(Fault::Transport),
        Err(_) => Err(Fault::Timeout),
    }
}

async fn collect(mut response: Response, limit: usize) -> Result<Bytes, Fault> {
    // A declared length is refused at once; what is not declared is counted.
    if response.content_length().is_some_and(|length| length > limit as u64) {
        return Err(Fault::TooLarge(limit));
    }
    let mut body = BytesMut::new();
    while let Some(chunk) = response.chunk().await.map_err(|_| Fault::Transport)? {
        if body.len() + chunk.len() > limit {
            return Err(Fault::TooLarge(limit));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body.freeze())
}
