//! What is shown of a rule.

use std::{cmp::Reverse, time::Duration};

use ace_api::{Alert, AlertCondition, AlertOperator, AlertRuleSpec, AlertState, FiringReason, Severity, clipped};
use jiff::Timestamp;

use super::{
    answer::{MOST_SERIES, named},
    record::{ERROR, NO_DATA, Record},
    series::{Series, after},
};
use crate::reconcile::{decision::Cause, timing::Timing};

/// Alerts that are shown with labels and value.
const DETAILED: usize = 10;

/// What is shown of a rule after a turn.
#[derive(Clone, Debug, PartialEq)]
pub struct Findings {
    pub state: AlertState,
    pub severity: Option<Severity>,
    pub value: Option<String>,
    pub threshold: Option<String>,
    pub since: Option<Timestamp>,
    pub seen: Option<Timestamp>,
    /// Rows of the last answer; nothing before the first one.
    pub series: Option<usize>,
    pub firing: usize,
    pub alerts: Vec<Alert>,
    /// The condition `Firing`.
    pub firing_is: Option<bool>,
    pub says: Cause<FiringReason>,
}

/// Brings what is shown up to date: at once where something has become of a series, and with new values alone once in a while.
pub(super) fn refresh(spec: &AlertRuleSpec, record: &mut Record, timing: Timing, now: Timestamp) {
    let next = findings(spec, record);
    let interval = wait(spec, record, timing) / 4;
    let Some((at, shown)) = &mut record.shown else {
        record.shown = Some((now, next));
        return;
    };
    let is_quiet = next.state == AlertState::Inactive && next.series == shown.series;
    let is_due = now >= *at + timing.value_refresh() && !is_quiet && without_time(&next) != without_time(shown);
    if is_due || without_values(&next) != without_values(shown) {
        record.shown = Some((now, next));
    } else if is_later(shown.seen, next.seen, interval) {
        shown.seen = next.seen;
    }
}

/// The shortest of the waits that are not over.
fn wait(spec: &AlertRuleSpec, record: &Record, timing: Timing) -> Duration {
    let condition = spec.condition.as_ref();
    let waits = condition.into_iter().flat_map(|condition| {
        let (lasting, keep) = (
            timing.interval(condition.lasting.get()),
            timing.interval(condition.keep_firing_for.get()),
        );
        record.series.values().filter_map(move |series| match series.state()? {
            AlertState::Pending => Some(lasting),
            AlertState::Held if series.is_flapping => Some(keep.max(timing.flapping_clear())),
            AlertState::Held => Some(keep),
            _ => series.is_waiting().then(|| lasting.max(keep)),
        })
    });
    waits.min().unwrap_or_default()
}

fn is_later(shown: Option<Timestamp>, next: Option<Timestamp>, by: Duration) -> bool {
    match (shown, next) {
        (Some(shown), Some(next)) => next >= after(shown, by) && next != shown,
        _ => false,
    }
}

fn without_time(findings: &Findings) -> Findings {
    Findings {
        seen: None,
        ..findings.clone()
    }
}

/// What is news at once.
fn without_values(findings: &Findings) -> Findings {
    let plain = |alert: &Alert| Alert {
        value: None,
        threshold: None,
        ..alert.clone()
    };
    Findings {
        value: None,
        threshold: None,
        seen: findings.seen.map(|_| Timestamp::UNIX_EPOCH),
        series: findings.series.map(|_| 0),
        alerts: findings.alerts.iter().map(plain).collect(),
        says: Cause::new(findings.says.reason, ""),
        ..findings.clone()
    }
}

/// The gravest level of a rule.
pub(super) fn gravest(condition: &AlertCondition) -> Severity {
    condition
        .levels
        .all()
        .map(|(severity, _)| severity)
        .last()
        .unwrap_or(Severity::Info)
}

fn findings(spec: &AlertRuleSpec, record: &Record) -> Findings {
    let mut alerts = alerts(spec, record);
    let firing = alerts.iter().filter(|alert| alert.state != AlertState::Pending).count();
    let worst = alerts.first().cloned();
    let is_waiting = record.series.values().any(Series::is_waiting);
    let (firing_is, says) = says(spec, record, &alerts, firing);
    // A fifty-first is counted, and not named.
    alerts.truncate(MOST_SERIES);
    for alert in alerts.iter_mut().skip(DETAILED) {
        alert.labels.clear();
        (alert.value, alert.threshold) = (None, None);
    }
    let (value, threshold) = match &worst {
        Some(alert) => (alert.value.clone(), alert.threshold.clone()),
        None => quiet(spec, record),
    };
    Findings {
        state: state(spec, record, worst.as_ref()),
        severity: worst.as_ref().map(|alert| alert.severity),
        value,
        threshold,
        since: worst.map(|alert| alert.since),
        seen: record.answered.filter(|_| is_waiting),
        series: record
            .answered
            .filter(|_| !record.is_restored)
            .map(|_| record.values().count()),
        firing,
        alerts,
        firing_is,
        says,
    }
}

fn state(spec: &AlertRuleSpec, record: &Record, worst: Option<&Alert>) -> AlertState {
    match worst {
        Some(alert) => alert.state,
        None if record.failure.is_some() => AlertState::Error,
        None if record.answered.is_none() || record.is_restored => AlertState::Unknown,
        None if record.empty.is_some() => AlertState::NoData,
        None if spec.condition.is_none() => AlertState::Measured,
        None => AlertState::Inactive,
    }
}

