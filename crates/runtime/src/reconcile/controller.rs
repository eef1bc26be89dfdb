use std::future::Future;

use ace_domain::reconcile::{key::Key, kind::Kind};
use jiff::Timestamp;

/// A kind's reads and effects, around its decisions.
pub trait Controller: Send + Sync + Sized + 'static {
    /// The kind whose decisions are carried out.
    type Kind: Kind;
    /// What one pass holds to reach the outside: connections, sessions.
    type Context: Send + Sync;

    /// Collects what is known. Only reads.
    fn observe(
        &self,
        object: &Object<Self>,
        memory: Memory<Self>,
        failures: u32,
        now: Timestamp,
    ) -> impl Future<Output = (State<Self>, Self::Context)> + Send;
    /// Whether a step could be made now. Asked before it is announced, so that a step that has to wait costs no write.
    fn admit(&self, context: &Self::Context, state: &State<Self>, step: &Step<Self>) -> Result<(), StepError<Self>> {
        let _ = (context, state, step);
        Ok(())
    }
    fn act(
        &self,
        object: &Object<Self>,
        state: &State<Self>,
        context: &Self::Context,
        step: &Step<Self>,
    ) -> impl Future<Output = Result<StepResult<Self>, StepError<Self>>> + Send;
    /// The pass is over: gives back what it held.
    fn release(&self, object: &Object<Self>, context: Self::Context) {
        let _ = (object, context);
    }
    /// The object is gone.
    fn forget(&self, key: &Key) {
        let _ = key;
    }
}

/// The custom resource of a controller's kind.
pub type Object<C> = <<C as Controller>::Kind as Kind>::Object;
pub type Status<C> = <<C as Controller>::Kind as Kind>::Status;
/// What is known of an object.
pub type State<C> = <<C as Controller>::Kind as Kind>::State;
pub type Step<C> = <<C as Controller>::Kind as Kind>::Step;
/// What a step returned.
pub type StepResult<C> = <<C as Controller>::Kind as Kind>::StepResult;
/// Why a step had no result.
pub type StepError<C> = <<C as Controller>::Kind as Kind>::StepError;
/// What is kept between passes.
pub type Memory<C> = <<C as Controller>::Kind as Kind>::Memory;
