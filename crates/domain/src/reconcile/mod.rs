//! What all kinds share: decisions, times, inputs, events.

pub mod annotations;
pub mod decision;
pub mod event;
pub mod inputs;
#[cfg(test)]
pub(crate) mod kstatus;
pub(crate) mod size;
pub mod timing;
