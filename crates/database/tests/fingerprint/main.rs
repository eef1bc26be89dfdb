//! Fingerprints of schemas on a real PostgreSQL, and the differences that a reader gets.

#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "clippy knows tests by their attribute, and their helpers have none"
)]

mod bed;
mod changes;
mod copies;
mod expressions;
mod gate;
mod large;
mod looks;
mod names;
mod schema;
#[path = "../session/server.rs"]
mod server;
mod shown;
