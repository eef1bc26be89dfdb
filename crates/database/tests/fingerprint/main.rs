//! What is seen of a schema on a real PostgreSQL, and what a reader is told of its changes.

#![expect(
    clippy::unwrap_used,
    reason = "clippy knows tests by their attribute, and their helpers have none"
)]

mod bed;
mod changes;
mod copies;
mod gate;
mod large;
mod looks;
mod names;
mod schema;
#[path = "../session/server.rs"]
mod server;
