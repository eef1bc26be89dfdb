//! What a backup costs: the worker beside `pg_dump | zstd | age | rclone rcat`, and its proof by a restore beside `pg_dump` and
//! `pg_restore`, in turns on one server; what each does to somebody who writes; and the worker's memory for a small and a large database.
//!
//! `make bench BENCH=backups ARGS="--rounds 3 --mebibytes 200"`. Ratios are printed and nothing is asserted: a figure depends on the
//! machine and on what else it does. `age`, `zstd` and `rclone` have to be installed.

mod plain;
#[path = "../../../crates/database/tests/session/server.rs"]
#[allow(
    dead_code,
    clippy::pedantic,
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "it belongs to the tests of the database"
)]
mod scratch;
#[path = "../migrations/server.rs"]
#[allow(dead_code, reason = "another bench needs more of it")]
mod server;
#[path = "../fleet/usage.rs"]
mod usage;
mod worker;
mod writer;

use std::time::Duration;

use ace_tests::{Database, Operator, OperatorOptions, Project, Stage, bed, with_unjudged_namespace};
use clap::Parser;

use server::Server;
use writer::Writer;

#[derive(Debug, Parser)]
struct Arguments {
    /// Turns of each way.
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// Size of the large database's rows.
    #[arg(long, default_value_t = 200)]
    mebibytes: u64,
    /// Cargo says so.
    #[arg(long, hide = true)]
    bench: bool,
}

/// Size of the small database's rows.
const SMALL: u64 = 10;

/// What one turn took.
#[derive(Clone, Copy, Debug)]
pub struct Turn {
    pub time: Duration,
    /// CPU seconds of all but the database's server.
    pub cpu: f64,
    /// CPU seconds of the server's processes.
    pub server: f64,
}

/// The turns of one way.
struct Way {
    name: &'static str,
    turns: Vec<Turn>,
}

fn main() {
    let arguments = Arguments::parse();
    ace_tests::block_on(measure(&arguments));
}

fn options(process: OperatorOptions) -> OperatorOptions {
    OperatorOptions {
        // Life's pace: whatever the worker waits for counts.
        scale: 1,
        log: "warn".to_owned(),
        ..process
    }
}

async fn measure(arguments: &Arguments) {
    let operator = Operator::start(bed(), &options(OperatorOptions::default())).await;
    let mut memory = Vec::new();
    for mebibytes in [SMALL, arguments.mebibytes] {
        let database = filled(mebibytes).await;
        let worker = Operator::start(bed(), &options(OperatorOptions::worker())).await;
        let idle = usage::memory(worker.process_id(), "VmHWM");
        let rounds = if mebibytes == SMALL { 1 } else { arguments.rounds };
        let ([plain, counts, rows, restored, content], beside) = turns(&operator, &worker, &database, rounds).await;
        memory.push((mebibytes, usage::memory(worker.process_id(), "VmHWM") - idle));
        if mebibytes != SMALL {
            println!("{mebibytes} MiB of rows, load {}", usage::load());
            for way in [&plain, &counts, &rows, &restored, &content] {
                println!("  {}", way.figures());
            }
            println!("backup without hashes / pipeline: {}; aim <= 1.1", counts.over(&plain));
            println!("backup with proof / pipeline: {}; aim <= 1.4", rows.over(&plain));
            println!(
                "backup and Content / pg_dump and pg_restore: {}; aim <= 1.1",
                content.over(&restored)
            );
            let [dump, backup] = beside;
            println!(
                "a writer's p99 beside the backup {backup:.2} ms, beside the pipeline {dump:.2} ms: × {:.2}; aim <= 1.1",
                backup / dump
            );
        }
    }
    for (mebibytes, above) in memory {
        println!("worker's peak above idle for {mebibytes} MiB: {above:.0} MiB; aim <= 64");
    }
}

/// A database with so many MiB of rows that compress to about a third, as letters and numbers do.
async fn filled(mebibytes: u64) -> Database {
    let database = Database::create().await;
    let rows = mebibytes * 8_192;
    let sql = format!(
        "CREATE TABLE public.rows (id bigint PRIMARY KEY, name text, made timestamptz);
         INSERT INTO public.rows SELECT i, md5(i::text) || repeat(' and so on', 5) || md5((i + 1)::text), now()
         FROM generate_series(1, {rows}) i"
    );
    database.run(&sql).await;
    database
}

/// The ways, and the p99 of a writer beside the pipeline and beside a backup with its proof.
async fn turns(operator: &Operator, worker: &Operator, database: &Database, rounds: usize) -> ([Way; 5], [f64; 2]) {
    let server = Server::of(database).await;
    let scratch = scratch::Server::start().await;
    let mut ways = [
        "pg_dump | zstd | age | rclone rcat",
        "backup, proof: Counts",
        "backup, proof: Rows",
        "pg_dump -Fc, pg_restore",
        "backup and Content",
    ]
    .map(|name| Way {
        name,
        turns: Vec::new(),
    });
    let mut beside = [f64::NAN; 2];
    with_unjudged_namespace(async |space| {
        let project = Project::create(bed().bed.file()).await;
        let stage = Stage {
            space,
            project,
            operator,
        };
        let scene = worker::Scene::prepare(&stage, worker, database, &scratch).await;
        for round in 0..rounds {
            let taken = [
                plain::pipeline(database, &server).await,
                scene
                    .backup(&format!("counts-{round}"), "Counts", "Bytes", &server)
                    .await,
                scene.backup(&format!("rows-{round}"), "Rows", "Bytes", &server).await,
                plain::restored(database, &server, &scratch).await,
                scene.verified(&format!("content-{round}"), &server).await,
            ];
            for (way, turn) in ways.iter_mut().zip(taken) {
                way.turns.push(turn);
            }
        }
        let mut waits = [Vec::new(), Vec::new()];
        for round in 0..rounds {
            let writer = Writer::start(database).await;
            plain::pipeline(database, &server).await;
            waits[0].push(writer.end().await);
            let writer = Writer::start(database).await;
            scene
                .backup(&format!("written-{round}"), "Rows", "Bytes", &server)
                .await;
            waits[1].push(writer.end().await);
        }
        beside = waits.map(|all| median(all.into_iter()));
    })
    .await;
    (ways, beside)
}

fn median(all: impl Iterator<Item = f64>) -> f64 {
    let mut all: Vec<f64> = all.collect();
    all.sort_by(f64::total_cmp);
    all.get(all.len() / 2).copied().unwrap_or(f64::NAN)
}

impl Way {
    fn median(&self, of: impl Fn(&Turn) -> f64) -> f64 {
        median(self.turns.iter().map(of))
    }

    fn figures(&self) -> String {
        let times: Vec<String> = self
            .turns
            .iter()
            .map(|turn| format!("{:.2} s", turn.time.as_secs_f64()))
            .collect();
        let (cpu, server) = (self.median(|turn| turn.cpu), self.median(|turn| turn.server));
        format!(
            "{:<36} {}; CPU: own {cpu:.2} s, server {server:.2} s",
            self.name,
            times.join(", ")
        )
    }

    fn over(&self, other: &Self) -> String {
        let ratio = |of: fn(&Turn) -> f64| self.median(of) / other.median(of);
        format!(
            "time × {:.2}, CPU × {:.2}",
            ratio(|turn| turn.time.as_secs_f64()),
            ratio(|turn| turn.cpu + turn.server)
        )
    }
}
