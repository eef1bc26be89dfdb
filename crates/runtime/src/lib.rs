//! What carries out the decisions of any kind, and knows none: reconciles, informers, events, metrics, health, shutdown.
//!
//! ```text
//! informer ─▶ queue ─▶ reconcile (`ace_domain::reconcile::pass`) ─▶ a Controller's observe and act
//!                          └─▶ status writer, events, metrics
//! ```

#![cfg_attr(not(test), deny(clippy::string_slice, clippy::indexing_slicing))]

pub mod causes;
pub mod children;
pub mod clock;
pub mod controllers;
pub mod events;
pub mod health;
pub mod index;
pub mod informer;
pub mod leases;
pub mod listener;
pub mod made;
pub mod metrics;
mod queue;
pub mod reconcile;
pub mod request;
mod shards;
pub mod shutdown;
pub mod tasks;
pub mod telemetry;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
