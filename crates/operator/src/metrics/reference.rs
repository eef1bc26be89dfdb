//! The list of all metrics, by itself: `docs/reference/metrics.md` is made from this very file.

/// How a metric is read.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum MetricKind {
    /// Only grows; starts at 0 with the process.
    Counter,
    /// What is now.
    Gauge,
    /// Counts by size, with sum and count.
    Histogram,
    /// Always 1; its labels say something.
    Info,
}

/// One metric as a reference would show it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct MetricReference {
    /// As a query names it; of a histogram without `_bucket`, `_sum` and `_count`.
    pub name: &'static str,
    /// How it is read.
    pub kind: MetricKind,
    /// Its labels.
    pub labels: &'static [&'static str],
    /// What it says, and what to watch for.
    pub help: &'static str,
}

const fn metric(
    name: &'static str,
    kind: MetricKind,
    labels: &'static [&'static str],
    help: &'static str,
) -> MetricReference {
    MetricReference {
        name,
        kind,
        labels,
        help,
    }
}

/// Every metric of the operator, in the order of the reference.
pub const REFERENCE: &[MetricReference] = &[
    metric(
        "ace_build_info",
        MetricKind::Info,
        &["version"],
        "Version of the running operator",
    ),
    metric(
        "ace_objects",
        MetricKind::Gauge,
        &["kind", "state"],
        "Objects by what their status says. Each is Ready or NotReady, and may be Reconciling, Stalled, Suspended and Drifted besides. Stalled above 0 waits for a person; NotReady that stays is worth a look",
    ),
    metric(
        "ace_drifted",
        MetricKind::Gauge,
        &["kind", "namespace", "name"],
        "Fields of a live thing that differ from what was applied. There only while it drifts",
    ),
    metric(
        "ace_passes_total",
        MetricKind::Counter,
        &["kind", "outcome"],
        "Passes over objects. A settled fleet makes none but the Platforms'. Failed and Abandoned (cut off by a deadline, a panic or the end of the process) should be rare",
    ),
    metric(
        "ace_pass_duration_seconds",
        MetricKind::Histogram,
        &["kind"],
        "How long passes took. No pass sleeps, so minutes mean a slow platform or API server",
    ),
    metric(
        "ace_steps_total",
        MetricKind::Counter,
        &["kind", "step", "outcome"],
        "Effects that were tried. Unknown means that an answer was lost: only looking can tell what happened",
    ),
    metric(
        "ace_step_duration_seconds",
        MetricKind::Histogram,
        &["kind", "step"],
        "How long effects took, whatever came of them",
    ),
    metric(
        "ace_platform_requests_total",
        MetricKind::Counter,
        &["platform", "operation", "outcome"],
        "Requests that left for a Platform (namespace/name). Its rate stays below requestsPerMinute; outcomes other than Ok say why it does not answer",
    ),
    metric(
        "ace_platform_request_duration_seconds",
        MetricKind::Histogram,
        &["operation"],
        "How long requests to platforms took, over all Platforms",
    ),
    metric(
        "ace_platform_requests_deferred_total",
        MetricKind::Counter,
        &["platform", "operation", "priority"],
        "Requests that the budget held back; nothing was sent. Deferred Change for long means that requestsPerMinute is too low",
    ),
    metric(
        "ace_platform_budget_available",
        MetricKind::Gauge,
        &["platform"],
        "Requests that a user's change could send at once",
    ),
    metric(
        "ace_platform_budget_blocked",
        MetricKind::Gauge,
        &["platform"],
        "1 while the platform itself asks to wait (429, Retry-After). Somebody else with the same token may be using up the limit",
    ),
    metric(
        "ace_status_writes_total",
        MetricKind::Counter,
        &["kind"],
        "Status that was written to the API server. Grows only when something is to be said; a steady rate is a fault",
    ),
    metric(
        "ace_wakes_total",
        MetricKind::Counter,
        &["kind", "source"],
        "Objects that were woken, by what woke them",
    ),
    metric(
        "ace_source_reads_total",
        MetricKind::Counter,
        &["kind", "outcome"],
        "Reads of source objects. Failed repeats itself with growing pauses; Refused and AccessMissing wait for a person",
    ),
    metric(
        "ace_events_dropped_total",
        MetricKind::Counter,
        &["reason"],
        "Kubernetes Events that were not written: QueueFull, Spam (one object said too much), Refused or Unanswered by the API server, Stopping. Status has it all the same",
    ),
];
