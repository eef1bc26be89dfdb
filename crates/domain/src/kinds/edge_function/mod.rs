//! One edge function: its state, the decision, the update after a step, and the status.
//!
//! ```text
//! State ──▶ decide ──▶ Do(step) ─ (the operator acts) ─▶ update ──▶ State …
//!              └─▶ Wait | Refuse | Settled | Release ──▶ status
//! ```
//! Three things are kept apart: the *desired* content of the source, what was last *applied* (or adopted), and what is *live*.
//! Desired ≠ applied is a change to roll out; live ≠ applied is drift.

mod adoption;
mod archive;
mod checks;
mod claim;
mod cleanup;
mod compare;
mod content;
mod decide;
mod drift;
mod events;
mod intent;
mod live;
mod lost_deploys;
mod recognise;
mod references;
mod rollout;
mod source_problems;
mod state;
mod status;
mod step;
mod step_errors;
mod update;
mod waves;

#[cfg(test)]
mod tests;

use ace_api::{DeletionPolicy, EdgeFunction, EdgeFunctionStatus, FunctionReason, Mode};
use jiff::Timestamp;

use crate::reconcile::{
    decision::StepError,
    dependency::{Dependency, Facts},
    event::Event,
    kind,
};
use update::{update_from_error, update_from_result};

pub use adoption::archive_name;
pub use archive::{
    ARCHIVE_BYTES, ArchiveData, ArchiveFault, FOREIGN_ARCHIVES, foreign_archive, proven_archive, read_proven_archive,
};
pub use claim::{Claimant, ProjectAccess, claim};
pub use decide::decide;
pub use events::events;
pub use references::{claims, platform_key, source_key, wave};
pub use state::{
    Archived, Body, BodyContent, CheckAnswer, CheckRun, Claim, Difference, Listing, LiveFunction, Memory, Obstacle,
    PlatformFacts, PlatformState, Probe, SourceState, State, UnconfirmedBody,
};
pub use status::status;
pub use step::{Step, StepResult};
pub use update::infer;
pub use waves::{Member, blockers};

pub type Decision = crate::reconcile::decision::Decision<Step, FunctionReason>;
pub type Cause = crate::reconcile::decision::Cause<FunctionReason>;

#[derive(Debug)]
pub enum Kind {}

impl kind::Kind for Kind {
    const NAME: &'static str = "EdgeFunction";

    type Object = EdgeFunction;
    type Status = EdgeFunctionStatus;
    type State = State;
    type Step = Step;
    type StepResult = StepResult;
    type StepError = StepError;
    type Reason = FunctionReason;
    type Memory = Memory;

    fn decide(object: &EdgeFunction, state: &State, now: Timestamp) -> Decision {
        decide(object, state, now)
    }

    fn update(
        object: &EdgeFunction,
        state: &mut State,
        step: &Step,
        outcome: Result<StepResult, StepError>,
        now: Timestamp,
    ) {
        state.step_error = None;
        match outcome {
            Ok(result) => update_from_result(object, state, step, result, now),
            Err(step_error) => update_from_error(object, state, step, step_error, now),
        }
        infer(object, state, now);
    }

    fn infer(object: &EdgeFunction, state: &mut State, now: Timestamp) {
        infer(object, state, now);
    }

    fn status(object: &EdgeFunction, state: &State, decision: &Decision, now: Timestamp) -> EdgeFunctionStatus {
        status(object, state, decision, now)
    }

    fn memo(state: &mut State) -> &mut EdgeFunctionStatus {
        &mut state.memo
    }

    fn skip_step(state: &mut State, step: &Step) {
        if let Step::Deploy { intent, .. } = step {
            state.memory.unsent = Some(intent.clone());
        }
    }

    fn into_memory(state: State, decision: &Decision) -> Memory {
        let mut memory = state.memory;
        memory.absent = None;
        // Bodies and archives are large; whoever needs one after a rest reads it again. The outcome of a deploy is read by them.
        let rests = matches!(decision, Decision::Settled(_) | Decision::Refuse(..));
        if rests && state.memo.intent.is_none() {
            memory.body = None;
            memory.archive = None;
        }
        memory
    }

    fn events(before: &EdgeFunctionStatus, after: &EdgeFunctionStatus) -> Vec<Event> {
        events(before, after)
    }

    fn wants_finalizer(object: &EdgeFunction) -> bool {
        object.spec.deletion_policy == DeletionPolicy::Delete && object.spec.mode != Mode::Observe
    }

    fn references(object: &EdgeFunction) -> Vec<Dependency> {
        references::references(object)
    }

    fn facts(object: &EdgeFunction) -> Facts {
        references::facts(object)
    }

    fn is_suspended(object: &EdgeFunction) -> bool {
        object.spec.suspend
    }

    fn timed_out(step: &Step, after: std::time::Duration) -> StepError {
        match step {
            Step::Deploy { .. } | Step::PatchJwt(_) | Step::Delete => StepError::OutcomeUnknown(None),
            _ => StepError::Unanswered(format!("no answer within {} s", after.as_secs())),
        }
    }
}
