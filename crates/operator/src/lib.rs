//! The operator: driver, sources and kinds.
//!
//! ```text
//! watches ─▶ directory (caches) ─▶ driver ─▶ kinds ─▶ domain (decides)
//!                                    │         └────▶ sites (one look per platform, shared), sources (one read, shared)
//!                                    └─▶ status, events, metrics
//! ```

pub mod applied;
pub mod directory;
pub mod doorman;
pub mod driver;
pub mod events;
pub mod http;
pub mod kinds;
pub mod metrics;
pub mod operator;
pub mod secrets;
pub mod shutdown;
pub mod sites;
pub mod sources;
pub mod telemetry;

mod api_server;
mod cache;
mod inputs;

#[cfg(test)]
mod fake;
