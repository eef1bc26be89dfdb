//! The local platform: Management API, edge runtime, and the bed around them.
//!
//! - [`platform`]: projects, their functions and secrets behind the Management API's routes, the gateway that calls
//!   functions, and the admin listener that turns faults on and off.
//! - [`runtime`]: a Deno process per function.
//! - [`bed`]: control plane, PostgreSQL and platform started and stopped together.

pub mod bed;
pub mod platform;
pub mod runtime;
