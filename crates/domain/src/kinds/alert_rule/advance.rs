//! What a turn makes of what is remembered of a rule.

use std::collections::BTreeMap;

use ace_api::{
    AlertCondition, AlertEvent, AlertEventType, AlertRule, AlertRuleReason, AlertRuleSpec, ErrorAction, NoDataAction,
    Severity,
};
use jiff::Timestamp;

use super::{
    Cause,
    answer::{Answer, Row, limits},
    findings::{self, gravest},
    record::Record,
    series::{Change, Pace, Series},
};
use crate::reconcile::{annotations::reconcile_at, status::remember, timing::Timing};

/// Most series of which nothing but their firings is remembered.
const REMEMBERED: usize = 200;

/// The record of a rule after a turn that brought this answer. An error resolves nothing.
#[must_use]
pub fn advance(object: &AlertRule, mut record: Record, answer: &Answer, timing: Timing, now: Timestamp) -> Record {
    let spec = &object.spec;
    record.turned = Some(now);
    record.of = Some((object.metadata.generation, reconcile_at(object)));
    if record.source.as_ref() != Some(&spec.source) {
        record.source = Some(spec.source.clone());
        record.series.values_mut().for_each(Series::restart);
        (record.failure, record.empty) = (None, None);
    }
    let changes = match answer {
        Ok(rows) => answered(spec, &mut record, rows, timing, now),
        Err(cause) => {
            failed(spec, &mut record, cause, timing, now);
            Vec::new()
        }
    };
    for event in events(&changes, now) {
        remember(&mut record.history, event);
    }
    findings::refresh(spec, &mut record, timing, now);
    record
}

fn failed(spec: &AlertRuleSpec, record: &mut Record, cause: &Cause, timing: Timing, now: Timestamp) {
    record.refusals = record.refusals.after(cause.reason == AlertRuleReason::AccessMissing);
    if record.refusals.are_doubted() {
        return;
    }
    let since = record.failure.as_ref().map_or(now, |(since, _)| *since);
    record.failure = Some((since, cause.clone()));
    let Some(condition) = &spec.condition else { return };
    let is_over = now >= since + timing.interval(condition.error.after.get());
    if is_over && condition.error.then == ErrorAction::Fire && record.error.is_none() {
        record.error = Some(now);
        remember(
            &mut record.history,
            event(AlertEventType::Fired, gravest(condition), 1, now),
        );
    }
}

fn answered(spec: &AlertRuleSpec, record: &mut Record, rows: &[Row], timing: Timing, now: Timestamp) -> Vec<Change> {
    let interval = timing.interval(spec.interval.get());
    let condition = spec.condition.as_ref();
    let lasting = condition.map_or(interval, |condition| timing.interval(condition.lasting.get()));
    if record.is_interrupted(interval, lasting, now) {
        record.series.values_mut().for_each(|series| series.interrupt(now));
    }
    record.refusals = record.refusals.after(false);
    (record.answered, record.is_restored, record.failure) = (Some(now), false, None);
    let mut changes = Vec::new();
    let severity = condition.map_or(Severity::Info, gravest);
    if record.error.take().is_some() {
        changes.push(Change::Resolved(severity));
    }
    let is_empty = !rows.iter().any(|row| row.datum(condition).is_some());
    if is_empty {
        record.empty.get_or_insert(now);
    } else {
        record.empty = None;
    }
    if !is_empty && record.no_data.take().is_some() {
        changes.push(Change::Resolved(severity));
    }
    match condition {
        Some(condition) => changes.extend(evaluated(condition, record, rows, timing, now)),
        None => changes.extend(measured(record, rows, now)),
    }
    forget(&mut record.series);
    changes
}

