//! The one place where requests leave: allowed hosts, deadlines, limits, proxies, TLS.

use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, HeaderName, HeaderValue};
use reqwest::multipart::Form;
use reqwest::{Client, Method, RequestBuilder, Url, redirect, retry};
use rustls::ClientConfig;
use rustls::crypto::ring;
use rustls_platform_verifier::BuilderVerifierExt;
use serde_json::Value;
use tokio::time::{Instant, timeout_at};

use crate::allowed_hosts::{AllowedHosts, is_loopback};
use crate::error::RequestError;
use crate::secret_url::SecretUrl;

/// Makes requests to allowed hosts. Follows no redirect and repeats nothing. Cheap to clone.
#[derive(Debug, Clone)]
pub struct HttpClient(Arc<Shared>);

/// The HTTP client could not be made: a matter of the machine (certificates, TLS), fatal at start.
#[derive(Debug, thiserror::Error)]
pub enum HttpError {
    /// Mostly: the system has no root certificates.
    #[error("TLS cannot be set up")]
    Tls(#[from] rustls::Error),
    #[error("the HTTP client cannot be set up")]
    Client(#[from] reqwest::Error),
}

#[derive(Debug)]
struct Shared {
    allowed: AllowedHosts,
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
pub enum Connection {
    /// One that is kept, for reads.
    Pooled,
    /// One of its own. A kept connection may be closed by the server just while we write to it, and then nobody knows
    /// whether the request arrived; for a change that doubt costs minutes, a handshake costs milliseconds.
    Fresh,
}

/// A request to an allowed host. It can be filled, not sent elsewhere.
#[must_use = "a request does nothing until it is sent"]
pub struct Request(RequestBuilder);

/// The head of an answer, whatever its status; the body is still to come.
pub struct Response {
    response: reqwest::Response,
    deadline: Instant,
}

/// Shorter than the 60 s after which common load balancers close an idle connection, so we close first.
const IDLE: Duration = Duration::from_secs(20);

const USER_AGENT: &str = concat!("ace-operator/", env!("CARGO_PKG_VERSION"));

impl HttpClient {
    /// Sets up TLS (rustls on `ring`, made the process's provider if it has none; the system's roots, or those that
    /// `SSL_CERT_FILE` names) and the connection pools. A system without any root is an error here, not at the first call. Hosts
    /// other than loopback are reached through the proxy that the environment names (`HTTPS_PROXY`, `NO_PROXY`, …); loopback
    /// never is.
    ///
    /// `connect` is the deadline for a connection, TLS included. It should be less than that of any call, so that "never
    /// connected" is told from "no answer".
    pub fn new(allowed: AllowedHosts, connect: Duration) -> Result<Self, HttpError> {
        let mut tls = tls()?;
        tls.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        let builder = || {
            Client::builder()
                .tls_backend_preconfigured(tls.clone())
                .user_agent(USER_AGENT)
                .redirect(redirect::Policy::none())
                .retry(retry::never())
                .referer(false)
                .connect_timeout(connect)
                .pool_idle_timeout(IDLE)
        };
        let fresh = || builder().pool_max_idle_per_host(0);
        Ok(Self(Arc::new(Shared {
            allowed,
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

    /// Whether a message may be posted there; for saying so in a status before it is tried.
    pub fn may_post(&self, url: &SecretUrl) -> bool {
        self.allows(url.url())
    }

    /// A request of this URL, or that it may not be called. Sends nothing yet.
    pub fn request(&self, method: Method, url: Url, connection: Connection) -> Result<Request, RequestError> {
        if !self.allows(&url) {
            return Err(RequestError::HostNotAllowed);
        }
        let pair = if url.host_str().is_some_and(is_loopback) {
            &self.0.direct
        } else {
            &self.0.proxied
        };
        let client = match connection {
            Connection::Pooled => &pair.pooled,
            Connection::Fresh => &pair.fresh,
        };
        Ok(Request(client.request(method, url)))
    }
}

/// Read once for all clients: parsing the system's roots takes 20 ms and 100 kB each time (measured).
pub(crate) fn tls() -> Result<ClientConfig, rustls::Error> {
    // An error says that the process has a provider already, which is as good.
    let _ = ring::default_provider().install_default();
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_platform_verifier()?
        .with_no_client_auth();
    Ok(config)
}

impl Request {
    /// With one more header.
    pub fn header(self, name: HeaderName, value: HeaderValue) -> Self {
        Self(self.0.header(name, value))
    }

    /// With these headers, in place of those of the same name.
    pub fn headers(self, headers: HeaderMap) -> Self {
        Self(self.0.headers(headers))
    }

    /// With a body of `application/json`.
    pub fn json(self, body: &Value) -> Self {
        Self(self.0.json(body))
    }

    /// With a body of `multipart/form-data`.
    pub fn multipart(self, form: Form) -> Self {
        Self(self.0.multipart(form))
    }

    /// With these bytes as body; what they are, a header says.
    pub fn body(self, bytes: Bytes) -> Self {
        Self(self.0.body(bytes))
    }

    /// Sends the request, once, and takes the head of its answer. `deadline` is for the whole of it, from the connection to
    /// the last byte of the answer's body.
    pub async fn send(self, deadline: Duration) -> Result<Response, RequestError> {
        let deadline = Instant::now() + deadline;
        let response = until(deadline, self.0.send()).await?;
        Ok(Response { response, deadline })
    }
}

impl Response {
    /// The HTTP status. A redirect has one of 300 to 399, and was not followed.
    pub fn status(&self) -> u16 {
        self.response.status().as_u16()
    }

    /// The headers of the answer.
    pub fn headers(&self) -> &HeaderMap {
        self.response.headers()
    }

    /// Gives what is still to come another deadline: for a body without a limit, whose every piece has one.
    pub fn extend(&mut self, deadline: Duration) {
        self.deadline = Instant::now() + deadline;
    }

    /// Bytes of the body, where the server has declared them.
    pub fn length(&self) -> Option<u64> {
        self.response.content_length()
    }

    /// The next piece of the body, or `None` behind the last.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, RequestError> {
        until(self.deadline, self.response.chunk()).await
    }

    /// The whole body, of at most `limit` bytes.
    pub async fn body(mut self, limit: usize) -> Result<Bytes, RequestError> {
        // A declared length is refused at once; what is not declared is counted.
        if self.length().is_some_and(|length| length > limit as u64) {
            return Err(RequestError::TooLarge { limit });
        }
        let mut body = BytesMut::new();
        while let Some(chunk) = self.chunk().await? {
            if body.len() + chunk.len() > limit {
                return Err(RequestError::TooLarge { limit });
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body.freeze())
    }
}

async fn until<T>(deadline: Instant, step: impl Future<Output = reqwest::Result<T>>) -> Result<T, RequestError> {
    match timeout_at(deadline, step).await {
        Ok(result) => result.map_err(|error| RequestError::of(&error)),
        Err(_) => Err(RequestError::Timeout),
    }
}
