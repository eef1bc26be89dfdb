//! Exactly once, whatever crashes: processes that do what the operator does at the database, killed, stopped and cut off at every
//! request and at random.

#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "clippy knows tests by their attribute, and their helpers have none"
)]

mod bed;
#[path = "../../../../tests/src/cuts.rs"]
#[expect(dead_code, reason = "the tests of whole operators need more of it")]
mod cuts;
mod operator;
#[path = "../../../../tests/src/postgres_proxy.rs"]
mod postgres_proxy;
mod process;
mod random;
#[path = "../session/server.rs"]
#[expect(dead_code, reason = "the tests of sessions need more of it")]
mod server;
mod set;
mod sweep;
