//! What the operator costs, beside a bare client that makes the same minimal requests, and beside the official CLI.
//!
//! `make bench BENCH=fleet ARGS="--functions 100 --platforms 5"`. Ratios are printed and nothing is asserted: a figure depends
//! on the machine and on what else it does. Both sides run in turns on one bed, each as a process of its own with the operator's
//! rights.

mod bare;
mod count;
mod fleet;
mod http;
mod table;
mod tree;
mod unchanged;
mod usage;

use std::{path::Path, process, time::Duration};

use ace_api::{EdgeFunction, Platform};
use ace_tests::{Operator, OperatorOptions, TestBed, bed};
use clap::Parser;
use reqwest::Method;
use serde_json::json;
use xtask::rights;

use bare::{Bare, say};
use count::{Counts, Mark};
use fleet::{Fleet, is_ready};
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

#[derive(Debug, clap::Subcommand)]
enum Part {
    /// The bare client: this program starts it itself.
    #[command(hide = true)]
    Bare(bare::Arguments),
}

fn main() {
    let arguments = Arguments::parse();
    // Only one of several crates that set the process's provider finds none.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let runtime = tokio::runtime::Runtime::new().expect("threads can be started");
    match arguments.part {
        Some(Part::Bare(bare)) => runtime.block_on(bare::run(bare)),
        None => runtime.block_on(measure(&arguments)),
    }
}

/// One side's turn.
struct Turn {
    time: Duration,
    /// CPU seconds of the process itself.
    cpu: f64,
    /// CPU seconds of the platform's deploy-time checks.
    checks: f64,
    /// CPU seconds of API server, etcd and controllers.
    cluster_cpu: f64,
    cluster: Counts,
    platform: Counts,
}

async fn measure(arguments: &Arguments) {
    let bed = bed();
    let knobs = format!("{}/knobs", bed.bed.file().admin_url);
    http::send(Method::PUT, &knobs, &json!({ "rateLimits": false })).await;
    let account = bed
        .bed
        .service_account_kubeconfig(rights::NAMESPACE, rights::OPERATOR)
        .await
        .expect("the ServiceAccount has a token");
    let options = OperatorOptions {
        scale: arguments.scale,
        // As it runs in life.
        log: "info".to_owned(),
        kubeconfig: Some(account.clone()),
        ..OperatorOptions::default()
    };
    // Builds it, where that is needed.
    Operator::start(bed, &options).await.kill();

    let mut table = Table::new(arguments.functions, arguments.platforms);
    let (mut operators, mut bares) = (Vec::new(), Vec::new());
    for round in 1..=arguments.rounds {
        let fleet = create(bed, arguments, &format!("operator-{round}")).await;
        let (turn, mut operator) = operator_turn(&fleet, &options).await;
        table.turn("operator", round, &turn);
        operators.push(turn);
        if round == arguments.rounds {
            let interval = settled(&fleet, &operator, arguments, &mut table).await;
            operator.kill();
            operator = restarted(&fleet, &options, interval, &mut table).await;
        }
        operator.kill();
        fleet.remove().await;

        let fleet = create(bed, arguments, &format!("bare-{round}")).await;
        let turn = bare_turn(&fleet, &account).await;
        table.turn("bare client", round, &turn);
        bares.push(turn);
        fleet.remove().await;
    }
    table.compare(&operators, &bares);
    if arguments.unchanged > 0 {
        unchanged(bed, arguments.unchanged, &options, &mut table).await;
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

const CLUSTER: &[&str] = &["kube-apiserver", "etcd", "kube-controller"];

async fn operator_turn(fleet: &Fleet, options: &OperatorOptions) -> (Turn, Operator) {
    let file = fleet.bed.bed.file();
    let mark = Mark::now(file).await;
    let (checks, cluster_cpu) = (
        usage::ended_children(process::id()),
        usage::children_named(process::id(), CLUSTER),
    );
    let start = async || Operator::start(fleet.bed, options).await;
    let (time, operator) = fleet.until_all::<EdgeFunction, _>(is_ready, start).await;
    let turn = Turn {
        time,
        cpu: usage::cpu(operator.process_id()),
        checks: usage::ended_children(process::id()) - checks,
        cluster_cpu: usage::children_named(process::id(), CLUSTER) - cluster_cpu,
        cluster: mark.cluster(file),
        platform: mark.platform(file, None).await,
    };
    (turn, operator)
}

async fn bare_turn(fleet: &Fleet, account: &Path) -> Turn {
    let file = fleet.bed.bed.file();
    let mark = Mark::now(file).await;
    let (checks, cluster_cpu) = (
        usage::ended_children(process::id()),
        usage::children_named(process::id(), CLUSTER),
    );
    let start = async || Bare::start(account, &fleet.namespace);
    let (time, bare) = fleet.until_all::<EdgeFunction, _>(is_ready, start).await;
    let turn = Turn {
        time,
        cpu: usage::cpu(bare.process_id()),
        checks: usage::ended_children(process::id()) - checks,
        cluster_cpu: usage::children_named(process::id(), CLUSTER) - cluster_cpu,
        cluster: mark.cluster(file),
        platform: mark.platform(file, None).await,
    };
    bare.end();
    turn
}

/// Three intervals in which nothing happens; answers with the length of one.
async fn settled(fleet: &Fleet, operator: &Operator, arguments: &Arguments, table: &mut Table) -> Duration {
    /// The shortest that a Platform takes.
    const INTERVAL: Duration = Duration::from_secs(30);
    let interval = INTERVAL / arguments.scale;
    let wanted = json!({ "spec": { "interval": format!("{}s", INTERVAL.as_secs()) } });
    let is_current = |platform: &serde_json::Value| is_ready(platform);
    fleet.change_platforms(&wanted).await;
    fleet.until_all::<Platform, _>(is_current, async || ()).await;
    tokio::time::sleep(interval * 2).await;
    let file = fleet.bed.bed.file();
    let mark = Mark::now(file).await;
    let (cpu, enqueued) = (
        usage::cpu(operator.process_id()),
        operator.metric("ace_enqueued_total", &[("kind", "EdgeFunction")]).await,
    );
    tokio::time::sleep(interval * 3).await;
    let (platform, cluster) = (mark.platform(file, None).await, mark.cluster(file));
    let cpu = (usage::cpu(operator.process_id()) - cpu) / 3.0;
    let enqueued = operator.metric("ace_enqueued_total", &[("kind", "EdgeFunction")]).await - enqueued;
    table.settled(&platform, &cluster, enqueued, cpu);
    let memory = ["VmRSS", "VmHWM"].map(|field| usage::memory(operator.process_id(), field));
    table.memory(memory);
    interval
}

/// A new process finds all as it should be.
async fn restarted(fleet: &Fleet, options: &OperatorOptions, interval: Duration, table: &mut Table) -> Operator {
    let file = fleet.bed.bed.file();
    let mark = Mark::now(file).await;
    let operator = Operator::start(fleet.bed, options).await;
    tokio::time::sleep(interval).await;
    let (platform, cluster) = (mark.platform(file, None).await, mark.cluster(file));
    table.restarted(&platform, &cluster, usage::cpu(operator.process_id()));
    operator
}

async fn unchanged(bed: &'static TestBed, functions: usize, options: &OperatorOptions, table: &mut Table) {
    let fleet = Fleet::platforms(bed, "unchanged", 1, functions).await;
    let mut operator = Operator::start(bed, options).await;
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
