//! The list of metrics of any kind, by itself: `docs/reference/metrics.md` is made from this very file.

/// How a metric is read.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum MetricKind {
    /// Only grows; starts at 0 with the process.
    Counter,
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
    pub labels: &'static [&'static str],
    /// What it says, and what to watch for.
    pub help: &'static str,
}

/// A row of a reference.
pub const fn metric(
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

/// Every metric that is counted here, in the order of the reference.
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
        "Objects by the conditions in their status. Each is Ready or NotReady, and may also be Reconciling, Stalled, Suspended and Drifted. Stalled above 0 needs a person; NotReady that lasts should be investigated",
    ),
    metric(
        "ace_drifted",
        MetricKind::Gauge,
        &["kind", "namespace", "name"],
        "Fields of a live resource that differ from what was applied. Present only while it is drifted",
    ),
    metric(
        "ace_passes_total",
        MetricKind::Counter,
        &["kind", "outcome"],
        "Reconciles of objects. Settled objects cause none, but of kinds that poll. Failed and Abandoned (ended by a deadline or the end of the process) should be rare; InternalError is a bug to be reported: the log has its place. StatusRefused means that nothing new of the object is shown, DefinitionOutdated that the installed definition is older than the operator, ObjectUnreadable that the operator can't read the object: the log and its condition name the field",
    ),
    metric(
        "ace_pass_duration_seconds",
        MetricKind::Histogram,
        &["kind"],
        "Duration of reconciles. None sleeps, so minutes mean a slow platform or API server",
    ),
    metric(
        "ace_steps_total",
        MetricKind::Counter,
        &["kind", "step", "outcome"],
        "Steps of reconciles, such as Deploy or Run. Unknown means that a response was lost: the next observation shows what happened",
    ),
    metric(
        "ace_step_duration_seconds",
        MetricKind::Histogram,
        &["kind", "step"],
        "Duration of steps, whatever their outcome",
    ),
    metric(
        "ace_status_writes_total",
        MetricKind::Counter,
        &["kind"],
        "Status writes to the API server. Grows only when a status changes; a steady rate is a bug",
    ),
    metric(
        "ace_waiting",
        MetricKind::Gauge,
        &[],
        "Objects whose pass could begin but for its turn: each tenant (API server of Supabase and project) has 4 at a time, 1 while its project gives no answer. Growing for minutes means that a project is slow, or that there is more to do than can be done",
    ),
    metric(
        "ace_leader",
        MetricKind::Gauge,
        &[],
        "1 where this process has a Lease and reconciles, or competes with nobody; the others wait. A sum over the pods of the operator, or of the worker, of 0 for more than 15 s means that nothing is reconciled",
    ),
    metric(
        "ace_shards",
        MetricKind::Gauge,
        &[],
        "Shards whose Lease this process has. A sum over the pods of the operator other than its `--shards` for more than 15 s means that objects of some projects are not reconciled",
    ),
    metric(
        "ace_enqueued_total",
        MetricKind::Counter,
        &["kind", "cause"],
        "Objects that were enqueued because something that they depend on changed: what it was; `Task` where a task of theirs began, moved or ended",
    ),
    metric(
        "ace_events_dropped_total",
        MetricKind::Counter,
        &["reason"],
        "Kubernetes Events that were not written: QueueFull, Spam (too many of one object), Refused or Unanswered by the API server, Stopping. The status has the same information",
    ),
];
