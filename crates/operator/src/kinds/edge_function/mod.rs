//! `EdgeFunction`: one function of one project.

mod act;
mod archives;
mod observe;

use std::sync::Arc;

use ace_api::EdgeFunction;
use ace_domain::{
    kinds::edge_function::{self, Memory, State, Step, StepResult},
    reconcile::{decision::StepError, timing::Timing},
};
use ace_runtime::reconcile::Controller;
use jiff::Timestamp;

use crate::{
    caches::Caches,
    connections::{PlatformConnection, PlatformConnections, grants::Installation},
    sources::Sources,
};

pub struct EdgeFunctions {
    /// Client of the API server, for archives.
    pub client: kube::Client,
    /// Objects that functions depend on.
    pub caches: Caches,
    /// The shared connections of Platforms.
    pub connections: Arc<PlatformConnections>,
    pub sources: Arc<Sources>,
    pub timing: Timing,
    /// Names in the commands of messages.
    pub installation: Installation,
}

impl Controller for EdgeFunctions {
    type Kind = edge_function::Kind;
    /// The connection of its Platform, if there is one.
    type Context = Option<Arc<PlatformConnection>>;

    async fn observe(
        &self,
        object: &EdgeFunction,
        memory: Memory,
        failures: u32,
        now: Timestamp,
    ) -> (State, Self::Context) {
        observe::observe(self, object, Memory { failures, ..memory }, now).await
    }

    fn admit(&self, connection: &Self::Context, state: &State, step: &Step) -> Result<(), StepError> {
        act::admit(connection.as_deref(), state, step)
    }

    async fn act(
        &self,
        object: &EdgeFunction,
        state: &State,
        connection: &Self::Context,
        step: &Step,
    ) -> Result<StepResult, StepError> {
        act::act(self, object, state, connection.as_ref(), step).await
    }
}
