//! What all kinds share: the pass, decisions, times, events.

pub mod annotations;
pub mod clock;
pub mod decision;
pub mod dependency;
pub mod drift;
pub mod event;
#[cfg(test)]
pub(crate) mod fixture;
pub(crate) mod held;
pub mod key;
pub mod kind;
pub(crate) mod messages;
pub mod object_state;
pub mod pass;
pub mod refusals;
pub mod schedule;
pub mod shard;
pub(crate) mod size;
pub mod status;

pub mod tenant;
pub mod timing;

#[cfg(test)]
mod tests;
