use std::fmt::Debug;

use ace_domain::{reconcile::decision::Decision, reconcile::event::Event};
use jiff::Timestamp;
use k8s_openapi::{NamespaceResourceScope, apimachinery::pkg::apis::meta::v1::Condition};
use kube::{Resource, core::object::HasStatus};
use serde::{Serialize, de::DeserializeOwned};

use super::Key;

/// A kind: effects around pure decisions.
///
/// `decide`, `learn`, `understand` and `status` are the domain's; they are named here so that the driver can call them.
pub trait Kind: Send + Sync + Sized + 'static {
    /// Its name, as users and metrics know it.
    const NAME: &'static str;
    /// Far above the steps of any real pass; a pass that reaches it has a fault in its decisions.
    const MOST_STEPS: usize = 128;

    /// The custom resource.
    type Object: Resource<DynamicType = (), Scope = NamespaceResourceScope>
        + HasStatus<Status = Self::Status>
        + Clone
        + Debug
        + DeserializeOwned
        + Serialize
        + Send
        + Sync
        + 'static;
    /// Its status.
    type Status: Clone + Debug + Default + PartialEq + Serialize + DeserializeOwned + Send + Sync;
    /// What is known when a decision is made.
    type State: Send + Sync;
    /// One effect, as data.
    type Step: Clone + Debug + Send + Sync;
    /// What an effect taught.
    type StepResult: Send;
    /// Why an effect taught nothing.
    type StepError: Debug + Send;
    /// Reasons of conditions.
    type Reason: Copy + Debug + Send + Sync;
    /// Memory of one object between passes, lost with the process.
    type Memory: Clone + Default + Send + Sync;

    /// Collects what is known. Only reads.
    fn observe(
        &self,
        object: &Self::Object,
        memory: Self::Memory,
        failures: u32,
        now: Timestamp,
    ) -> impl Future<Output = Self::State> + Send;
    /// Whether a step could be sent now. Asked before its intent is written, so that a step that has to wait costs no write.
    fn admit(&self, state: &Self::State, step: &Self::Step) -> Result<(), Self::StepError> {
        let _ = (state, step);
        Ok(())
    }
    /// One effect.
    fn act(
        &self,
        object: &Self::Object,
        state: &Self::State,
        step: &Self::Step,
    ) -> impl Future<Output = Result<Self::StepResult, Self::StepError>> + Send;
    /// The pass is over: hands the memory back, and tells others what they wait for.
    fn conclude(
        &self,
        object: &Self::Object,
        state: Self::State,
        decision: &Decision<Self::Step, Self::Reason>,
    ) -> Self::Memory;
    /// The object is gone.
    fn forget(&self, key: &Key);

    /// Pure: what to do next.
    fn decide(object: &Self::Object, state: &Self::State, now: Timestamp) -> Decision<Self::Step, Self::Reason>;
    /// Pure: what a step taught.
    fn update(
        object: &Self::Object,
        state: &mut Self::State,
        step: &Self::Step,
        outcome: Result<Self::StepResult, Self::StepError>,
        now: Timestamp,
    );
    /// Pure: what follows from what was observed.
    fn infer(object: &Self::Object, state: &mut Self::State, now: Timestamp) {
        let _ = (object, state, now);
    }
    /// Pure: how it is shown.
    fn status(
        object: &Self::Object,
        state: &Self::State,
        decision: &Decision<Self::Step, Self::Reason>,
        now: Timestamp,
    ) -> Self::Status;
    /// Pure: this status was written in the middle of a pass, and the next one follows it. A condition keeps its time of
    /// transition by what was shown last.
    fn follow(state: &mut Self::State, shown: &Self::Status);
    /// Pure: this step's intent was written, and the step was not made, because the object had changed meanwhile.
    fn skip_step(state: &mut Self::State, step: &Self::Step) {
        let _ = (state, step);
    }
    /// Pure: what is worth an event.
    fn events(before: &Self::Status, after: &Self::Status) -> Vec<Event>;
    /// The conditions of a status, and how many fields differ.
    fn conditions(status: &Self::Status) -> (&[Condition], Option<i32>);
    /// The step's name.
    fn step_name(step: &Self::Step) -> &'static str;
    /// The step can't be repeated safely: its intent is in status before it runs, and the answer to that write is the object as
    /// it was then.
    fn records_first(step: &Self::Step) -> bool;
    /// The outcome of the step is not known.
    fn is_unknown(step_error: &Self::StepError) -> bool;
    /// The object must not go before it was cleaned up.
    fn wants_finalizer(object: &Self::Object) -> bool;
    /// The spec says that nothing is to be touched.
    fn is_suspended(object: &Self::Object) -> bool;
}
