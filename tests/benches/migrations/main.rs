//! What migrations cost: a set of a real one's sizes by `psql`, by the executor alone and by the operator, in turns on one
//! server; many small statements over a network, by the official CLI, the executor and the operator; and what it costs to look at a
//! schema of 4,000 objects.
//!
//! `make bench BENCH=migrations ARGS="--rounds 9"`. Ratios are printed and nothing is asserted: a figure depends on the machine
//! and on what else it does. The bed's server does not wait for its disk.

mod api;
mod far;
mod files;
mod looks;
#[path = "../../../crates/database/tests/fingerprint/schema.rs"]
mod schema;
mod server;
mod sides;
mod table;
#[path = "../fleet/usage.rs"]
mod usage;

use ace_tests::{Database, Operator, OperatorOptions, bed};
use clap::Parser;

use crate::far::Distance;

#[derive(Debug, Parser)]
struct Arguments {
    /// Turns of each way.
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Turns of each way over a network.
    #[arg(long, default_value_t = 3)]
    far: usize,
    /// Looks at the large schema.
    #[arg(long, default_value_t = 15)]
    looks: usize,
    /// Cargo says so.
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() {
    let arguments = Arguments::parse();
    ace_tests::block_on(measure(&arguments));
}

async fn measure(arguments: &Arguments) {
    let files = files::files();
    table::head(&files);
    // Life's pace: whatever the operator waits for counts.
    let mut operator = Operator::start(bed(), &options(1)).await;
    let mut turns = table::Turns::default();
    for round in 1..=arguments.rounds {
        turns.plain.push(sides::plain(&files).await);
        turns
            .executor
            .push(sides::executor(&files, &Database::create().await).await);
        let (turn, reported) = sides::operator(&files, &operator, Distance::Near).await;
        turns.operator.push(turn);
        table::round(round, &turns, &reported);
    }
    table::compare(&turns, &operator);
    let rows = files::rows(far::STATEMENTS);
    let mut turns = far::Turns::default();
    for _ in 0..arguments.far {
        turns.cli.push(sides::cli(&rows, &far::database().await).await);
        turns
            .executor
            .push(sides::executor(&rows, &far::database().await).await);
        turns
            .operator
            .push(sides::operator(&rows, &operator, Distance::Far).await);
    }
    far::compare(&turns);
    operator.kill();
    table::looks(&looks::looks(arguments.looks).await);
    let mut operator = Operator::start(bed(), &options(10)).await;
    table::rest(&looks::rest(&operator).await);
    operator.kill();
}

fn options(scale: u32) -> OperatorOptions {
    OperatorOptions {
        scale,
        log: "info".to_owned(),
        ..OperatorOptions::default()
    }
}
