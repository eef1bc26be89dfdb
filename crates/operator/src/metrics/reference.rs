//! The list of metrics of platforms and sources, by itself: `docs/reference/metrics.md` is made from this very file.

use super::{MetricKind, MetricReference, metric};

/// Every metric that the operator adds, in the order of the reference.
pub const REFERENCE: &[MetricReference] = &[
    metric(
        "ace_platform_requests_total",
        MetricKind::Counter,
        &["platform", "operation", "outcome"],
        "Requests that were sent to a Platform's Management API (namespace/name). Their rate stays below requestsPerMinute; outcomes other than Ok say why it does not answer",
    ),
    metric(
        "ace_platform_request_duration_seconds",
        MetricKind::Histogram,
        &["operation"],
        "Duration of requests to the Management API, over all Platforms",
    ),
    metric(
        "ace_platform_requests_deferred_total",
        MetricKind::Counter,
        &["platform", "operation", "priority"],
        "Requests that were not sent because requestsPerMinute was used up, or the Management API limits the rate. Deferred requests of priority Change over a long time mean that requestsPerMinute is too low",
    ),
    metric(
        "ace_platform_budget_available",
        MetricKind::Gauge,
        &["platform"],
        "Requests of priority Change that could be sent now",
    ),
    metric(
        "ace_platform_budget_blocked",
        MetricKind::Gauge,
        &["platform"],
        "1 while the Management API limits the rate (429, Retry-After). Other clients with the same token may be using up the limit",
    ),
    metric(
        "ace_source_reads_total",
        MetricKind::Counter,
        &["kind", "outcome"],
        "Reads of source objects. Failed is retried with backoff; Refused and AccessMissing need a person",
    ),
];
