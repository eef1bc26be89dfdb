//! What depends on what.

mod departures;
mod dependents;

#[cfg(test)]
mod tests;

pub(crate) use departures::{Departures, News};
pub(crate) use dependents::Depart;
pub use dependents::{Dependents, Enqueue, ObjectId, Unused};
