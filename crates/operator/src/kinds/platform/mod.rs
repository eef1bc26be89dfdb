//! `Platform`: the only kind that polls.

mod act;
mod database;
mod observe;

use std::sync::Arc;

use ace_api::Platform;
use ace_domain::{
    kinds::platform::{self, Memory, State, Step, StepError, StepResult},
    reconcile::{key::Key, timing::Timing},
};
use ace_runtime::reconcile::Controller;
use ace_supabase::Http;
use jiff::Timestamp;

use crate::{
    caches::Caches,
    connections::{PlatformConnection, PlatformConnections, grants::Installation, hosts::CredentialHosts},
    metrics::Metrics,
    sources::Sources,
};

pub struct Platforms {
    /// Client of the API server, to read Secrets.
    pub client: kube::Client,
    /// HTTP client of the platforms.
    pub http: Http,
    /// Which hosts get a Platform's credentials.
    pub hosts: CredentialHosts,
    /// Databases may be reached without encryption, and be given the password in a form that others could use.
    pub allow_insecure_database: bool,
    /// Objects that others depend on.
    pub caches: Caches,
    pub connections: Arc<PlatformConnections>,
    /// Sources, of which those without a watch are polled.
    pub sources: Arc<Sources>,
    pub metrics: Metrics,
    pub timing: Timing,
    /// Names in the commands of messages.
    pub installation: Installation,
}

impl Controller for Platforms {
    type Kind = platform::Kind;
    type Context = Arc<PlatformConnection>;

    async fn observe(
        &self,
        object: &Platform,
        memory: Memory,
        _failures: u32,
        now: Timestamp,
    ) -> (State, Arc<PlatformConnection>) {
        observe::observe(self, object, memory, now).await
    }

    async fn act(
        &self,
        object: &Platform,
        _: &State,
        connection: &Arc<PlatformConnection>,
        step: &Step,
    ) -> Result<StepResult, StepError> {
        act::act(self, object, connection, *step).await
    }

    fn forget(&self, key: &Key) {
        self.connections.forget(key);
        self.metrics.forget_platform(&key.to_string());
    }
}
