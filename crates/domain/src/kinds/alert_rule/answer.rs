//! What a turn brought.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet},
};

use ace_api::{AlertCondition, AlertOperator, AlertRuleReason, AlertRuleSpec, Severity, clipped, message};
use sha2::{Digest, Sha256};

use super::Cause;

/// Most rows of an answer, and most alerts of a status.
pub const MOST_SERIES: usize = 50;

/// Most characters of a label's value.
pub const LABEL_CHARACTERS: usize = 64;

/// What a turn brought: rows, or why there are none. A reason of `Stalled` needs a person.
pub type Answer = Result<Vec<Row>, Cause>;

/// One row of an answer: a series at this moment.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Row {
    pub labels: BTreeMap<String, String>,
    /// Nothing where it is null, no number or infinite.
    pub value: Option<f64>,
    pub samples: Option<f64>,
    /// The word of the column `severity`.
    pub severity: Option<String>,
    /// Columns that levels have their threshold from.
    pub thresholds: BTreeMap<String, f64>,
}

impl Row {
    /// A hash of the labels.
    pub fn fingerprint(&self) -> String {
        let mut hash = Sha256::new();
        for text in self.labels.iter().flat_map(|(name, value)| [name, value]) {
            hash.update(u64::try_from(text.len()).unwrap_or(u64::MAX).to_be_bytes());
            hash.update(text);
        }
        hex::encode(hash.finalize()).chars().take(16).collect()
    }

    /// The value, where there are samples enough.
    pub(super) fn datum(&self, condition: Option<&AlertCondition>) -> Option<f64> {
        let least = condition.map_or(0, |condition| condition.min_samples);
        #[expect(clippy::cast_precision_loss, reason = "at most 10^9")]
        let are_enough = least <= 0 || self.samples.is_some_and(|samples| samples >= least as f64);
        self.value.filter(|value| value.is_finite() && are_enough)
    }
}

/// The rows of an answer, if they are those that a rule needs: not too many, each of another series, with severities that there are.
pub fn checked(spec: &AlertRuleSpec, rows: Vec<Row>) -> Answer {
    if rows.len() > MOST_SERIES {
        let message = match &spec.source.signal {
            None => format!(
                "the query returns more than {MOST_SERIES} rows, and none of them was evaluated: aggregate, or select those that are worst"
            ),
            Some(signal) => format!(
                "{} has more than {MOST_SERIES} series, and none of them was evaluated: name fewer in `match`",
                signal.name.as_str()
            ),
        };
        return Err(Cause::new(AlertRuleReason::TooManySeries, message));
    }
    let invalid = |message: String| Err(Cause::new(AlertRuleReason::QueryInvalid, message));
    let mut series = BTreeSet::new();
    for row in &rows {
        if !series.insert(&row.labels) {
            let labels = named(&row.labels);
            return invalid(if labels.is_empty() {
                "the query returns several rows without labels: name the columns that tell them apart in `labels`, or aggregate"
                    .to_owned()
            } else {
                format!(
                    "the query returns several rows with {labels}: name the column that tells them apart in `labels`, or aggregate"
                )
            });
        }
        let Some(severity) = &row.severity else { continue };
        if Severity::named(severity).is_none() {
            let severity = clipped(&message(severity), 40);
            return invalid(format!(
                "column \"severity\" is {severity:?}: it must be info, warning, error, critical or null"
            ));
        }
    }
    let levels = spec
        .condition
        .as_ref()
        .map_or(0, |condition| condition.levels.all().count());
    if levels > 1 && rows.iter().any(|row| row.severity.is_some()) {
        return invalid(
            "the query has the column \"severity\", and the rule several levels: leave one of them".to_owned(),
        );
    }
    Ok(rows)
}

/// `brand Book Harbour, region EU`.
pub fn named(labels: &BTreeMap<String, String>) -> String {
    let named: Vec<String> = labels.iter().map(|(name, value)| format!("{name} {value}")).collect();
    named.join(", ")
}

/// A level as it applies to one row.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Limit {
    pub(super) severity: Severity,
    pub(super) threshold: f64,
    recovery: f64,
    operator: AlertOperator,
}

impl Limit {
    pub(super) fn is_breached(&self, value: f64) -> bool {
        breaches(self.operator, value, self.threshold)
    }

    /// It is clear again, past the recovery.
    pub(super) fn is_recovered(&self, value: f64) -> bool {
        !self.is_breached(value) && !breaches(self.operator, value, self.recovery)
    }
}

fn breaches(operator: AlertOperator, value: f64, threshold: f64) -> bool {
    match operator {
        AlertOperator::LessThan => value < threshold,
        AlertOperator::LessThanOrEqual => value <= threshold,
        AlertOperator::GreaterThan => value > threshold,
        AlertOperator::GreaterThanOrEqual => value >= threshold,
    }
}

/// The levels of a rule for this row, the mildest first. A level whose column is null does not apply.
pub(super) fn limits(condition: &AlertCondition, row: &Row) -> Vec<Limit> {
    let own = row.severity.as_deref().and_then(Severity::named);
    let levels = condition.levels.all().filter_map(|(severity, level)| {
        let decimal = |text: &Option<String>| text.as_deref()?.parse::<f64>().ok();
        let column = level.threshold_from.as_ref();
        let threshold =
            decimal(&level.threshold).or_else(|| column.and_then(|column| row.thresholds.get(column).copied()))?;
        Some(Limit {
            severity: own.unwrap_or(severity),
            threshold,
            recovery: decimal(&level.recovery).unwrap_or(threshold),
            operator: condition.operator,
        })
    });
    levels.collect()
}

/// A row beside the levels of its rule, as one turn tells it: `for`, and what was before, are not looked at.
#[derive(Clone, Debug, PartialEq)]
pub struct Compared {
    /// `brand Book Harbour, region EU`.
    pub labels: String,
    /// Nothing where there is no data, or too few samples.
    pub value: Option<f64>,
    /// The gravest level that it is beyond.
    pub severity: Option<Severity>,
    /// Of that level, or else of the mildest one.
    pub threshold: Option<f64>,
}

/// The rows of an answer beside the levels, the gravest first.
pub fn compared(spec: &AlertRuleSpec, rows: &[Row]) -> Vec<Compared> {
    let condition = spec.condition.as_ref();
    let rows = rows.iter().map(|row| {
        let value = row.datum(condition);
        let limits = condition.map(|condition| limits(condition, row)).unwrap_or_default();
        let beyond = |limit: &&Limit| value.is_some_and(|value| limit.is_breached(value));
        let breached = limits.iter().filter(beyond).max_by_key(|limit| limit.severity);
        Compared {
            labels: named(&row.labels),
            value,
            severity: breached.map(|limit| limit.severity),
            threshold: breached.or(limits.first()).map(|limit| limit.threshold),
        }
    });
    let mut compared: Vec<Compared> = rows.collect();
    compared.sort_by_key(|row| Reverse(row.severity));
    compared
}
