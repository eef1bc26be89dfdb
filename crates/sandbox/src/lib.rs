//! The local platform: Management API, edge runtime, receivers of notifications, and the bed around them.
//!
//! - [`platform`]: projects, their functions and secrets behind the Management API's routes, the gateway that calls
//!   functions, and the admin listener that turns faults on and off.
//! - [`runtime`]: a Deno process per function.
//! - [`receivers`]: Slack's incoming webhooks, endpoints of Standard Webhooks, PagerDuty's events, and mails.
//! - [`bed`]: control plane, PostgreSQL, platform and receivers started and stopped together.

pub mod bed;
pub mod platform;
pub mod receivers;
pub mod runtime;
