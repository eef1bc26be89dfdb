//! `docs/reference/metrics.md`, made from the operator's own list; a test there compares that list with what it exposes.

use std::fmt::Write as _;

use runtime::{MetricKind, MetricReference, metric};

// The files and not the crates: the operator takes minutes to build, and the lists need nothing of it.
#[path = "../../crates/operator/src/metrics/reference.rs"]
mod operator;
#[path = "../../crates/runtime/src/metrics/reference.rs"]
mod runtime;

/// Files by path from the root of the repository.
pub(crate) fn files() -> Vec<(String, String)> {
    vec![("docs/reference/metrics.md".to_owned(), page())]
}

fn page() -> String {
    let mut text = "<!-- Made by `cargo xtask generate`; do not edit. -->\n# Metrics\n\n\
         The operator shows them on `/metrics`, in the text format of OpenMetrics. A histogram has `_bucket`, `_sum` and `_count`.\n\n\
         | name | type | labels | what it says |\n|---|---|---|---|\n"
        .to_owned();
    for metric in runtime::REFERENCE.iter().chain(operator::REFERENCE) {
        let kind = match metric.kind {
            MetricKind::Counter => "counter",
            MetricKind::Gauge => "gauge",
            MetricKind::Histogram => "histogram",
            MetricKind::Info => "info",
        };
        let labels: Vec<_> = metric.labels.iter().map(|label| format!("`{label}`")).collect();
        let _ = writeln!(
            text,
            "| `{}` | {kind} | {} | {}. |",
            metric.name,
            labels.join(", "),
            metric.help
        );
    }
    text
}
