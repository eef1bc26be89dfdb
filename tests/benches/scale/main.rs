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
#[path = "../fleet/tree.rs"]
mod tree;
#[allow(dead_code, reason = "another bench needs more of it")]
#[path = "../fleet/usage.rs"]
mod usage;

use std::{path::Path, time::Duration};

use ace_api::{EdgeFunction, Platform};
use ace_tests::{Operator, OperatorOptions, bed};
use clap::Parser;
use reqwest::Method;
use serde_json::json;
use xtask::rights;

use bare::{Bare, say};
use count::{Mark, total, writes};
use fleet::{Fleet, is_ready};
use measured::{Measured, Memory, Settled, Used, compare};

/// Functions of each Platform: more Platforms, and not larger ones.
const EACH: usize = 20;
/// The shortest that a Platform takes.
const INTERVAL: Duration = Duration::from_secs(30);
/// Intervals in which nothing happens.
const INTERVALS: u32 = 3;

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
        log: "info".to_owned(),
        kubeconfig: Some(account.clone()),
        ..OperatorOptions::default()
    };
    // Builds it, where that is needed; and what it takes without any object.
    let mut operator = Operator::start(bed, &options).await;
    tokio::time::sleep(INTERVAL / arguments.scale).await;
    say(&format!("without any object: {}", Memory::of(operator.process_id())));
    operator.kill();
    let mut sizes = Vec::new();
    for objects in &arguments.objects {
        let platforms = objects.div_ceil(EACH);
        let fleet = Fleet::create(bed, &format!("operator-{objects}"), platforms, EACH).await;
        let (rolled_out, mut operator) = operator_turn(&fleet, &options).await;
        let settled = settled(&fleet, &operator, arguments.scale).await;
        let rolled_out_memory = Memory::of(operator.process_id());
        operator.kill();
        operator = Operator::start(bed, &options).await;
        tokio::time::sleep(INTERVAL * 2 / arguments.scale).await;
        let restarted = Memory::of(operator.process_id());
        operator.kill();
        fleet.remove().await;

        let fleet = Fleet::create(bed, &format!("bare-{objects}"), platforms, EACH).await;
        let bare = bare_turn(&fleet, &account).await;
        fleet.remove().await;
        let measured = Measured {
            objects: platforms * EACH,
            operator: rolled_out,
            bare,
            rolled_out: rolled_out_memory,
            restarted,
            settled,
        };
        say(&measured.to_string());
        sizes.push(measured);
    }
    compare(&sizes);
}

async fn operator_turn(fleet: &Fleet, options: &OperatorOptions) -> (Used, Operator) {
    let start = async || Operator::start(fleet.bed, options).await;
    let (time, operator) = fleet.until_all::<EdgeFunction, _>(is_ready, start).await;
    let cpu = usage::cpu(operator.process_id());
    (Used { time, cpu }, operator)
}

async fn bare_turn(fleet: &Fleet, account: &Path) -> Used {
    let start = async || Bare::start(account, &fleet.namespace);
    let (time, bare) = fleet.until_all::<EdgeFunction, _>(is_ready, start).await;
    let cpu = usage::cpu(bare.process_id());
    bare.end();
    Used { time, cpu }
}

/// Some intervals in which nothing happens.
async fn settled(fleet: &Fleet, operator: &Operator, scale: u32) -> Settled {
    let interval = INTERVAL / scale;
    let wanted = json!({ "spec": { "interval": format!("{}s", INTERVAL.as_secs()) } });
    fleet.change_platforms(&wanted).await;
    let is_current = |platform: &serde_json::Value| is_ready(platform);
    fleet.until_all::<Platform, _>(is_current, async || ()).await;
    tokio::time::sleep(interval * 2).await;
    let file = fleet.bed.bed.file();
    let (mark, cpu) = (Mark::now(file).await, usage::cpu(operator.process_id()));
    tokio::time::sleep(interval * INTERVALS).await;
    let (platform, cluster) = (mark.platform(file, None).await, mark.cluster(file));
    let renewals = cluster.get("update leases").copied().unwrap_or_default();
    Settled {
        lists: total(&platform),
        platforms: fleet.projects.len(),
        writes: writes(&cluster) - renewals,
        renewals,
        cpu: (usage::cpu(operator.process_id()) - cpu) / f64::from(INTERVALS),
    }
}
