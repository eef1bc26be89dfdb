//! `EdgeFunction`: one function of one project.

mod act;
mod archives;
mod observe;

use std::sync::Arc;

use ace_api::{DeletionPolicy, EdgeFunction, EdgeFunctionStatus, FunctionReason, Mode};
use ace_domain::{
    kinds::edge_function::{self, Memory, PlatformState, Step, StepResult},
    kinds::platform::Phase,
    reconcile::decision::{Decision, StepError},
    reconcile::event::Event,
    reconcile::timing::Timing,
};
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;

pub(crate) use act::is_news;

use super::platform::Platforms;
use crate::{
    connections::applied_migrations::AppliedVersions,
    connections::grants::Installation,
    connections::{PlatformConnection, PlatformConnections},
    driver::{Key, Kind, Waker},
    index::Directory,
    metrics::Metrics,
    sources::Sources,
};

/// The controller's kind.
pub struct EdgeFunctions {
    /// To the API server: for archives.
    pub client: kube::Client,
    /// The caches.
    pub directory: Directory,
    /// The shared observations.
    pub connections: Arc<PlatformConnections>,
    /// Where code comes from.
    pub sources: Arc<Sources>,
    /// What sets of migrations have applied.
    pub applied: Arc<AppliedVersions>,
    /// Counts.
    pub metrics: Metrics,
    /// Constants of time.
    pub timing: Timing,
    /// Wakes Platforms.
    pub platforms: Waker<Platforms>,
    /// Wakes functions; this kind's own waker.
    pub functions: Waker<EdgeFunctions>,
    /// Names in the commands that messages offer.
    pub installation: Installation,
}

/// What a pass over a function works on.
pub struct State {
    /// What is known.
    pub known: edge_function::State,
    /// What its Platform's functions share; nothing where there is no Platform.
    pub connection: Option<Arc<PlatformConnection>>,
}

impl Kind for EdgeFunctions {
    const NAME: &'static str = "EdgeFunction";

    type Object = EdgeFunction;
    type Status = EdgeFunctionStatus;
    type State = State;
    type Step = Step;
    type StepResult = StepResult;
    type StepError = StepError;
    type Reason = FunctionReason;
    type Memory = Memory;

    async fn observe(&self, object: &EdgeFunction, memory: Memory, failures: u32, now: Timestamp) -> State {
        observe::observe(self, object, Memory { failures, ..memory }, now).await
    }

    fn admit(&self, state: &State, step: &Step) -> Result<(), StepError> {
        act::admit(state, step)
    }

    async fn act(&self, object: &EdgeFunction, state: &State, step: &Step) -> Result<StepResult, StepError> {
        act::act(self, object, state, step).await
    }

    fn conclude(&self, object: &EdgeFunction, state: State, decision: &Decision<Step, FunctionReason>) -> Memory {
        self.remember_phase(object, &state);
        let mut memory = state.known.memory;
        memory.absent = None;
        // Bodies and archives are large; whoever needs one after a rest reads it again.
        if matches!(decision, Decision::Settled(_) | Decision::Refuse(..)) {
            memory.body = None;
            memory.archive = None;
        }
        memory
    }

    fn forget(&self, key: &Key) {
        self.functions.forget(key);
        self.metrics.forget_object(Self::NAME, &key.namespace, &key.name);
    }

    fn decide(object: &EdgeFunction, state: &State, now: Timestamp) -> Decision<Step, FunctionReason> {
        edge_function::decide(object, &state.known, now)
    }

    fn update(
        object: &EdgeFunction,
        state: &mut State,
        step: &Step,
        outcome: Result<StepResult, StepError>,
        now: Timestamp,
    ) {
        edge_function::update(object, &mut state.known, step, outcome, now);
    }

    fn infer(object: &EdgeFunction, state: &mut State, now: Timestamp) {
        edge_function::infer(object, &mut state.known, now);
    }

    fn status(
        object: &EdgeFunction,
        state: &State,
        decision: &Decision<Step, FunctionReason>,
        now: Timestamp,
    ) -> EdgeFunctionStatus {
        edge_function::status(object, &state.known, decision, now)
    }

    fn skip_step(state: &mut State, step: &Step) {
        edge_function::skip_step(&mut state.known, step);
    }

    fn follow(state: &mut State, shown: &EdgeFunctionStatus) {
        state.known.memo.conditions.clone_from(&shown.conditions);
    }

    fn events(before: &EdgeFunctionStatus, after: &EdgeFunctionStatus) -> Vec<Event> {
        edge_function::events(before, after)
    }

    fn conditions(status: &EdgeFunctionStatus) -> (&[Condition], Option<i32>) {
        let standing = status.drift.as_ref().filter(|drift| drift.corrected_time.is_none());
        (&status.conditions, standing.map(|drift| drift.count))
    }

    fn step_name(step: &Step) -> &'static str {
        step.name()
    }

    fn records_first(step: &Step) -> bool {
        step.records_first()
    }

    fn is_unknown(step_error: &StepError) -> bool {
        *step_error == StepError::OutcomeUnknown
    }

    fn wants_finalizer(object: &EdgeFunction) -> bool {
        object.spec.deletion_policy == DeletionPolicy::Delete && object.spec.mode != Mode::Observe
    }

    fn is_suspended(object: &EdgeFunction) -> bool {
        object.spec.suspend
    }
}

impl EdgeFunctions {
    /// A function that found its Platform out of sight waits to be woken. The Platform wakes it when its own next phase is a
    /// better one, so it has to know what the function went by: a list may have come between the two.
    fn remember_phase(&self, object: &EdgeFunction, state: &State) {
        let (Some(connection), PlatformState::Present(facts)) = (&state.connection, &state.known.platform) else {
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
                // The Platform looks by itself while it knows that something is wrong.
                self.have_platform_look(connection, platform, self.timing.probe());
            } else {
                self.platforms.wake(platform, "Function");
            }
        }
    }
}
