//! The list of metrics of platforms, schedules of backups and sources, by itself: `docs/reference/metrics.md` is made from this very file.

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
        "ace_backup_recovery_point_age_seconds",
        MetricKind::Gauge,
        &["namespace", "schedule", "source"],
        "Age of the newest point that a database can be restored to: of a BackupSchedule's own backups (dump), and with countPlatform of the platform's point-in-time recovery (PITR) and its backup a day (Daily). The least of them above ace_backup_rpo_seconds means that more would be lost than may be; so does none at all",
    ),
    metric(
        "ace_backup_last_verified_timestamp_seconds",
        MetricKind::Gauge,
        &["namespace", "schedule", "level"],
        "Snapshot of the newest backup that passed this level, or a higher one, in seconds since 1970",
    ),
    metric(
        "ace_backup_rpo_seconds",
        MetricKind::Gauge,
        &["namespace", "schedule"],
        "objective.rpo of a BackupSchedule, so that one rule does for all of them",
    ),
    metric(
        "ace_backup_rto_seconds",
        MetricKind::Gauge,
        &["namespace", "schedule"],
        "objective.rto of a BackupSchedule; none where it has none",
    ),
    metric(
        "ace_backup_size_bytes",
        MetricKind::Gauge,
        &["namespace", "schedule"],
        "Bytes that are stored of the newest backup",
    ),
    metric(
        "ace_backup_missed_slots",
        MetricKind::Gauge,
        &["namespace", "schedule"],
        "Slots of backups that were missed since the BackupSchedule was created",
    ),
    metric(
        "ace_backup_failures",
        MetricKind::Gauge,
        &["namespace", "schedule"],
        "Backups of slots that failed since the last one that is stored",
    ),
    metric(
        "ace_backup_drill_recovery_seconds",
        MetricKind::Gauge,
        &["namespace", "schedule"],
        "Time that the last drill took, from its first request until the last assertion passed. Absent after one that failed",
    ),
    metric(
        "ace_backup_drill_predicted_seconds",
        MetricKind::Gauge,
        &["namespace", "schedule"],
        "Time that a restore of the newest backup would take, by its size and the last drills. Above ace_backup_rto_seconds the next drill will be too slow",
    ),
    metric(
        "ace_signal",
        MetricKind::Gauge,
        &["namespace", "name"],
        "Last value of each series of an AlertRule, with the labels of the rule beside its namespace and name. None of a rule that could never be asked",
    ),
    metric(
        "ace_signal_state",
        MetricKind::Gauge,
        &["namespace", "name", "state"],
        "1 for the state of an AlertRule, as its status has it: Firing, Held, Pending, NoData, Error, Inactive, Measured or Unknown",
    ),
    metric(
        "ace_signal_turns_total",
        MetricKind::Counter,
        &["source", "outcome"],
        "Turns of AlertRules, by what is asked (SQL, or the name of a signal). Failed: the status of the rule says why. Skipped: it would have come an interval late; the database, its connections for rules, or the operator has too much to do",
    ),
    metric(
        "ace_notifications_total",
        MetricKind::Counter,
        &["receiver", "outcome"],
        "Messages of NotificationChannels that were sent, by the type of the channel. Failed ones are sent again; Refused needs a person; of an Unknown one the answer was lost",
    ),
    metric(
        "ace_source_reads_total",
        MetricKind::Counter,
        &["kind", "outcome"],
        "Reads of source objects. Failed is retried with backoff; Refused and AccessMissing need a person",
    ),
];
