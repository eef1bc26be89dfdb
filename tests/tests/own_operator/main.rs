//! What can't be done with the operator that the other tests share: it is killed, cut off and stopped, logs everything, or is started
//! on what another version left. Each test starts operators of its own, and as an operator serves every namespace of the bed, each has
//! the bed alone meanwhile ([`lanes`]).

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod alerts;
mod backup_faults;
mod backup_pairs;
mod backup_turns;
mod backups;
mod catalogue;
mod channels;
mod connections;
mod definitions;
mod disclosure;
mod drills;
mod fate;
mod functions;
mod lanes;
mod leases;
mod migrations;
mod neighbours;
#[allow(clippy::pedantic, dead_code, reason = "it belongs to another crate's tests")]
#[path = "../../../crates/database/tests/session/server.rs"]
mod server;
mod shards;
mod upgrade;

use std::process::ExitCode;

use ace_tests::name_who_panics;
use libtest_mimic::Arguments;

fn main() -> ExitCode {
    name_who_panics();
    // What takes longest comes first.
    let tests = [
        leases::tests(),
        shards::tests(),
        backup_faults::tests(),
        migrations::tests(),
        backups::tests(),
        connections::tests(),
        drills::tests(),
        catalogue::tests(),
        functions::tests(),
        backup_pairs::tests(),
        backup_turns::tests(),
        alerts::tests(),
        channels::tests(),
        definitions::tests(),
        disclosure::tests(),
        neighbours::tests(),
        upgrade::tests(),
    ];
    let tests = tests.into_iter().flatten().collect();
    if lanes::is_lane() {
        lanes::serve(tests);
        return ExitCode::SUCCESS;
    }
    let mut arguments = Arguments::from_args();
    arguments.test_threads.get_or_insert(lanes::LANES);
    libtest_mimic::run(&arguments, lanes::trials(tests)).exit_code()
}
