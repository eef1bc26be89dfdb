//! What ten times the objects cost, beside a bare client: time, CPU and memory of the operator, and what is written when all is settled.
//!
//! `make bench BENCH=scale ARGS="--objects 1000,10000"`. Ratios are printed and nothing is asserted: a figure depends on the
//! machine and on what else it does.

#[path = "../fleet/bare.rs"]
mod bare;
#[allow(dead_code, reason = "another bench needs more of it")]
#[path = "../fleet/count.rs"]
mod count;
#[allow(dead_code, reason = "another bench needs more of it")]
#[path = "../fleet/fleet.rs"]
mod fleet;
#[allow(dead_code, reason = "another bench needs more of it")]
#[path = "../fleet/http.rs"]
mod http;
mod measured;
#[allow(dead_code, reason = "another bench needs more of it")]
#[path = "../fleet/sides.rs"]
mod sides;
#[path = "../fleet/tree.rs"]
mod tree;
#[allow(dead_code, reason = "another bench needs more of it")]
#[path = "../fleet/usage.rs"]
mod usage;

use clap::Parser;

use bare::{Part, say};
use fleet::Fleet;
use measured::{Measured, Memory, compare};
use sides::Sides;

/// Functions of each Platform: more Platforms, and not larger ones.
const EACH: usize = 20;
#[derive(Debug, Parser)]
struct Arguments {
    /// How many EdgeFunctions, one fleet after another.
    #[arg(long, value_delimiter = ',', default_values_t = [1_000, 10_000])]
    objects: Vec<usize>,
    /// Divides the operator's intervals and multiplies its request budget.
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
    // Builds it, where that is needed; and what it takes without any object.
    let mut operator = sides.start().await;
    tokio::time::sleep(sides.interval()).await;
    say(&format!("without any object: {}", Memory::of(operator.process_id())));
    operator.kill();
    let mut fleets = Vec::new();
    for objects in &arguments.objects {
        let platforms = objects.div_ceil(EACH);
        let fleet = Fleet::create(sides.bed, &format!("operator-{objects}"), platforms, EACH).await;
        let (rolled_out, mut operator) = sides.operator(&fleet).await;
        let settled = sides.settled(&fleet, &operator).await;
        let memory = Memory::of(operator.process_id());
        operator.kill();
        operator = sides.start().await;
        tokio::time::sleep(sides.interval() * 2).await;
        let restarted = Memory::of(operator.process_id());
        operator.kill();
        fleet.remove().await;

        let fleet = Fleet::create(sides.bed, &format!("bare-{objects}"), platforms, EACH).await;
        let bare = sides.bare(&fleet).await;
        fleet.remove().await;
        let measured = Measured {
            platforms,
            objects: platforms * EACH,
            operator: rolled_out,
            bare,
            rolled_out: memory,
            restarted,
            settled,
        };
        say(&measured.to_string());
        fleets.push(measured);
    }
    compare(&fleets);
}
