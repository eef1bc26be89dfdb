//! What a rule found.

use std::collections::BTreeMap;

use jiff::Timestamp;
use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Severity;
use crate::{
    CommonStatus,
    common::{
        readable::readable,
        status::{object_status, time},
    },
};

/// What a rule found.
#[derive(Clone, Debug, Default, Deserialize, KubeSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AlertRuleStatus {
    /// What every status has.
    #[serde(flatten)]
    pub common: CommonStatus,
    /// source that is asked: `SQL`, or the name of a signal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64))]
    pub source: Option<String>,
    /// state of the gravest series, or of the rule where it could not be asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "AlertState")]
    pub state: Option<AlertState>,
    /// severity of the gravest series that fires or is about to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Severity")]
    pub severity: Option<Severity>,
    /// value of that series, or of the only one. Written with a change of state, and else every 5 min at most: the metric `ace_signal` is exact.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 32))]
    pub value: Option<String>,
    /// threshold that the value is compared with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 32))]
    pub threshold: Option<String>,
    /// since when that series fires, or is beyond its threshold while it is pending.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "time")]
    pub since: Option<Timestamp>,
    /// seenTime is when a turn was last answered; shown while something is pending or held, and up to a quarter of that time old.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "time")]
    pub seen_time: Option<Timestamp>,
    /// series that the last answer had.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub series: Option<i32>,
    /// firing counts the alerts that fire or are held.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub firing: Option<i32>,
    /// alerts that are not inactive, the gravest first, at most fifty. The first ten have labels and value.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 50))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub alerts: Vec<Alert>,
    /// acknowledged says who takes care of what fires; gone when nothing fires any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acknowledged: Option<Acknowledgement>,
    /// lastHandledAcknowledge is the value of the annotation `ops.mobulace.com/acknowledge` that was seen last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256))]
    pub last_handled_acknowledge: Option<String>,
    /// history of firing and resolving, the newest first, at most ten.
    #[serde(default, deserialize_with = "readable", skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 10))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub history: Vec<AlertEvent>,
}

object_status!(AlertRuleStatus);

/// What is known of a rule, or of one series.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, JsonSchema, PartialEq, Serialize)]
pub enum AlertState {
    /// Beyond a threshold for as long as `for` says.
    Firing,
    /// Clear again, not yet for as long as `keepFiringFor` says.
    Held,
    /// Beyond a threshold, not yet for as long as `for` says.
    Pending,
    /// Nothing came back, or null.
    NoData,
    /// It could not be asked.
    Error,
    /// Nothing is beyond a threshold.
    Inactive,
    /// The rule has no `condition`: it only measures.
    Measured,
    /// `suspend` is true, of the rule or of its Platform.
    Suspended,
    /// It was not asked yet, or not for three intervals.
    Unknown,
}

impl AlertState {
    /// It is told: what is held fires until it is clear for long enough.
    pub fn fires(self) -> bool {
        matches!(self, Self::Firing | Self::Held)
    }
}

/// One series that fires, is held, or is about to fire.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Alert {
    /// fingerprint of the series: a hash of its labels.
    #[schemars(length(max = 16))]
    pub fingerprint: String,
    /// state of the series: `Firing`, `Held` or `Pending`.
    pub state: AlertState,
    /// severity of the gravest level that it fires at, or is about to.
    pub severity: Severity,
    /// since when it fires, or is beyond its threshold while it is pending.
    #[schemars(schema_with = "time")]
    pub since: Timestamp,
    /// labels of the series.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    /// value that was seen when it was written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 32))]
    pub value: Option<String>,
    /// threshold that it is compared with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 32))]
    pub threshold: Option<String>,
    /// flapping: it began to fire three times within an hour, and goes on firing until it was clear for 30 min.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub flapping: bool,
}

/// Who takes care of what fires.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub struct Acknowledgement {
    /// by whom, and why.
    #[schemars(length(max = 256))]
    pub by: String,
    /// time when it was seen.
    #[schemars(schema_with = "time")]
    pub time: Timestamp,
}

/// Something that became of series.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub struct AlertEvent {
    /// type of the event.
    #[serde(rename = "type")]
    pub type_: AlertEventType,
    /// severity of the series, the gravest one of them.
    pub severity: Severity,
    /// series that it became of.
    pub series: i32,
    /// time of the turn.
    #[schemars(schema_with = "time")]
    pub time: Timestamp,
}

/// What became of series.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub enum AlertEventType {
    /// They began to fire.
    Fired,
    /// They reached a graver level.
    Worsened,
    /// They fell back to a milder level.
    Eased,
    /// They are clear.
    Resolved,
    /// They were not among the rows of three turns.
    SeriesGone,
}
