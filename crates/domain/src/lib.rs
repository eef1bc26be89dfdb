//! The decisions: what is known of each object, what to do next, and how it is shown. No client, no clock, no await.

#![cfg_attr(not(test), deny(clippy::string_slice, clippy::indexing_slicing))]

pub mod bundle;
pub mod inputs;
pub mod kinds;
pub mod reconcile;
pub mod sql;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
