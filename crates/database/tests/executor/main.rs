//! Files of SQL on a real PostgreSQL: that each runs once or not at all.

#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "clippy knows tests by their attribute, and their helpers have none"
)]

mod again;
mod ahead;
mod alone;
mod applied;
mod bed;
mod catalogue;
#[path = "../session/cluster.rs"]
#[expect(dead_code, reason = "the tests of backups need more of it")]
mod cluster;
mod crash;
mod cuts;
mod damage;
#[path = "../session/database.rs"]
mod database;
mod dumps;
mod fence;
mod gate;
mod ignored;
mod interference;
mod ledgers;
mod lexing;
mod literals;
mod mutations;
mod outside;
mod proxy;
mod random;
mod reference;
#[path = "../session/server.rs"]
mod server;
mod shadows;
mod sqlstates;
mod watchdog;
