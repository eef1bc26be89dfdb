use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use ace_api::SourceKind;
use ace_domain::{
    kinds::{alert_rule::Measured as Rule, backup_schedule::Measured},
    reconcile::key::Key,
};
use ace_runtime::clock;
use ace_supabase::{Budget, Observer, Priority, RateLimit};
use jiff::{SignedDuration, Timestamp};

use super::{Metrics, REFERENCE};

fn budget() -> Arc<Mutex<Budget>> {
    Arc::new(Mutex::new(Budget::new(NonZeroU32::new(60).unwrap())))
}

/// The samples of platforms and sources, by name and labels.
fn text(metrics: &Metrics) -> BTreeMap<String, f64> {
    let text = metrics.runtime.text().unwrap();
    let lines = text.lines().filter(|line| {
        [
            "ace_platform_",
            "ace_backup_",
            "ace_source_",
            "ace_signal",
            "ace_notifications",
        ]
        .iter()
        .any(|of| line.starts_with(of))
    });
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
    metrics.follow_schedules(|| vec![(nightly(), measured())]);
    metrics.follow_rules(|| vec![inventory([])]);
    metrics.evaluated("SQL", "Answered");
    metrics.delivered("Slack", None);
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

/// A rule with one series of these labels.
fn inventory<const N: usize>(labels: [(&str, &str); N]) -> (Key, Rule) {
    let labels = labels.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let rule = Rule {
        state: ace_api::AlertState::Firing,
        values: vec![(labels.into(), 0.5)],
    };
    (nightly(), rule)
}

#[test]
fn values_of_rules_have_the_labels_of_their_rows_and_go_with_them() {
    let metrics = Metrics::new("1.2.3");
    let all = Arc::new(Mutex::new(vec![inventory([("brand", "Book \"Harbour\"\n")])]));
    let read = all.clone();
    metrics.follow_rules(move || read.lock().unwrap().clone());
    let samples: Vec<(String, f64)> = text(&metrics).into_iter().collect();
    let of = "namespace=\"ace\",name=\"nightly\"";
    assert_eq!(
        samples,
        [
            (format!("ace_signal_state{{{of},state=\"Firing\"}}"), 1.0),
            (format!("ace_signal{{{of},brand=\"Book \\\"Harbour\\\"\\n\"}}"), 0.5),
        ]
    );
    all.lock().unwrap().clear();
    assert_eq!(text(&metrics), BTreeMap::new());
}

fn nightly() -> Key {
    Key {
        namespace: "ace".to_owned(),
        name: "nightly".to_owned(),
    }
}

fn measured() -> Measured {
    let point = clock::now() - SignedDuration::from_secs(90);
    Measured {
        rpo: Duration::from_hours(26),
        rto: Some(Duration::from_hours(4)),
        points: vec![("dump", point), ("PITR", point)],
        verified: vec![("Archive", Timestamp::from_second(1_800_000_000).unwrap())],
        bytes: Some(241_172_480),
        missed: 3,
        failures: 2,
        took: Some(Duration::from_secs(372)),
        predicted: Some(Duration::from_mins(7)),
    }
}

#[test]
fn schedules_are_measured_when_metrics_are_read_and_what_is_gone_is_in_none() {
    let metrics = Metrics::new("1.2.3");
    let all = Arc::new(Mutex::new(vec![(nightly(), measured())]));
    let read = all.clone();
    metrics.follow_schedules(move || read.lock().unwrap().clone());
    let samples = text(&metrics);
    let labels = "namespace=\"ace\",schedule=\"nightly\"";
    for (name, value) in [
        ("rpo_seconds", 93_600.0),
        ("rto_seconds", 14_400.0),
        ("size_bytes", 241_172_480.0),
        ("missed_slots", 3.0),
        ("failures", 2.0),
        ("drill_recovery_seconds", 372.0),
        ("drill_predicted_seconds", 420.0),
    ] {
        let found = samples[&format!("ace_backup_{name}{{{labels}}}")];
        assert!((found - value).abs() < f64::EPSILON, "{name} is {found}");
    }
    let verified = samples[&format!("ace_backup_last_verified_timestamp_seconds{{{labels},level=\"Archive\"}}")];
    assert!((verified - 1_800_000_000.0).abs() < f64::EPSILON, "{verified}");
    for source in ["dump", "PITR"] {
        let age = samples[&format!("ace_backup_recovery_point_age_seconds{{{labels},source=\"{source}\"}}")];
        assert!(age >= 90.0, "{age}");
    }
    // The last drill failed since.
    all.lock().unwrap()[0].1.took = None;
    assert!(!text(&metrics).contains_key(&format!("ace_backup_drill_recovery_seconds{{{labels}}}")));
    all.lock().unwrap().clear();
    let left: Vec<String> = text(&metrics)
        .into_keys()
        .filter(|series| series.contains("nightly"))
        .collect();
    assert_eq!(left, Vec::<String>::new());
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
