//! The operator: driver, sources and kinds.

pub mod http;
pub mod metrics;
pub mod shutdown;
pub mod sources;
pub mod telemetry;
