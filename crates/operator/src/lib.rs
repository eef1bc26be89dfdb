//! The operator: kinds, what they share to reach the outside, and sources.
//!
//! ```text
//! informers ─▶ index ─▶ runtime ─▶ kinds ─▶ domain (decides)
//!                         │         └────▶ connections (one list per platform, shared), sources (one read, shared)
//!                         └─▶ status, events, metrics
//! ```

pub mod connections;
pub mod index;
pub mod kinds;
pub mod metrics;
pub mod operator;
pub mod sources;

mod function_facts;
