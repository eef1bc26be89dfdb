//! Restores into a cluster that holds nothing else: a database for one run, which is always dropped, with the archive in it, its
//! rows counted as the source's were, and statements that must return what was expected.

mod assertion;
mod database;
mod error;
mod plan;
mod restore;

pub use assertion::{Asserted, AssertionError};
pub use database::{Scratch, sweep_scratch};
pub use error::ScratchError;
pub use restore::Restored;
