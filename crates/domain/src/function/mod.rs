//! One edge function: what is known, what to do next, what was learned, and how it is shown.
//!
//! ```text
//! World ──▶ decide ──▶ Do(step) ─ (the operator acts) ─▶ learn ──▶ World …
//!              └─▶ Wait | Refuse | Settled | Release ──▶ status
//! ```
//! Three things are kept apart: what is *wanted* now, what was last *applied* (or adopted), and what is *live*, whoever put it
//! there. The wish changed when wanted ≠ applied; drift is live ≠ applied.

mod archive;
mod checks;
mod claim;
mod cleanup;
mod compare;
mod decide;
mod event;
mod first_contact;
mod intent;
mod learn;
mod recognise;
mod rollout;
mod standing;
mod status;
mod step;
mod unsourced;
mod verdict;
mod waves;
mod world;

#[cfg(test)]
mod tests;

use ace_api::FunctionReason;

pub use archive::{
    ARCHIVE_BYTES, ArchiveData, ArchiveFault, FOREIGN_ARCHIVES, foreign_archive, proven_archive, read_proven_archive,
};
pub use claim::{Claimant, owner};
pub use decide::decide;
pub use event::notices;
pub use first_contact::archive_name;
pub use learn::{learn, leave_undone, understand};
pub use status::status;
pub use step::{Fact, Step};
pub use waves::{Member, blockers};
pub use world::{
    Archived, Body, BodyContent, CheckAnswer, CheckRun, Claim, Difference, Entry, Look, PlatformFacts, PlatformSight,
    Probe, Recall, SourceSight, World,
};

/// A decision about a function.
pub type Decision = crate::decision::Decision<Step, FunctionReason>;
/// A reason about a function.
pub type Why = crate::decision::Why<FunctionReason>;
