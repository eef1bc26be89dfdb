use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use ace_api::SourceKind;
use ace_supabase::{Budget, Observer, Priority, RateLimit};

use super::{Metrics, REFERENCE};

fn budget() -> Arc<Mutex<Budget>> {
    Arc::new(Mutex::new(Budget::new(NonZeroU32::new(60).unwrap())))
}

/// The samples of platforms and sources, by name and labels.
fn text(metrics: &Metrics) -> BTreeMap<String, f64> {
    let text = metrics.runtime.text().unwrap();
    let lines = text
        .lines()
        .filter(|line| line.starts_with("ace_platform_") || line.starts_with("ace_source_"));
    let samples = lines.map(|line| {
        let (series, value) = line.rsplit_once(' ').expect("a series and a value");
        (series.to_owned(), value.parse().expect("a number"))
    });
    samples.collect()
}

#[test]
fn every_metric_is_in_the_reference_with_its_labels_and_nothing_else_is() {
    let metrics = Metrics::new("1.2.3");
    let platform = metrics.platform("ace/prod", budget());
    platform.request("list_functions", "Ok", Duration::from_millis(120));
    platform.deferred("deploy", Priority::Change);
    metrics.source_read(SourceKind::ConfigMap, "Ready");
    let shown: BTreeSet<(String, String)> = text(&metrics)
        .into_keys()
        .map(|series| {
            let (name, labels) = series.split_once('{').unwrap_or((&series, "}"));
            let name = ["_bucket", "_sum", "_count"]
                .iter()
                .find_map(|suffix| name.strip_suffix(suffix))
                .unwrap_or(name);
            let labels = labels
                .trim_end_matches('}')
                .split(',')
                .filter_map(|label| label.split_once('='));
            let labels: Vec<&str> = labels.map(|(label, _)| label).filter(|label| *label != "le").collect();
            (name.to_owned(), labels.join(","))
        })
        .collect();
    let documented = REFERENCE
        .iter()
        .map(|metric| (metric.name.to_owned(), metric.labels.join(",")));
    assert_eq!(shown, documented.collect());
}

#[test]
fn the_budget_is_read_when_metrics_are_read() {
    let (metrics, budget) = (Metrics::new("1.2.3"), budget());
    metrics.platform("ace/prod", budget.clone());
    let now = Instant::now();
    let gauges = || {
        let samples = text(&metrics);
        ["available", "blocked"].map(|gauge| samples[&format!("ace_platform_budget_{gauge}{{platform=\"ace/prod\"}}")])
    };
    assert!(gauges().iter().eq(&[60.0, 0.0]));
    let _sent = budget.lock().unwrap().try_take(Priority::Change, now).unwrap();
    budget.lock().unwrap().refused(
        RateLimit {
            retry_after: Some(Duration::from_mins(1)),
            ..RateLimit::default()
        },
        now,
    );
    assert!(gauges().iter().eq(&[59.0, 1.0]));
}

#[test]
fn nothing_names_a_platform_that_is_gone() {
    let metrics = Metrics::new("1.2.3");
    let platform = metrics.platform("ace/prod", budget());
    platform.request("deploy", "Ok", Duration::from_secs(1));
    platform.deferred("deploy", Priority::Poll);
    assert_eq!(
        text(&metrics)
            .keys()
            .filter(|series| series.contains("ace/prod"))
            .count(),
        4
    );
    metrics.forget_platform("ace/prod");
    // An unfinished request ends.
    platform.request("deploy", "Abandoned", Duration::from_secs(1));
    assert_eq!(
        text(&metrics)
            .keys()
            .filter(|series| series.contains("ace/prod"))
            .count(),
        0
    );
}
