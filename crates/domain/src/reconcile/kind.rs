//! What a kind decides; what it reads and does is its controller's.

use std::fmt::Debug;

use ace_api::ObjectStatus;
use jiff::Timestamp;
use k8s_openapi::NamespaceResourceScope;
use kube::{Resource, core::object::HasStatus};
use serde::{Serialize, de::DeserializeOwned};

use super::{
    decision::Decision,
    dependency::{Dependency, Facts},
    event::Event,
    timing::Timing,
};

/// One effect, as data.
pub trait Step: Clone + Debug + Send + Sync {
    /// Its name in metrics and logs.
    fn name(&self) -> &'static str;

    /// The step can't be repeated safely: the status that announces it is written first, and the answer to that write is the
    /// object as it is then.
    fn records_first(&self) -> bool {
        false
    }
}

/// Why a step had no result.
pub trait StepError: Debug + Send {
    /// The step may have taken effect; only an observation can tell.
    fn is_outcome_unknown(&self) -> bool {
        false
    }

    /// Whether the other side answered; `None` where it was not asked.
    fn is_answered(&self) -> Option<bool> {
        self.is_outcome_unknown().then_some(false)
    }
}

/// The step of a kind that changes nothing outside, and why it failed: there is none.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum NoStep {}

impl Step for NoStep {
    fn name(&self) -> &'static str {
        match *self {}
    }
}

impl StepError for NoStep {}

/// The decisions of one kind. All of them are pure: the time comes in as an argument.
pub trait Kind: Sized + Send + Sync + 'static {
    /// The kind's name, as users and metrics know it.
    const NAME: &'static str;
    /// Far above the steps of any real pass: one that reaches it decides in a circle.
    const MAX_STEPS: usize = 128;

    type Object: Resource<DynamicType = (), Scope = NamespaceResourceScope>
        + HasStatus<Status = Self::Status>
        + Clone
        + Debug
        + DeserializeOwned
        + Serialize
        + Send
        + Sync
        + 'static;
    type Status: ObjectStatus + Clone + Debug + Default + PartialEq + Serialize + DeserializeOwned + Send + Sync;
    /// What is known when a decision is made.
    type State: Send + Sync;
    type Step: Step;
    /// What a step returned.
    type StepResult: Send;
    /// Why a step had no result.
    type StepError: StepError;
    type Reason: Copy + Debug + Send + Sync;
    /// What is kept of one object between passes and lost with the process.
    type Memory: Clone + Default + Send + Sync;

    /// What to do next.
    fn decide(object: &Self::Object, state: &Self::State, now: Timestamp) -> Decision<Self::Step, Self::Reason>;
    /// Takes in what a step returned.
    fn update(
        object: &Self::Object,
        state: &mut Self::State,
        step: &Self::Step,
        outcome: Result<Self::StepResult, Self::StepError>,
        now: Timestamp,
    );
    /// Draws what follows from what was observed.
    fn infer(object: &Self::Object, state: &mut Self::State, now: Timestamp) {
        let _ = (object, state, now);
    }
    /// The status that follows from what is known and decided.
    fn status(
        object: &Self::Object,
        state: &Self::State,
        decision: &Decision<Self::Step, Self::Reason>,
        now: Timestamp,
    ) -> Self::Status;
    /// The status as it was last written, in which a step's results are noted.
    fn memo(state: &mut Self::State) -> &mut Self::Status;
    /// This step was announced in the status and then not made.
    fn skip_step(state: &mut Self::State, step: &Self::Step) {
        let _ = (state, step);
    }
    /// What is kept for the next pass.
    fn into_memory(state: Self::State, decision: &Decision<Self::Step, Self::Reason>) -> Self::Memory;
    /// The events between two statuses.
    fn events(before: &Self::Status, after: &Self::Status) -> Vec<Event>;
    /// The object must not go before it was cleaned up.
    fn wants_finalizer(object: &Self::Object) -> bool {
        let _ = object;
        false
    }
    /// What decisions about an object depend on, beyond itself: a change of it enqueues the object.
    fn references(object: &Self::Object) -> Vec<Dependency> {
        let _ = object;
        Vec::new()
    }
    /// What others depend on and can be read off the object.
    fn facts(object: &Self::Object) -> Facts {
        let _ = object;
        Vec::new()
    }
    /// What others depend on and a pass has found. `decision`: the one that ends the pass, `None` in its middle.
    fn findings(
        object: &Self::Object,
        state: &Self::State,
        decision: Option<&Decision<Self::Step, Self::Reason>>,
        now: Timestamp,
    ) -> Facts {
        let _ = (object, state, decision, now);
        Vec::new()
    }
    fn is_suspended(object: &Self::Object) -> bool;

    /// How long one step may take.
    fn step_deadline(step: &Self::Step, timing: Timing) -> std::time::Duration {
        let _ = step;
        timing.step_deadline()
    }
    /// How long it may take to collect what is known.
    fn observation_deadline(timing: Timing) -> std::time::Duration {
        timing.pass_deadline()
    }
    /// How long one pass may take; it ends before the step that would begin later.
    fn pass_deadline(timing: Timing) -> std::time::Duration {
        timing.pass_deadline()
    }
    /// The step was cut off at its deadline.
    fn timed_out(step: &Self::Step, after: std::time::Duration) -> Self::StepError;
}
