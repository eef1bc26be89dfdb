//! What the operator costs, beside a bare client that makes the same minimal requests, and beside the official CLI.
//!
//! `make bench BENCH=fleet ARGS="--functions 100 --platforms 5"`. Ratios are printed and nothing is asserted: a figure depends
//! on the machine and on what else it does. Both sides run in turns on one bed, each as a process of its own with the operator's
//! rights.

mod bare;
mod count;
mod fleet;
mod http;
mod sides;
mod table;
mod tree;
mod unchanged;
mod usage;

use ace_api::{EdgeFunction, Platform};
use ace_tests::{Operator, TestBed};
use clap::Parser;

use bare::{Part, say};
use count::Mark;
use fleet::{Fleet, is_ready};
use sides::Sides;
use table::Table;

#[derive(Debug, Parser)]
struct Arguments {
    /// EdgeFunctions in all.
    #[arg(long, default_value_t = 1_000)]
    functions: usize,
    /// Platforms that they lie on.
    #[arg(long, default_value_t = 50)]
    platforms: usize,
    /// Turns of operator and bare client.
    #[arg(long, default_value_t = 2)]
    rounds: usize,
    /// Unchanged functions that are deployed again; 0 leaves that out.
    #[arg(long, default_value_t = 92)]
    unchanged: usize,
    /// Divides the operator's intervals and multiplies its request budget: no more than the largest Platform needs, because
    /// what is put off for a few seconds of life is not put off in a fraction of them.
    #[arg(long, default_value_t = 4)]
    scale: u32,
    /// Cargo says so.
    #[arg(long, hide = true)]
    bench: bool,
    #[command(subcommand)]
    part: Option<Part>,
}

fn main() {
    let arguments = Arguments::parse();
    ace_tests::block_on(async {
        match arguments.part {
            Some(Part::Bare(bare)) => bare::run(bare).await,
            None => measure(&arguments).await,
        }
    });
}

async fn measure(arguments: &Arguments) {
    let sides = Sides::prepare(arguments.scale).await;
    // Builds it, where that is needed.
    sides.start().await.kill();

    let mut table = Table::new(arguments.functions, arguments.platforms);
    let (mut operators, mut bares) = (Vec::new(), Vec::new());
    for round in 1..=arguments.rounds {
        let fleet = create(sides.bed, arguments, &format!("operator-{round}")).await;
        let (turn, mut operator) = sides.operator(&fleet).await;
        table.turn("operator", round, &turn);
        operators.push(turn);
        if round == arguments.rounds {
            table.settled(&sides.settled(&fleet, &operator).await);
            let memory = ["VmRSS", "VmHWM"].map(|field| usage::memory(operator.process_id(), field));
            table.memory(memory);
            operator.kill();
            operator = restarted(&sides, &mut table).await;
        }
        operator.kill();
        fleet.remove().await;

        let fleet = create(sides.bed, arguments, &format!("bare-{round}")).await;
        let turn = sides.bare(&fleet).await;
        table.turn("bare client", round, &turn);
        bares.push(turn);
        fleet.remove().await;
    }
    table.compare(&operators, &bares);
    if arguments.unchanged > 0 {
        unchanged(&sides, arguments.unchanged, &mut table).await;
    }
    say(&table.to_string());
}

async fn create(bed: &'static TestBed, arguments: &Arguments, namespace: &str) -> Fleet {
    let each = arguments.functions.div_ceil(arguments.platforms);
    say(&format!(
        "{namespace}: {} platforms with {each} functions each",
        arguments.platforms
    ));
    Fleet::create(bed, namespace, arguments.platforms, each).await
}

/// A new process finds all as it should be.
async fn restarted(sides: &Sides, table: &mut Table) -> Operator {
    let file = sides.bed.bed.file();
    let mark = Mark::now(file).await;
    let operator = sides.start().await;
    tokio::time::sleep(sides.interval()).await;
    let (platform, cluster) = (mark.platform(file, None).await, mark.cluster(file));
    table.restarted(&platform, &cluster, usage::cpu(operator.process_id()));
    operator
}

async fn unchanged(sides: &Sides, functions: usize, table: &mut Table) {
    let bed = sides.bed;
    let fleet = Fleet::platforms(bed, "unchanged", 1, functions).await;
    let mut operator = sides.start().await;
    fleet.until_all::<Platform, _>(is_ready, async || ()).await;
    let mark = Mark::now(bed.bed.file()).await;
    fleet.functions().await;
    fleet.until_all::<EdgeFunction, _>(is_ready, async || ()).await;
    table.on_known_platform(functions, &mark.cluster(bed.bed.file()));
    let ours = unchanged::operator(&fleet, operator.process_id()).await;
    operator.kill();
    let theirs = unchanged::official(bed, functions).await;
    table.unchanged(functions, &ours, &theirs);
    fleet.remove().await;
}
