//! What can't be done with the operator that the other tests share: it is killed, cut off and stopped, logs everything, or is started
//! on what another version left. Each test starts operators of its own.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod backup_faults;
mod backup_pairs;
mod backup_turns;
mod backups;
mod channels;
mod connections;
mod disclosure;
mod drills;
mod fate;
mod functions;
mod leases;
mod migrations;
mod neighbours;
#[allow(clippy::pedantic, dead_code, reason = "it belongs to another crate's tests")]
#[path = "../../../crates/database/tests/session/server.rs"]
mod server;
mod upgrade;

use tokio::sync::Mutex;

/// An operator serves every namespace of the bed: one test at a time.
static ONE: Mutex<()> = Mutex::const_new(());
