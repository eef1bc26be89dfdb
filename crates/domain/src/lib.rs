//! The decisions: what is known of each object, what to do next, and how it is shown. No client, no clock, no await.

pub mod bundle;
pub mod inputs;
pub mod kinds;
pub mod reconcile;
pub mod sql;
