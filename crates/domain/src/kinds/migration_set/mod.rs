//! The migrations of one database: their state, the decision, the update after a step, and the status.
//!
//! ```text
//! files ─┐
//! ledger ┼▶ LedgerDiff ──▶ Plan ──▶ decide ──▶ Do(step) ─ (the operator acts) ─▶ update ──▶ State …
//! schema ┘                             └─▶ Wait | Refuse | Settled ──▶ status
//! ```
//! Three things are compared: the files of the source, the versions in the Supabase CLI's ledger, and the digests of what was
//! run, in our own ledger. Every write is made under the database's advisory lock, which [`Step::Begin`] takes and
//! the end of a reconcile releases.

mod assessment;
mod attempts;
mod backup;
mod candidate;
mod conditions;
mod decide;
mod drift;
mod events;
mod gates;
mod inputs;
mod ledger_diff;
mod messages;
mod plan;
mod references;
mod sqlstate;
mod state;
mod status;
mod step;
mod update;

#[cfg(test)]
mod tests;

use std::time::Duration;

use ace_api::{MigrationReason, MigrationSet, MigrationSetStatus};
use jiff::Timestamp;

use super::platform::DatabaseFailure;
use crate::reconcile::{
    dependency::{Dependency, Facts},
    event::Event,
    kind,
    timing::Timing,
};
use update::{update_from_error, update_from_result};

pub use assessment::{Assessment, Unassessed, unassessed};
pub use attempts::Attempts;
pub use backup::{Backups, Request, Schedule};
pub use candidate::{Candidate, Flaw};
pub use decide::decide;
pub use events::events;
pub use ledger_diff::{Elsewhere, LedgerDiff, Likeness, doubted, ledger_diff};
pub use plan::{Item, Plan, plan_digest};
pub use sqlstate::{Advice, continued, may_pass};
pub use state::{
    Announced, Counts, FailedObservation, LedgerRow, Memory, Observation, OperatorSchema, OwnRow, Owner, PlatformFacts,
    PlatformState, ReferenceState, SchemaObservation, SourceState, State, Stop, StoredPlan,
};
pub use status::{planned, status};
pub use step::{Blocker, Failure, FailureKind, Ran, Refusal, Step, StepError, StepResult, SyntaxCheck, lock_held};

pub type Decision = crate::reconcile::decision::Decision<Step, MigrationReason>;
pub type Cause = crate::reconcile::decision::Cause<MigrationReason>;

#[derive(Debug)]
pub enum Kind {}

impl kind::Kind for Kind {
    const NAME: &'static str = "MigrationSet";
    /// Each file is a step, and thousands of files are no fault.
    const MAX_STEPS: usize = 100_000;

    type Object = MigrationSet;
    type Status = MigrationSetStatus;
    type State = State;
    type Step = Step;
    type StepResult = StepResult;
    type StepError = StepError;
    type Reason = MigrationReason;
    type Memory = Memory;

    fn decide(object: &MigrationSet, state: &State, now: Timestamp) -> Decision {
        decide(object, state, now)
    }

    fn update(
        object: &MigrationSet,
        state: &mut State,
        step: &Step,
        outcome: Result<StepResult, StepError>,
        now: Timestamp,
    ) {
        match outcome {
            Ok(result) => update_from_result(object, state, step, result, now),
            Err(step_error) => update_from_error(object, state, step, step_error, now),
        }
    }

    fn status(object: &MigrationSet, state: &State, decision: &Decision, now: Timestamp) -> MigrationSetStatus {
        status(object, state, decision, now)
    }

    fn memo(state: &mut State) -> &mut MigrationSetStatus {
        &mut state.memo
    }

    fn into_memory(state: State, _: &Decision) -> Memory {
        state.memory
    }

    fn events(before: &MigrationSetStatus, after: &MigrationSetStatus) -> Vec<Event> {
        events(before, after)
    }

    fn references(object: &MigrationSet) -> Vec<Dependency> {
        references::references(object)
    }

    fn findings(object: &MigrationSet, state: &State, decision: Option<&Decision>, _: Timestamp) -> Facts {
        // At the end of a run, not after each of its files.
        decision.map_or_else(Facts::new, |_| references::findings(object, state))
    }

    fn is_suspended(object: &MigrationSet) -> bool {
        object.spec.suspend
    }

    /// The statements of a file have limits of their own, which the spec sets.
    fn step_deadline(step: &Step, timing: Timing) -> Duration {
        match step {
            Step::Run { .. } => timing.run_deadline(),
            _ => timing.pass_deadline(),
        }
    }

    fn pass_deadline(timing: Timing) -> Duration {
        timing.run_deadline()
    }

    fn timed_out(step: &Step, after: Duration) -> StepError {
        let message = format!("no answer within {} s", after.as_secs());
        match step {
            Step::MakeBackup(_) | Step::CheckBackup(_) => StepError::Passing(message),
            _ => StepError::Database(DatabaseFailure::Unanswered(message)),
        }
    }
}
