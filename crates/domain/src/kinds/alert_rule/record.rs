//! What is remembered of a rule from turn to turn, and what a status has of that.

use std::{collections::BTreeMap, time::Duration};

use ace_api::{Alert, AlertEvent, AlertRule, AlertRuleSpec, AlertSource, AlertState, Severity};
use jiff::Timestamp;

use super::{
    Cause,
    findings::Findings,
    series::{Series, after},
};
use crate::reconcile::{annotations::reconcile_at, refusals::Refusals, status::describes};

/// Fingerprint of the alert that nothing came back.
pub(super) const NO_DATA: &str = "no-data";
/// Fingerprint of the alert that the rule could not be asked.
pub(super) const ERROR: &str = "error";

/// What is remembered of a rule from turn to turn. Lost with the process, but for what the status has.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Record {
    /// What was asked.
    pub(super) source: Option<AlertSource>,
    /// Generation of the rule at the last turn, and its `reconcile-at`.
    pub(super) of: Option<(Option<i64>, Option<String>)>,
    /// By fingerprint: those of the last answer, and those that are not clear.
    pub(super) series: BTreeMap<String, Series>,
    /// The last turn, whatever it brought.
    pub(super) turned: Option<Timestamp>,
    /// The last one that was answered; of one before the process began, as far as the status has it.
    pub(super) answered: Option<Timestamp>,
    /// It was not answered yet in this process.
    pub(super) is_restored: bool,
    /// Since when it can't be asked, and why.
    pub(super) failure: Option<(Timestamp, Cause)>,
    /// How often in a row the operator was refused to read a Secret.
    pub(super) refusals: Refusals,
    /// Since when nothing comes back.
    pub(super) empty: Option<Timestamp>,
    /// Since when the rule fires for that.
    pub(super) no_data: Option<Timestamp>,
    /// Since when the rule fires because it could not be asked.
    pub(super) error: Option<Timestamp>,
    pub(super) history: Vec<AlertEvent>,
    /// What is shown, and when its values were last brought up to date.
    pub(super) shown: Option<(Timestamp, Findings)>,
}

/// What metrics show of a rule.
#[derive(Clone, Debug, PartialEq)]
pub struct Measured {
    pub state: AlertState,
    /// Of the last answer, by the labels of each series.
    pub values: Vec<(BTreeMap<String, String>, f64)>,
}

impl Record {
    /// What the status of a rule has of it.
    pub fn restored(object: &AlertRule) -> Self {
        let Some(status) = &object.status else {
            return Self::default();
        };
        let mut record = Self {
            source: Some(object.spec.source.clone()),
            answered: status.seen_time,
            is_restored: true,
            history: status.history.clone(),
            ..Self::default()
        };
        // Another generation may have had another source, by which nothing that is pending can be told.
        let is_same = describes(&status.common, object);
        let lasts = |alert: &&Alert| is_same || alert.state != AlertState::Pending;
        for alert in status.alerts.iter().filter(lasts) {
            match alert.fingerprint.as_str() {
                NO_DATA => record.no_data = Some(alert.since),
                ERROR => record.error = Some(alert.since),
                _ => {
                    let seen = status.seen_time.unwrap_or(alert.since);
                    let series = Series::restored(alert, severities(&object.spec), seen);
                    record.series.insert(alert.fingerprint.clone(), series);
                }
            }
        }
        record
    }

    /// The last turn was for the rule as it is, and after the look that it asks for.
    pub fn is_of(&self, object: &AlertRule) -> bool {
        self.of == Some((object.metadata.generation, reconcile_at(object)))
    }

    /// When the last turn was, whatever it brought.
    pub fn turned(&self) -> Option<Timestamp> {
        self.turned
    }

    /// Why it can't be asked.
    pub fn failure(&self) -> Option<&Cause> {
        self.failure.as_ref().map(|(_, cause)| cause)
    }

    /// What a status has of it.
    pub fn shows(&self) -> impl PartialEq + '_ {
        (self.findings(), self.failure(), &self.of, &self.history)
    }

    pub fn findings(&self) -> Option<&Findings> {
        self.shown.as_ref().map(|(_, findings)| findings)
    }

    /// What happened lately, the newest first.
    pub fn history(&self) -> &[AlertEvent] {
        &self.history
    }

    /// The series of the last answer.
    pub fn values(&self) -> impl Iterator<Item = &Series> {
        self.series.values().filter(|series| series.is_there())
    }

    /// What metrics show of it; nothing before the first turn.
    pub fn measured(&self) -> Option<Measured> {
        let values = self.values();
        let values = values.filter_map(|series| Some((series.labels.clone()?, series.value?)));
        Some(Measured {
            state: self.findings()?.state,
            values: values.collect(),
        })
    }

    /// Whether nobody looked for so long that a wait begins anew.
    pub(super) fn is_interrupted(&self, interval: Duration, lasting: Duration, now: Timestamp) -> bool {
        let most = interval * 3;
        let most = if self.is_restored { most.max(lasting / 4) } else { most };
        self.answered.is_none_or(|answered| now > after(answered, most))
    }
}

fn severities(spec: &AlertRuleSpec) -> impl Iterator<Item = Severity> {
    spec.condition
        .iter()
        .flat_map(|condition| condition.levels.all().map(|(severity, _)| severity))
}
