//! Everything end to end: the operator's process under its ServiceAccount, the real API server, a platform that the official CLI
//! talks to, a real PostgreSQL. One bed and one operator serve the whole run, and each test has a namespace, a project and a
//! database of its own.
//!
//! `cargo test -p ace-tests --test e2e drift` runs the tests whose names contain `drift`. The names are the same as with the harness
//! that comes with the compiler; this one is used because it has an end, at which the rights are compared that the whole run used.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod admission;
mod alerts;
mod backup;
mod backup_destination;
mod backup_inventory;
mod backup_schedule;
mod channels_mailed;
mod channels_told;
mod completed;
mod deploy;
mod drills;
mod examples;
mod functions;
mod import;
mod listed;
mod long_texts;
mod migrations;
mod network;
mod notification_channel;
mod plan;
mod platform;
mod policies;
mod restore;
mod rights;
mod roles;
#[allow(clippy::pedantic, dead_code, reason = "it belongs to another crate's tests")]
#[path = "../../../crates/database/tests/session/server.rs"]
mod server;
mod team;
mod wait;
mod waiting;
mod watch;

use std::process::ExitCode;

use ace_tests::{Test, name_who_panics};
use libtest_mimic::{Arguments, Conclusion};

/// Tests at one time, unless `--test-threads` says otherwise: they wait for most of their time.
const THREADS: usize = 8;

fn main() -> ExitCode {
    name_who_panics();
    let mut arguments = Arguments::from_args();
    arguments.test_threads.get_or_insert(THREADS);
    // What the API server does by itself comes first: the operator, once it is started, takes care of every object there is.
    let without_operator = vec![
        admission::tests(),
        completed::tests(),
        deploy::tests(),
        examples::tests(),
        listed::tests(),
        network::tests(),
        policies::tests(),
        rights::tests(),
        roles::tests(),
        team::tests(),
        watch::tests(),
    ];
    let with_operator = vec![
        alerts::tests(),
        backup::tests(),
        backup_destination::tests(),
        backup_inventory::tests(),
        backup_schedule::tests(),
        drills::tests(),
        functions::tests(),
        migrations::tests(),
        import::tests(),
        long_texts::tests(),
        channels_mailed::tests(),
        channels_told::tests(),
        notification_channel::tests(),
        plan::tests(),
        platform::tests(),
        restore::tests(),
        wait::tests(),
        waiting::tests(),
    ];
    let conclusions = [without_operator, with_operator]
        .map(|tests| libtest_mimic::run(&arguments, tests.into_iter().flatten().map(Test::trial).collect()));
    if conclusions.iter().any(Conclusion::has_failed) {
        return ExitCode::from(101);
    }
    if arguments.list {
        return ExitCode::SUCCESS;
    }
    if is_part(&conclusions) {
        println!("some tests were left out, so the rights that they use are not compared with those granted");
        return ExitCode::SUCCESS;
    }
    match rights::compare() {
        Ok(used) => {
            println!("the whole run used each of the {used} rights that are granted, and no other");
            ExitCode::SUCCESS
        }
        Err(difference) => {
            eprintln!("{difference}");
            ExitCode::from(101)
        }
    }
}

/// Some tests were not run: what they would have used, nobody knows.
fn is_part(conclusions: &[Conclusion]) -> bool {
    let left_out = |conclusion: &Conclusion| conclusion.num_filtered_out + conclusion.num_ignored;
    conclusions.iter().map(left_out).sum::<u64>() > 0
}
