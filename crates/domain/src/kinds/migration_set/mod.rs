//! The migrations of one database: what is known, what to do next, what was learned, and how it is shown.
//!
//! ```text
//! files ─┐
//! ledger ┼▶ Standing ──▶ Plan ──▶ decide ──▶ Do(step) ─ (the operator acts) ─▶ learn ──▶ World …
//! schema ┘                           └─▶ Wait | Refuse | Settled ──▶ status
//! ```
//! Three ledgers are compared: the files of the source, what the Supabase CLI's table says was run, and what our own table
//! says of the bytes that were run. Whatever writes happens under the database's advisory lock, which is what
//! [`Step::Begin`] takes and the end of a pass gives back.

mod conditions;
mod decide;
mod drift;
mod events;
mod gates;
mod ledger_diff;
mod messages;
mod plan;
mod state;
mod status;
mod step;
mod update;

#[cfg(test)]
mod tests;

use ace_api::MigrationReason;

pub use decide::decide;
pub use events::events;
pub use ledger_diff::{LedgerDiff, ledger_diff};
pub use plan::{Item, Plan, Target, plan_digest};
pub use state::{
    Announced, Counts, FailedObservation, LedgerRow, Memory, Observation, OperatorSchema, OwnRow, PlatformFacts,
    PlatformState, ReferenceState, SchemaObservation, SourceState, State, Stop, StoredPlan,
};
pub use status::{planned, status};
pub use step::{Blocker, Ran, Refusal, Step, StepError, StepResult, SyntaxCheck};
pub use update::update;

/// A decision about a set of migrations.
pub type Decision = crate::reconcile::decision::Decision<Step, MigrationReason>;
/// A reason about a set of migrations.
pub type Cause = crate::reconcile::decision::Cause<MigrationReason>;
