//! An hour of life: the operator's process under the limits of its pod, where everything comes and goes, beside tenants that mean
//! harm and one that does not.
//!
//! `make bench BENCH=churn ARGS="--minutes 60"`. Nothing is asserted. What should be seen: memory that is flat after ten minutes,
//! and changes of the good tenant that take as long with hostile ones as without.

mod foreign;
mod good;
mod hostile;
mod memory;
mod phase;
mod place;
mod report;
mod rounds;
mod trees;
#[path = "../fleet/usage.rs"]
mod usage;

use std::{process, time::Duration};

use ace_tests::{Operator, OperatorOptions, Pod, bed};
use clap::Parser;
use tokio::{sync::watch, time::sleep};

use good::Good;
use phase::{Phase, ends_within};
use report::Footprint;

#[derive(Debug, Parser)]
pub struct Arguments {
    /// How long everything comes and goes.
    #[arg(long, default_value_t = 60)]
    minutes: u32,
    /// Minutes from one arrival of the hostile tenants to the next; the last third of them they are gone.
    #[arg(long, default_value_t = 6)]
    period: u32,
    /// Seconds between two rounds, in each of which a Platform, a function, a MigrationSet, a channel, a tree and a Secret come.
    #[arg(long, default_value_t = 3)]
    round: u64,
    /// Divides the operator's intervals and waits.
    #[arg(long, default_value_t = 4)]
    scale: u32,
    /// Cargo says so.
    #[arg(long, hide = true)]
    bench: bool,
}

impl Arguments {
    /// The second after which memory should be flat.
    fn settled(&self) -> f64 {
        60.0 * f64::from((self.minutes / 3).min(10))
    }
}

fn main() {
    let arguments = Arguments::parse();
    ace_tests::block_on(measure(&arguments));
}

async fn measure(arguments: &Arguments) {
    let bed = bed();
    let client = bed.client().await;
    let pod = Pod::with_memory(u64::from(Pod::LIMIT_MIB) << 20);
    if let Err(error) = &pod {
        println!("no memory cgroup can be made here ({error}): memory is looked at, and not limited");
    }
    let pod = pod.ok();
    let options = OperatorOptions {
        scale: arguments.scale,
        // As it runs in life.
        log: "info".to_owned(),
        ..OperatorOptions::default()
    };
    let mut operator = Operator::start_in(bed, &options, pod.as_ref()).await;
    let good = Good::create(bed, &client).await;
    let begin = Footprint::of(&operator).await;
    println!(
        "the good tenant is Ready; everything else begins, load {}",
        usage::load()
    );

    let (phase, phases) = watch::channel(Phase::Calm);
    let (every, cpus) = (Duration::from_secs(arguments.round), Cpus::now());
    let ((), changes, rounds, (), series) = tokio::join!(
        phase_after_phase(arguments, &phase),
        good.changes(phases.clone()),
        rounds::come_and_go(bed, &client, every, phases.clone()),
        hostile::tenants(&client, phases.clone()),
        memory::watch(&mut operator, pod.as_ref(), &phase),
    );

    println!(
        "\n{rounds} rounds in {} minutes, scale {}",
        arguments.minutes, arguments.scale
    );
    report::changes(&changes);
    report::memory(arguments, &series, pod.as_ref());
    cpus.until_now(&operator);
    if operator.ended().is_none() {
        // The deadline of a deploy is two minutes, and those that hang have slots until then: what went is noticed behind them.
        sleep(Duration::from_mins(6)).await;
        report::compare(&begin, &Footprint::of(&operator).await);
    }
}

/// Hostile tenants come for two thirds of each period, and the end comes in time.
async fn phase_after_phase(arguments: &Arguments, phase: &watch::Sender<Phase>) {
    let period = Duration::from_mins(u64::from(arguments.period));
    let mut left = Duration::from_mins(u64::from(arguments.minutes));
    for (next, long) in [(Phase::Hostile, period * 2 / 3), (Phase::Calm, period / 3)]
        .into_iter()
        .cycle()
    {
        if left.is_zero() {
            break;
        }
        phase.send_replace(next);
        let long = long.min(left);
        if ends_within(&mut phase.subscribe(), next, long).await {
            break;
        }
        left -= long;
    }
    phase.send_replace(Phase::Over);
}

/// Seconds of CPU that the bed's other processes had used.
struct Cpus {
    checks: f64,
    cluster: f64,
}

impl Cpus {
    fn now() -> Self {
        let cluster = ["kube-apiserver", "etcd", "kube-controller", "postgres"];
        Self {
            checks: usage::ended_children(process::id()),
            cluster: usage::children_named(process::id(), &cluster),
        }
    }

    fn until_now(&self, operator: &Operator) {
        let now = Self::now();
        println!(
            "| CPU | operator {:.0} s, the platform's checks (deno) {:.0} s, cluster and PostgreSQL {:.0} s |",
            usage::cpu(operator.process_id()),
            now.checks - self.checks,
            now.cluster - self.cluster,
        );
    }
}
