//! What is printed at the end.

use std::collections::BTreeMap;

use ace_tests::{Operator, Pod};

use crate::{Arguments, good::Change, memory::Series, phase::Phase, usage};

/// What the operator holds at one moment, as far as it says so.
pub struct Footprint {
    resident: f64,
    /// How many series each metric has: one for each Platform, object or reason that is remembered.
    series: BTreeMap<String, usize>,
    objects: f64,
}

impl Footprint {
    pub async fn of(operator: &Operator) -> Self {
        let mut series = BTreeMap::new();
        for line in operator.metrics().await.lines().filter(|line| !line.starts_with('#')) {
            let name = line.split(['{', ' ']).next().unwrap_or_default();
            *series.entry(name.to_owned()).or_default() += 1;
        }
        Self {
            resident: usage::memory(operator.process_id(), "VmRSS"),
            series,
            objects: operator.metric("ace_objects", &[]).await,
        }
    }
}

/// Objects and series of before and after, where they differ.
pub fn compare(begin: &Footprint, end: &Footprint) {
    println!("\n| | before all others came | after all others had gone |\n|---|---|---|");
    println!("| MiB resident | {:.1} | {:.1} |", begin.resident, end.resident);
    println!("| sum of `ace_objects` | {} | {} |", begin.objects, end.objects);
    let names: std::collections::BTreeSet<_> = begin.series.keys().chain(end.series.keys()).collect();
    for name in names {
        let of = |footprint: &Footprint| footprint.series.get(name).copied().unwrap_or_default();
        if of(begin) != of(end) {
            println!("| series of `{name}` | {} | {} |", of(begin), of(end));
        }
    }
}

/// The good tenant's changes.
pub fn changes(changes: &[Change]) {
    println!("\n| the good tenant's changes | with hostile tenants | without | ratio |\n|---|---|---|---|");
    let of = |phase: Phase| {
        let mut times: Vec<f64> = changes
            .iter()
            .filter(|change| change.phase == phase)
            .map(|change| change.time.as_secs_f64())
            .collect();
        times.sort_by(f64::total_cmp);
        times
    };
    let (with, without) = (of(Phase::Hostile), of(Phase::Calm));
    println!("| count | {} | {} | |", with.len(), without.len());
    for (name, hundredths) in [("p50", 50), ("p99", 99), ("slowest", 100)] {
        let (with, without) = (quantile(&with, hundredths), quantile(&without, hundredths));
        println!(
            "| {name}, s until Ready | {with:.2} | {without:.2} | {:.2} |",
            with / without
        );
    }
    let late = changes.iter().filter(|change| !change.is_ready).count();
    println!("| given up | {late} | | |");
}

/// The value below which so many hundredths lie.
fn quantile(sorted: &[f64], hundredths: usize) -> f64 {
    let rank = (sorted.len() * hundredths).div_ceil(100).max(1);
    sorted.get(rank - 1).copied().unwrap_or(f64::NAN)
}

/// Memory, liveness and limits.
pub fn memory(arguments: &Arguments, series: &Series, pod: Option<&Pod>) {
    let (from, limit) = (arguments.settled(), Pod::LIMIT_MIB);
    println!("\n| memory | |\n|---|---|");
    match pod {
        Some(pod) => {
            let most = pod.most().unwrap_or_default() >> 20;
            println!("| limit | {limit} MiB, by a cgroup |");
            println!("| in use at most, as the cgroup counts | {most} MiB |");
            println!(
                "| killed for want of memory | {} times |",
                pod.kills().unwrap_or_default()
            );
        }
        None => println!("| limit | {limit} MiB, looked at every ten seconds: no cgroup could be made |"),
    }
    println!("| resident at most | {:.1} MiB |", series.most());
    for (name, phase) in [
        ("all", None),
        ("with hostile tenants", Some(Phase::Hostile)),
        ("without", Some(Phase::Calm)),
    ] {
        if let Some((mean, slope)) = series.slope(from, phase) {
            let minutes = from / 60.0;
            println!("| after minute {minutes:.0}, {name} | {mean:.1} MiB on average, {slope:+.1} MiB an hour |");
        }
    }
    let (all, late) = series.probes;
    println!("| probes of liveness not answered within a second | {late} of {all} |");
    println!(
        "| the operator | {} |",
        series.ended.as_deref().unwrap_or("ran until the end")
    );
}
