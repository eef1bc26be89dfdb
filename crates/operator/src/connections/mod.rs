//! Connections that reconciles share: platforms, databases, Secrets.

pub mod database;
pub mod grants;
pub mod hosts;
pub mod secrets;
pub mod stores;

mod convert;
mod platform;
mod platforms;

#[cfg(test)]
pub mod testing;
#[cfg(test)]
mod tests;

pub use convert::{deferral, limit, live, not_permitted, stamp, step_error};
pub use platform::{Clients, PlatformConnection, PlatformHealth};
pub use platforms::PlatformConnections;
