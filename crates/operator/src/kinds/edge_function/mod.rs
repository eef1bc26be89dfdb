//! `EdgeFunction`: one function of one project.

mod act;
mod archives;
mod observe;

use std::sync::Arc;

use ace_api::{EdgeFunction, FunctionReason};
use ace_domain::{
    kinds::edge_function::{self, Memory, PlatformState, State, Step, StepResult},
    kinds::platform::Phase,
    reconcile::decision::{Decision, StepError},
    reconcile::kind::Kind as _,
    reconcile::timing::Timing,
};
use jiff::Timestamp;

pub(crate) use act::is_news;

use super::platform::Platforms;
use crate::{
    connections::applied_migrations::AppliedVersions,
    connections::grants::Installation,
    connections::{PlatformConnection, PlatformConnections},
    index::Directory,
    metrics::Metrics,
    sources::Sources,
};
use ace_runtime::reconcile::{Controller, Key, Waker};

/// The controller's kind.
pub struct EdgeFunctions {
    /// Client of the API server, for archives.
    pub client: kube::Client,
    /// Caches of all kinds.
    pub directory: Directory,
    /// The shared connections of Platforms.
    pub connections: Arc<PlatformConnections>,
    /// Sources of code.
    pub sources: Arc<Sources>,
    /// Applied versions by MigrationSet.
    pub applied: Arc<AppliedVersions>,
    /// Metrics, to count enqueued objects.
    pub metrics: Metrics,
    /// Intervals and deadlines.
    pub timing: Timing,
    /// Enqueues Platforms.
    pub platforms: Waker<Platforms>,
    /// Enqueues functions.
    pub functions: Waker<EdgeFunctions>,
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

    fn conclude(
        &self,
        object: &EdgeFunction,
        state: &mut State,
        connection: Self::Context,
        _: &Decision<Step, FunctionReason>,
    ) {
        if let Some(connection) = connection {
            self.remember_phase(object, state, &connection);
        }
    }

    fn forget(&self, key: &Key) {
        self.functions.forget(key);
        self.metrics
            .runtime
            .forget_object(edge_function::Kind::NAME, &key.namespace, &key.name);
    }
}

impl EdgeFunctions {
    /// A function whose Platform is not reachable waits to be enqueued. The Platform enqueues it when its phase improves, so it
    /// has to know by which phase the function was decided: a list may have come in between.
    fn remember_phase(&self, object: &EdgeFunction, state: &State, connection: &Arc<PlatformConnection>) {
        let PlatformState::Present(facts) = &state.platform else {
            return;
        };
        let lost = Timestamp::now() > facts.seen + self.timing.lost_after(facts.interval);
        let phase = match (lost, facts.listed, facts.answering) {
            (true, _, _) => Some(Phase::Lost),
            (false, false, _) => Some(Phase::Unlisted),
            (false, true, false) => Some(Phase::Failing),
            (false, true, true) => None,
        };
        let failing = !connection.is_answering();
        let Some(phase) = phase.or(failing.then_some(Phase::Failing)) else {
            return;
        };
        if connection.reported(phase) == Phase::Reachable {
            let platform = crate::index::platform_of(object);
            if failing {
                // The Platform reconciles by itself while it has a problem.
                self.schedule_platform_reconcile(connection, platform, self.timing.probe());
            } else {
                self.platforms.wake(platform, "Function");
            }
        }
    }
}
