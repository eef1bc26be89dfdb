//! Checks of functions through the project's gateway.

use std::sync::Arc;
use std::time::Duration;

use ace_egress::{Connection, Method, RequestError, Response, Token, Url};
use http::HeaderName;
use http::header::AUTHORIZATION;
use tokio::time::timeout;

use crate::limits::Http;
use crate::names::Slug;
use crate::observer::{Observation, Observer, Unobserved};

/// The gateway of one project: `https://<ref>.supabase.co`, or where its Platform says it is. It costs no budget.
#[derive(Clone)]
pub struct Gateway {
    http: Http,
    base: Url,
    observer: Arc<dyn Observer>,
}

/// One call of a function.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Probe {
    pub slug: Slug,
    /// Any method; no body is sent.
    pub method: Method,
    /// Below the function, with an optional query: `/` is the function itself, `/health?deep=1` a path of it.
    pub path: String,
    /// What it is called with.
    pub auth: ProbeAuth,
    /// For the whole of it.
    pub timeout: Duration,
}

/// What a probe shows of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProbeAuth {
    None,
    /// The project's anonymous key, in `apikey` and as bearer, as supabase-js sends it.
    Anon(Token),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ProbeError {
    /// The operator's flags do not allow the Platform's url.
    #[error("the gateway's host is not allowed (--allow-gateway-host)")]
    HostNotAllowed,
    /// It does not begin with `/`, or would lead out of the function.
    #[error("the path is not one below the function")]
    Path,
    #[error("no connection to the gateway")]
    Connect,
    /// The connection broke before the status came.
    #[error("the connection to the gateway broke")]
    Transport,
    /// No status within the probe's timeout.
    #[error("no answer within the timeout")]
    Timeout,
}

/// How much of an answer is read for politeness, so that a function is not cut off while it writes. Nothing of it is kept.
const DRAIN_LIMIT: usize = 64 * 1024;

/// A stream that never ends must not cost the whole timeout.
const DRAIN_TIME: Duration = Duration::from_secs(1);

impl ProbeError {
    /// A word from a closed set, for metrics and conditions.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::HostNotAllowed => "HostNotAllowed",
            Self::Path => "Path",
            Self::Connect => "Connect",
            Self::Transport => "Transport",
            Self::Timeout => "Timeout",
        }
    }
}

impl From<RequestError> for ProbeError {
    fn from(error: RequestError) -> Self {
        match error {
            RequestError::HostNotAllowed => Self::HostNotAllowed,
            RequestError::Invalid => Self::Path,
            RequestError::Connect | RequestError::Tls => Self::Connect,
            RequestError::Timeout => Self::Timeout,
            RequestError::Transport | RequestError::TooLarge { .. } => Self::Transport,
        }
    }
}

impl Gateway {
    /// `base` is the Platform's url; a path in it is kept.
    pub fn new(http: &Http, base: Url) -> Self {
        Self {
            http: http.clone(),
            base,
            observer: Arc::new(Unobserved),
        }
    }

    /// The same gateway, with its requests reported to `observer` as `probe`.
    #[must_use]
    pub fn observed_by(self, observer: Arc<dyn Observer>) -> Self {
        Self { observer, ..self }
    }

    /// Calls the function once and answers with the HTTP status, whatever it is; a redirect is not followed.
    pub async fn probe(&self, probe: &Probe) -> Result<u16, ProbeError> {
        let url = self.url(probe).ok_or(ProbeError::Path)?;
        // A check is about the function, not about a connection that happened to be kept.
        let mut request = self.http.request(probe.method.clone(), url, Connection::Fresh)?;
        if let ProbeAuth::Anon(key) = &probe.auth {
            request = request
                .header(AUTHORIZATION, key.bearer())
                .header(HeaderName::from_static("apikey"), key.plain());
        }
        let observation = Observation::begin(self.observer.as_ref(), "probe");
        let result = match request.send(probe.timeout).await {
            Ok(response) => {
                let status = response.status();
                drain(response).await;
                Ok(status)
            }
            Err(error) => Err(ProbeError::from(error)),
        };
        observation.end(result.map_or_else(|error| error.reason(), |_| "Ok"));
        result
    }

    /// `None` for a path that leads anywhere but below this function.
    fn url(&self, probe: &Probe) -> Option<Url> {
        let (path, query) = match probe.path.split_once('?') {
            Some((path, query)) => (path, Some(query)),
            None => (probe.path.as_str(), None),
        };
        if !path.starts_with('/') {
            return None;
        }
        let mut url = self.base.clone();
        url.set_fragment(None);
        url.path_segments_mut()
            .ok()?
            .pop_if_empty()
            .extend(["functions", "v1", probe.slug.as_str()]);
        let function = url.path().to_owned();
        if path != "/" {
            // Dots, encoded or not, are resolved here, so the result is what has to be looked at.
            url.set_path(&format!("{function}{path}"));
        }
        url.set_query(query);
        let inside = url.path() == function || url.path().strip_prefix(&function)?.starts_with('/');
        inside.then_some(url)
    }
}

async fn drain(mut response: Response) {
    let read = async {
        let mut seen = 0;
        while seen < DRAIN_LIMIT {
            match response.chunk().await {
                Ok(Some(chunk)) => seen += chunk.len(),
                _ => return,
            }
        }
    };
    // Whether it was read to its end is of no interest.
    let _ = timeout(DRAIN_TIME, read).await;
}
