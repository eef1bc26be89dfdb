use std::collections::{BTreeMap, BTreeSet};

use super::{MetricKind, Metrics, ObjectState, PassOutcome, REFERENCE, StepOutcome};

/// Metrics with at least one series of each family.
fn filled() -> Metrics {
    let metrics = Metrics::new("1.2.3");
    metrics.pass("EdgeFunction").finish(PassOutcome::Settled);
    metrics.step("EdgeFunction", "Deploy").finish(StepOutcome::Done);
    metrics.status_written("EdgeFunction");
    metrics.enqueued("EdgeFunction", "Source");
    metrics.event_dropped("Spam");
    let drifted = ObjectState {
        drifted: true,
        fields: 2,
        ..ObjectState::default()
    };
    metrics.observe_object("EdgeFunction", "ace", "hello", drifted);
    metrics
}

/// The samples of an exposition, by name and labels. Panics on a line that is none.
fn samples(text: &str) -> BTreeMap<String, f64> {
    let mut lines = text.lines().filter(|line| !line.is_empty());
    let mut samples = BTreeMap::new();
    let mut ended = false;
    for line in &mut lines {
        assert!(!ended, "nothing follows the end: {line}");
        if line == "# EOF" {
            ended = true;
        } else if let Some(comment) = line.strip_prefix("# ") {
            assert!(
                ["HELP ", "TYPE ", "UNIT "].iter().any(|word| comment.starts_with(word)),
                "{line}"
            );
        } else {
            let (series, value) = line.rsplit_once(' ').expect("a series and a value");
            let (name, labels) = series.split_once('{').unwrap_or((series, "}"));
            assert!(
                name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_'),
                "{line}"
            );
            assert!(labels.ends_with('}') && labels.matches('"').count() % 2 == 0, "{line}");
            let value = value.parse().expect("a number");
            assert!(
                samples.insert(series.to_owned(), value).is_none(),
                "a series is there once: {line}"
            );
        }
    }
    assert!(ended);
    samples
}

fn text(metrics: &Metrics) -> BTreeMap<String, f64> {
    samples(&metrics.text().unwrap())
}

/// Those series whose name begins with `prefix` and that are not zero.
fn of(metrics: &Metrics, prefix: &str) -> Vec<(String, f64)> {
    text(metrics)
        .into_iter()
        .filter(|(series, value)| series.starts_with(prefix) && *value != 0.0)
        .collect()
}

#[test]
fn every_metric_is_in_the_reference_with_its_labels_and_nothing_else_is() {
    let shown: BTreeSet<(String, String)> = text(&filled())
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
fn each_help_text_is_shown_with_its_metric_and_its_kind() {
    let text = filled().text().unwrap();
    for metric in REFERENCE {
        let (family, kind) = match metric.kind {
            MetricKind::Counter => (metric.name.trim_end_matches("_total"), "counter"),
            MetricKind::Info => (metric.name.trim_end_matches("_info"), "info"),
            MetricKind::Gauge => (metric.name, "gauge"),
            MetricKind::Histogram => (metric.name, "histogram"),
        };
        assert!(
            text.contains(&format!("# HELP {family} {}.\n", metric.help)),
            "{family}"
        );
        assert!(text.contains(&format!("# TYPE {family} {kind}\n")), "{family}");
        assert!(
            !metric.help.contains(['\n', '\\', '"']),
            "{family}: the library does not escape help texts"
        );
    }
}

#[test]
fn a_pass_that_panics_or_is_dropped_is_counted_as_abandoned() {
    let metrics = Metrics::new("1.2.3");
    let panicking = metrics.clone();
    let panicked = std::thread::spawn(move || {
        let _pass = panicking.pass("EdgeFunction");
        let _step = panicking.step("EdgeFunction", "Deploy");
        panic!("as told");
    });
    assert!(panicked.join().is_err());
    drop(metrics.pass("EdgeFunction"));
    metrics.pass("EdgeFunction").finish(PassOutcome::Waiting);
    let passes = |outcome: &str| format!("ace_passes_total{{kind=\"EdgeFunction\",outcome=\"{outcome}\"}}");
    assert_eq!(
        of(&metrics, "ace_passes_total"),
        [(passes("Abandoned"), 2.0), (passes("Waiting"), 1.0)]
    );
    let step = "ace_steps_total{kind=\"EdgeFunction\",step=\"Deploy\",outcome=\"Abandoned\"}";
    assert_eq!(of(&metrics, "ace_steps_total"), [(step.to_owned(), 1.0)]);
}

#[test]
fn gauges_of_objects_follow_the_last_state_and_end_with_the_object() {
    let metrics = Metrics::new("1.2.3");
    let ready = ObjectState {
        ready: true,
        ..ObjectState::default()
    };
    let drifted = ObjectState {
        drifted: true,
        fields: 3,
        ..ready
    };
    let stalled = ObjectState {
        stalled: true,
        ..ObjectState::default()
    };
    for state in [ready, drifted, drifted] {
        metrics.observe_object("EdgeFunction", "ace", "a", state);
    }
    metrics.observe_object("EdgeFunction", "ace", "b", stalled);
    let state = |state: &str| format!("ace_objects{{kind=\"EdgeFunction\",state=\"{state}\"}}");
    let states = ["Drifted", "NotReady", "Ready", "Stalled"].map(|name| (state(name), 1.0));
    assert_eq!(of(&metrics, "ace_objects"), states);
    let field = "ace_drifted{kind=\"EdgeFunction\",namespace=\"ace\",name=\"a\"}";
    assert_eq!(of(&metrics, "ace_drifted"), [(field.to_owned(), 3.0)]);

    metrics.observe_object("EdgeFunction", "ace", "a", ready);
    assert!(!text(&metrics).contains_key(field), "it drifts no more");
    metrics.observe_object("EdgeFunction", "ace", "a", drifted);
    for name in ["a", "b", "never seen"] {
        metrics.forget_object("EdgeFunction", "ace", name);
    }
    assert_eq!(
        (of(&metrics, "ace_objects"), of(&metrics, "ace_drifted")),
        (vec![], vec![])
    );
}

#[test]
fn the_state_of_an_object_is_that_of_its_conditions() {
    let conditions = |pairs: &[(&str, &str)]| -> Vec<k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition> {
        pairs
            .iter()
            .map(|(type_, status)| serde_json::from_value(serde_json::json!({ "type": type_, "status": status, "reason": "A", "message": "", "lastTransitionTime": "2026-11-23T10:00:00Z" })).unwrap())
            .collect()
    };
    let unknown = conditions(&[("Ready", "Unknown"), ("Reconciling", "True"), ("Drifted", "False")]);
    let reconciling = ObjectState {
        reconciling: true,
        ..ObjectState::default()
    };
    assert_eq!(
        ObjectState::of(&unknown, Some(4)),
        reconciling,
        "drift that was corrected is history"
    );
    let drifted = ObjectState {
        ready: true,
        drifted: true,
        fields: 4,
        ..ObjectState::default()
    };
    assert_eq!(
        ObjectState::of(&conditions(&[("Ready", "True"), ("Drifted", "True")]), Some(4)),
        drifted
    );
}
