//! The operator: kinds, what they share to reach the outside, and sources.
//!
//! ```text
//! informers ─▶ caches ─▶ runtime ─▶ kinds ─▶ domain (decides)
//!                         │         └────▶ connections (one list per platform, shared), sources (one read, shared)
//!                         └─▶ status, events, metrics
//! ```

#![cfg_attr(not(test), deny(clippy::string_slice, clippy::indexing_slicing))]

mod backups;
pub mod caches;
pub mod check;
pub mod connections;
pub mod evaluator;
pub mod kinds;
pub mod metrics;
pub mod operator;
pub mod processes;
pub mod sources;
