//! How long a call may take, how much of an answer is taken, and the HTTP client that all calls share.

use std::time::Duration;

use ace_egress::{AllowedHosts, Connection, HttpClient, HttpError, Method, Request, RequestError, Url};

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
pub struct Http {
    client: HttpClient,
    deadlines: Deadlines,
    limits: Limits,
}

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
    /// Sets up the HTTP client; see [`HttpClient::new`].
    pub fn new(allowed: AllowedHosts, deadlines: Deadlines, limits: Limits) -> Result<Self, HttpError> {
        Ok(Self {
            client: HttpClient::new(allowed, deadlines.connect)?,
            deadlines,
            limits,
        })
    }

    /// As they were given.
    pub fn deadlines(&self) -> &Deadlines {
        &self.deadlines
    }

    /// As they were given.
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    pub(crate) fn request(&self, method: Method, url: Url, connection: Connection) -> Result<Request, RequestError> {
        self.client.request(method, url, connection)
    }
}
