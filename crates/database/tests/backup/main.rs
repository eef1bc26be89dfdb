//! Backups of a real PostgreSQL: that what is restored is what was there, and that everything else is told.

#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "clippy knows tests by their attribute, and their helpers have none"
)]

mod bed;
mod clients;
#[path = "../session/cluster.rs"]
mod cluster;
mod content;
#[path = "../session/database.rs"]
mod database;
mod dumps;
mod majors;
mod proofs;
mod scratch;
#[path = "../session/server.rs"]
mod server;
mod snapshots;
