//! What rules cost: 1,000 that ask the database every minute, beside a bare client that asks the same, and beside one session of psql;
//! memory for each of them; and what is written when all of them fire at once.
//!
//! `make bench BENCH=alerts ARGS="--rules 1000 --turns 3"`. Ratios are printed and nothing is asserted: a figure depends on the
//! machine and on what else it does.

mod plain;
mod rules;
#[path = "../migrations/server.rs"]
#[allow(dead_code, reason = "another bench needs more of it")]
mod server;
#[path = "../fleet/usage.rs"]
mod usage;

use std::time::{Duration, Instant};

use ace_api::AlertState;
use ace_tests::{Operator, OperatorOptions, bed, on_database_of};
use clap::Parser;

use rules::Rules;
use server::Server;

#[derive(Debug, Parser)]
struct Arguments {
    /// Rules, each with a query of its own.
    #[arg(long, default_value_t = 1_000)]
    rules: usize,
    /// Turns of each rule that are measured.
    #[arg(long, default_value_t = 3)]
    turns: usize,
    /// By how much a minute is shortened; 1 is life's pace.
    #[arg(long, default_value_t = 1)]
    scale: u32,
    /// Cargo says so.
    #[arg(long, hide = true)]
    bench: bool,
}

/// CPU seconds for a thousand questions: of who asks, and of the server.
#[derive(Clone, Copy, Debug)]
struct Cost {
    own: f64,
    server: f64,
}

impl Cost {
    /// `questions`: how many were asked for it.
    fn of(own: f64, server: f64, questions: f64) -> Self {
        let thousand = questions / 1_000.0;
        Self {
            own: own / thousand,
            server: server / thousand,
        }
    }
}

fn main() {
    let arguments = Arguments::parse();
    ace_tests::block_on(measure(&arguments));
}

async fn measure(arguments: &Arguments) {
    let options = OperatorOptions {
        scale: arguments.scale,
        log: "warn".to_owned(),
        ..OperatorOptions::default()
    };
    let operator = Operator::start(bed(), &options).await;
    on_database_of(&operator, "24h", async |stage, database| {
        let server = Server::of(database).await;
        let queries = rules::queries(arguments.rules);
        rules::prepare(stage, database).await;
        let before = usage::memory(operator.process_id(), "RssAnon");
        let rules = Rules::create(stage, &queries).await;
        rules.are(AlertState::Inactive).await;
        let after = usage::memory(operator.process_id(), "RssAnon");
        let asked = asked(&operator, &server, arguments).await;
        let bare = plain::bare(database, &server, &queries, arguments.turns).await;
        let psql = plain::psql(database, &server, &queries, arguments.turns).await;
        println!(
            "{} rules, {} turns, load {}",
            arguments.rules,
            arguments.turns,
            usage::load()
        );
        for (name, cost) in [("operator", asked), ("tokio-postgres", bare), ("psql", psql)] {
            println!(
                "  {name:<16} CPU per 1,000 questions: own {:.3} s, server {:.3} s",
                cost.own, cost.server
            );
        }
        println!(
            "operator's CPU / bare tokio-postgres: × {:.2}; aim <= 3",
            asked.own / bare.own
        );
        println!(
            "server's CPU / one psql session: × {:.2}; aim <= 1.15",
            asked.server / psql.server
        );
        #[expect(clippy::cast_precision_loss, reason = "a number of rules")]
        let each = (after - before) * 1024.0 / arguments.rules as f64;
        println!("memory for each rule: {each:.1} KiB; aim <= 3");
        rules.fire(database).await;
        let (writes, each) = rules.writes();
        println!("{writes} status writes when all fire at once: {each:.2} for each rule; aim <= 1.1");
    })
    .await;
}

/// What the operator and the server use while each rule has so many turns, without what both use at rest.
async fn asked(operator: &Operator, server: &Server, arguments: &Arguments) -> Cost {
    let labels = [("source", "SQL"), ("outcome", "Answered")];
    let turns = async || operator.metric("ace_signal_turns_total", &labels).await;
    let (began, own, used) = (turns().await, usage::cpu(operator.process_id()), server.cpu());
    #[expect(clippy::cast_precision_loss, reason = "a number of turns")]
    let enough = began + (arguments.rules * arguments.turns) as f64;
    let deadline = Instant::now() + Duration::from_hours(1);
    while turns().await < enough && Instant::now() < deadline {
        // Each look costs the operator a reading of its metrics.
        tokio::time::sleep(Duration::from_secs(5)).await;
    }
    let questions = turns().await - began;
    Cost::of(usage::cpu(operator.process_id()) - own, server.cpu() - used, questions)
}
