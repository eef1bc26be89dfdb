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
mod event;
mod learn;
mod plan;
mod standing;
mod status;
mod step;
mod words;
mod work;
mod world;

#[cfg(test)]
mod tests;

use ace_api::MigrationReason;

pub use decide::decide;
pub use event::notices;
pub use learn::learn;
pub use plan::{Item, Plan, Target, plan_digest};
pub use standing::{Standing, standing};
pub use status::{planned, status};
pub use step::{Answer, Blocker, Fact, Ran, Refusal, Step, Trouble};
pub use world::{
    Announced, Counts, House, LedgerRow, Missed, OwnRow, PlatformFacts, PlatformSight, Recall, ReferenceState,
    SchemaLook, SourceSight, Stop, StoredPlan, View, World,
};

/// A decision about a set of migrations.
pub type Decision = crate::decision::Decision<Step, MigrationReason>;
/// A reason about a set of migrations.
pub type Why = crate::decision::Why<MigrationReason>;