fn evaluated(
    condition: &AlertCondition,
    record: &mut Record,
    rows: &[Row],
    timing: Timing,
    now: Timestamp,
) -> Vec<Change> {
    let pace = Pace {
        now,
        lasting: timing.interval(condition.lasting.get()),
        keep: timing.interval(condition.keep_firing_for.get()),
        flapping_window: timing.flapping_window(),
        flapping_clear: timing.flapping_clear(),
    };
    let there: BTreeMap<String, &Row> = rows.iter().map(|row| (row.fingerprint(), row)).collect();
    let mut changes = Vec::new();
    for (fingerprint, row) in &there {
        let series = record.series.entry(fingerprint.clone()).or_default();
        match row.datum(Some(condition)) {
            Some(value) => changes.extend(series.valued(row, value, &limits(condition, row), pace)),
            None => series.unvalued(row),
        }
    }
    if !rows.is_empty() {
        let gone = record
            .series
            .iter_mut()
            .filter(|(fingerprint, _)| !there.contains_key(*fingerprint));
        changes.extend(gone.filter_map(|(_, series)| series.missed()));
    }
    let after = timing.interval(condition.no_data.after.get());
    match condition.no_data.then {
        NoDataAction::Keep => {}
        NoDataAction::Resolve => {
            let silent = record
                .series
                .values_mut()
                .filter(|series| series.is_unvalued_for(after, now));
            changes.extend(silent.filter_map(Series::resolve).map(Change::Resolved));
        }
        NoDataAction::Fire => {
            let is_over = record.empty.is_some_and(|since| now >= since + after);
            if is_over && record.no_data.is_none() {
                record.no_data = Some(now);
                changes.push(Change::Fired(gravest(condition)));
            }
        }
    }
    changes
}

/// Without a condition nothing fires, and what did is resolved.
fn measured(record: &mut Record, rows: &[Row], now: Timestamp) -> Vec<Change> {
    let changes = record
        .series
        .values_mut()
        .filter_map(Series::resolve)
        .map(Change::Resolved)
        .collect();
    record.series.clear();
    let pace = Pace {
        now,
        lasting: std::time::Duration::ZERO,
        keep: std::time::Duration::ZERO,
        flapping_window: std::time::Duration::ZERO,
        flapping_clear: std::time::Duration::ZERO,
    };
    for row in rows {
        let series = record.series.entry(row.fingerprint()).or_default();
        match row.datum(None) {
            Some(value) => drop(series.valued(row, value, &[], pace)),
            None => series.unvalued(row),
        }
    }
    changes
}

/// Forgets what is clear and not there any more, but for a bounded number of those that fired lately.
fn forget(series: &mut BTreeMap<String, Series>) {
    series.retain(|_, series| series.is_there() || !series.is_forgotten());
    let mut clear = 0;
    series.retain(|_, series| {
        let is_clear = !series.is_there() && series.state().is_none();
        clear += usize::from(is_clear);
        !is_clear || clear <= REMEMBERED
    });
}

/// What happened in one turn, told together: one event for each thing that became of series.
fn events(changes: &[Change], now: Timestamp) -> Vec<AlertEvent> {
    let mut told: BTreeMap<u8, (AlertEventType, Severity, i32)> = BTreeMap::new();
    for change in changes {
        let (rank, type_, severity) = match *change {
            Change::Gone(severity) => (0, AlertEventType::SeriesGone, severity),
            Change::Resolved(severity) => (1, AlertEventType::Resolved, severity),
            Change::Eased(severity) => (2, AlertEventType::Eased, severity),
            Change::Worsened(severity) => (3, AlertEventType::Worsened, severity),
            Change::Fired(severity) => (4, AlertEventType::Fired, severity),
        };
        let entry = told.entry(rank).or_insert((type_, severity, 0));
        (entry.1, entry.2) = (entry.1.max(severity), entry.2 + 1);
    }
    told.into_values()
        .map(|(type_, severity, series)| event(type_, severity, series, now))
        .collect()
}

fn event(type_: AlertEventType, severity: Severity, series: i32, time: Timestamp) -> AlertEvent {
    AlertEvent {
        type_,
        severity,
        series,
        time,
    }
}
