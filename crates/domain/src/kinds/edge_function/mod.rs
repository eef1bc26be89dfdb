//! One edge function: what is known, what to do next, what was learned, and how it is shown.
//!
//! ```text
//! World ──▶ decide ──▶ Do(step) ─ (the operator acts) ─▶ learn ──▶ World …
//!              └─▶ Wait | Refuse | Settled | Release ──▶ status
//! ```
//! Three things are kept apart: what is *wanted* now, what was last *applied* (or adopted), and what is *live*, whoever put it
//! there. The wish changed when wanted ≠ applied; drift is live ≠ applied.

mod adoption;
mod archive;
mod checks;
mod claim;
mod cleanup;
mod compare;
mod decide;
mod drift;
mod events;
mod intent;
mod live;
mod recognise;
mod rollout;
mod source_problems;
mod state;
mod status;
mod step;
mod update;
mod waves;

#[cfg(test)]
mod tests;

use ace_api::FunctionReason;

pub use adoption::archive_name;
pub use archive::{
    ARCHIVE_BYTES, ArchiveData, ArchiveFault, FOREIGN_ARCHIVES, foreign_archive, proven_archive, read_proven_archive,
};
pub use claim::{Claimant, owner};
pub use decide::decide;
pub use events::events;
pub use state::{
    Archived, Body, BodyContent, CheckAnswer, CheckRun, Claim, Difference, Listing, LiveFunction, Memory,
    PlatformFacts, PlatformState, Probe, SourceState, State,
};
pub use status::status;
pub use step::{Step, StepResult};
pub use update::{infer, skip_step, update};
pub use waves::{Member, blockers};

/// A decision about a function.
pub type Decision = crate::reconcile::decision::Decision<Step, FunctionReason>;
/// A reason about a function.
pub type Cause = crate::reconcile::decision::Cause<FunctionReason>;
