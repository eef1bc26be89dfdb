//! The operator: driver, sources and kinds.
//!
//! ```text
//! watches ─▶ directory (caches) ─▶ driver ─▶ kinds ─▶ domain (decides)
//!                                    │         └────▶ sites (one look per platform, shared), sources (one read, shared)
//!                                    └─▶ status, events, metrics
//! ```

pub mod connections;
pub mod driver;
pub mod events;
pub mod http;
pub mod index;
pub mod kinds;
pub mod metrics;
pub mod operator;
pub mod shutdown;
pub mod sources;
pub mod telemetry;

mod api_server;
mod cache;
mod inputs;

#[cfg(test)]
mod fake;