/// Every alert, the gravest first.
fn alerts(spec: &AlertRuleSpec, record: &Record) -> Vec<Alert> {
    let of_series = record.series.iter().filter_map(|(fingerprint, series)| {
        Some(Alert {
            fingerprint: fingerprint.clone(),
            state: series.state()?,
            severity: series.severity().or_else(|| series.pending())?,
            since: series.since()?,
            labels: series.labels.clone().unwrap_or_default(),
            value: series.value.map(number),
            threshold: series.threshold.map(number),
            flapping: series.is_flapping,
        })
    });
    let severity = spec.condition.as_ref().map_or(Severity::Info, gravest);
    let of_rule = [(NO_DATA, record.no_data), (ERROR, record.error)];
    let of_rule = of_rule.into_iter().filter_map(|(fingerprint, since)| {
        Some(Alert {
            fingerprint: fingerprint.to_owned(),
            state: AlertState::Firing,
            severity,
            since: since?,
            labels: std::collections::BTreeMap::new(),
            value: None,
            threshold: None,
            flapping: false,
        })
    });
    let mut alerts: Vec<Alert> = of_series.chain(of_rule).collect();
    alerts.sort_by_key(|alert| {
        let rank = match alert.state {
            AlertState::Firing => 0,
            AlertState::Held => 1,
            _ => 2,
        };
        (rank, Reverse(alert.severity), alert.since, alert.fingerprint.clone())
    });
    alerts
}

/// Value and threshold of the series that is nearest to its threshold, while none is beyond it.
fn quiet(spec: &AlertRuleSpec, record: &Record) -> (Option<String>, Option<String>) {
    let is_least = spec.condition.as_ref().is_some_and(|condition| {
        matches!(
            condition.operator,
            AlertOperator::LessThan | AlertOperator::LessThanOrEqual
        )
    });
    let valued = record
        .values()
        .filter_map(|series| Some((series.value?, series.threshold)));
    let worst = valued.reduce(|one, other| if (other.0 < one.0) == is_least { other } else { one });
    match worst {
        Some((value, threshold)) if record.empty.is_none() => (Some(number(value)), threshold.map(number)),
        _ => (None, None),
    }
}

/// The condition `Firing`: an error leaves it as it is.
fn says(spec: &AlertRuleSpec, record: &Record, alerts: &[Alert], firing: usize) -> (Option<bool>, Cause<FiringReason>) {
    let Some(condition) = &spec.condition else {
        let message = "the rule has no `condition`: it only measures";
        return (Some(false), Cause::new(FiringReason::Measured, message));
    };
    let Some(worst) = alerts.first() else {
        return if record.answered.is_none() || record.is_restored {
            (
                None,
                Cause::new(FiringReason::NotCompared, "the rule was not answered yet"),
            )
        } else {
            (
                Some(false),
                Cause::new(FiringReason::Inactive, "nothing is beyond a threshold"),
            )
        };
    };
    let more = match alerts.len().saturating_sub(1) {
        0 => String::new(),
        more => format!(", and {more} more"),
    };
    let what = what(condition, worst);
    if firing == 0 {
        let lasting = condition.lasting;
        let message = format!("{what} since {}, and fires after {lasting}{more}", worst.since);
        return (Some(false), Cause::new(FiringReason::Pending, message));
    }
    let severity = worst.severity.as_str();
    let (reason, what) = match worst.fingerprint.as_str() {
        NO_DATA => (
            FiringReason::NoData,
            format!("nothing came back since {}, {severity}", worst.since),
        ),
        ERROR => (
            FiringReason::Error,
            format!("it can't be asked since {}, {severity}", worst.since),
        ),
        _ if worst.flapping => (FiringReason::Flapping, format!("again and again: {what}")),
        _ if worst.state == AlertState::Held => (
            FiringReason::Held,
            format!("{what}, clear again for less than {}", condition.keep_firing_for),
        ),
        _ => (FiringReason::Breached, what),
    };
    let response = response(condition, worst.severity);
    (Some(true), Cause::new(reason, format!("{what}; {response}{more}")))
}

/// `brand Book Harbour: 0 < 2, critical`.
fn what(condition: &AlertCondition, alert: &Alert) -> String {
    let sign = match condition.operator {
        AlertOperator::LessThan => "<",
        AlertOperator::LessThanOrEqual => "<=",
        AlertOperator::GreaterThan => ">",
        AlertOperator::GreaterThanOrEqual => ">=",
    };
    let labels = match named(&alert.labels) {
        labels if labels.is_empty() => String::new(),
        labels => format!("{}: ", clipped(&labels, 300)),
    };
    let compared = match (&alert.value, &alert.threshold) {
        (Some(value), Some(threshold)) if alert.state == AlertState::Held => {
            format!("{value}, fired at {sign} {threshold}")
        }
        (Some(value), Some(threshold)) => format!("{value} {sign} {threshold}"),
        _ => "beyond its threshold".to_owned(),
    };
    format!("{labels}{compared}, {}", alert.severity.as_str())
}

/// How soon somebody should respond.
pub fn response(condition: &AlertCondition, severity: Severity) -> String {
    let own = condition.levels.all().find(|(level, _)| *level == severity);
    match own.and_then(|(_, level)| level.response) {
        Some(time) if time.get() == Duration::ZERO => "response at once".to_owned(),
        Some(time) => format!("response within {time}"),
        None => match severity {
            Severity::Critical => "response at once".to_owned(),
            Severity::Error => "response within 30m".to_owned(),
            Severity::Warning => "response within 2h".to_owned(),
            Severity::Info => "response on the next business day".to_owned(),
        },
    }
}

/// A number in at most 32 characters.
pub fn number(value: f64) -> String {
    let text = value.to_string();
    if text.len() <= 24 { text } else { format!("{value:e}") }
}
