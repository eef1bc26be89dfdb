//! When a rule fires.

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Severity;
use crate::Duration;

/// When a rule fires.
#[derive(Clone, Debug, Deserialize, KubeSchema, PartialEq, Serialize)]
#[x_kube(
    validation = Rule::new("has(self.levels.info) || has(self.levels.warning) || has(self.levels.error) || has(self.levels.critical)")
        .message("`levels` must have at least one of info, warning, error and critical")
        .field_path(".levels"),
    validation = Rule::new("self.__for__.matches('^([0-9]{1,5}(h|m|s|ms)){1,4}$') && duration(self.__for__) <= duration('24h')")
        .message("`for` must be at most '24h', such as '10m'")
        .field_path(".for"),
    validation = Rule::new("self.keepFiringFor.matches('^([0-9]{1,5}(h|m|s|ms)){1,4}$') && duration(self.keepFiringFor) <= duration('24h')")
        .message("`keepFiringFor` must be at most '24h', such as '30m'")
        .field_path(".keepFiringFor"),
    validation = Rule::new("!has(self.levels.info) || !has(self.levels.warning) || !has(self.levels.info.threshold) || !has(self.levels.warning.threshold) || (self.operator.startsWith('Less') ? double(self.levels.warning.threshold) < double(self.levels.info.threshold) : double(self.levels.warning.threshold) > double(self.levels.info.threshold))")
        .message("`warning` must lie further out than `info`: below it with LessThan, above it with GreaterThan")
        .field_path(".levels"),
    validation = Rule::new("!has(self.levels.info) || !has(self.levels.error) || !has(self.levels.info.threshold) || !has(self.levels.error.threshold) || (self.operator.startsWith('Less') ? double(self.levels.error.threshold) < double(self.levels.info.threshold) : double(self.levels.error.threshold) > double(self.levels.info.threshold))")
        .message("`error` must lie further out than `info`: below it with LessThan, above it with GreaterThan")
        .field_path(".levels"),
    validation = Rule::new("!has(self.levels.info) || !has(self.levels.critical) || !has(self.levels.info.threshold) || !has(self.levels.critical.threshold) || (self.operator.startsWith('Less') ? double(self.levels.critical.threshold) < double(self.levels.info.threshold) : double(self.levels.critical.threshold) > double(self.levels.info.threshold))")
        .message("`critical` must lie further out than `info`: below it with LessThan, above it with GreaterThan")
        .field_path(".levels"),
    validation = Rule::new("!has(self.levels.warning) || !has(self.levels.error) || !has(self.levels.warning.threshold) || !has(self.levels.error.threshold) || (self.operator.startsWith('Less') ? double(self.levels.error.threshold) < double(self.levels.warning.threshold) : double(self.levels.error.threshold) > double(self.levels.warning.threshold))")
        .message("`error` must lie further out than `warning`: below it with LessThan, above it with GreaterThan")
        .field_path(".levels"),
    validation = Rule::new("!has(self.levels.warning) || !has(self.levels.critical) || !has(self.levels.warning.threshold) || !has(self.levels.critical.threshold) || (self.operator.startsWith('Less') ? double(self.levels.critical.threshold) < double(self.levels.warning.threshold) : double(self.levels.critical.threshold) > double(self.levels.warning.threshold))")
        .message("`critical` must lie further out than `warning`: below it with LessThan, above it with GreaterThan")
        .field_path(".levels"),
    validation = Rule::new("!has(self.levels.error) || !has(self.levels.critical) || !has(self.levels.error.threshold) || !has(self.levels.critical.threshold) || (self.operator.startsWith('Less') ? double(self.levels.critical.threshold) < double(self.levels.error.threshold) : double(self.levels.critical.threshold) > double(self.levels.error.threshold))")
        .message("`critical` must lie further out than `error`: below it with LessThan, above it with GreaterThan")
        .field_path(".levels"),
    validation = Rule::new("!has(self.levels.info) || !has(self.levels.info.recovery) || !has(self.levels.info.threshold) || (self.operator.startsWith('Less') ? double(self.levels.info.recovery) >= double(self.levels.info.threshold) : double(self.levels.info.recovery) <= double(self.levels.info.threshold))")
        .message("`recovery` of `info` must lie on the good side of its `threshold`: not below it with LessThan, not above it with GreaterThan")
        .field_path(".levels.info.recovery"),
    validation = Rule::new("!has(self.levels.warning) || !has(self.levels.warning.recovery) || !has(self.levels.warning.threshold) || (self.operator.startsWith('Less') ? double(self.levels.warning.recovery) >= double(self.levels.warning.threshold) : double(self.levels.warning.recovery) <= double(self.levels.warning.threshold))")
        .message("`recovery` of `warning` must lie on the good side of its `threshold`: not below it with LessThan, not above it with GreaterThan")
        .field_path(".levels.warning.recovery"),
    validation = Rule::new("!has(self.levels.error) || !has(self.levels.error.recovery) || !has(self.levels.error.threshold) || (self.operator.startsWith('Less') ? double(self.levels.error.recovery) >= double(self.levels.error.threshold) : double(self.levels.error.recovery) <= double(self.levels.error.threshold))")
        .message("`recovery` of `error` must lie on the good side of its `threshold`: not below it with LessThan, not above it with GreaterThan")
        .field_path(".levels.error.recovery"),
    validation = Rule::new("!has(self.levels.critical) || !has(self.levels.critical.recovery) || !has(self.levels.critical.threshold) || (self.operator.startsWith('Less') ? double(self.levels.critical.recovery) >= double(self.levels.critical.threshold) : double(self.levels.critical.recovery) <= double(self.levels.critical.threshold))")
        .message("`recovery` of `critical` must lie on the good side of its `threshold`: not below it with LessThan, not above it with GreaterThan")
        .field_path(".levels.critical.recovery")
)]
#[serde(rename_all = "camelCase")]
pub struct AlertCondition {
    /// operator between the value and a level's threshold.
    pub operator: AlertOperator,
    /// levels of gravity: at least one. A graver one lies further out, and is told when it is reached.
    pub levels: AlertLevels,
    /// minSamples that the column `samples` must have; a row with fewer counts as no data.
    #[serde(default)]
    #[schemars(range(min = 0, max = 1_000_000_000))]
    pub min_samples: i64,
    /// for is how long a series must be beyond a threshold before it fires, between `0s` and `24h`.
    #[serde(rename = "for", default = "AlertCondition::default_for")]
    pub lasting: Duration,
    /// keepFiringFor is how long a series must be clear before it is resolved, or milder, between `0s` and `24h`.
    #[serde(default = "AlertCondition::default_keep_firing_for")]
    pub keep_firing_for: Duration,
    /// noData says what becomes of the rule while nothing comes back, or null.
    #[serde(default)]
    pub no_data: NoDataPolicy,
    /// error says what becomes of the rule while it can't be asked.
    #[serde(default)]
    pub error: ErrorPolicy,
}

impl AlertCondition {
    fn default_for() -> Duration {
        Duration::from_secs(300)
    }

    fn default_keep_firing_for() -> Duration {
        Duration::from_secs(0)
    }
}

/// What is compared how.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub enum AlertOperator {
    /// The value is below the threshold.
    LessThan,
    /// The value is the threshold or below it.
    LessThanOrEqual,
    /// The value is above the threshold.
    GreaterThan,
    /// The value is the threshold or above it.
    GreaterThanOrEqual,
}

/// The levels of a rule, by their severity.
#[derive(Clone, Debug, Default, Deserialize, KubeSchema, PartialEq, Serialize)]
pub struct AlertLevels {
    /// info: to be known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub info: Option<AlertLevel>,
    /// warning: to be looked at within two hours.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub warning: Option<AlertLevel>,
    /// error: to be looked at within 30 minutes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<AlertLevel>,
    /// critical: to be looked at at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub critical: Option<AlertLevel>,
}

impl AlertLevels {
    /// The levels that there are, the mildest first.
    pub fn all(&self) -> impl Iterator<Item = (Severity, &AlertLevel)> {
        let levels = [&self.info, &self.warning, &self.error, &self.critical];
        let levels = Severity::ALL.into_iter().zip(levels);
        levels.filter_map(|(severity, level)| Some((severity, level.as_ref()?)))
    }
}

/// One level of a rule.
#[derive(Clone, Debug, Default, Deserialize, KubeSchema, PartialEq, Serialize)]
#[x_kube(
    validation = Rule::new("has(self.threshold) != has(self.thresholdFrom)")
        .message("exactly one of `threshold` and `thresholdFrom` must be set: a decimal, or a column of the query"),
    validation = Rule::new("!has(self.recovery) || has(self.threshold)")
        .message("`recovery` needs `threshold`: one that comes from a column can't be compared with it")
        .field_path(".recovery"),
    validation = Rule::new("!has(self.response) || (self.response.matches('^([0-9]{1,5}(h|m|s|ms)){1,4}$') && duration(self.response) <= duration('168h'))")
        .message("`response` must be at most '168h', such as '1h'")
        .field_path(".response")
)]
#[serde(rename_all = "camelCase")]
pub struct AlertLevel {
    /// threshold that the value is compared with: a decimal, such as `10` or `0.95`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 26))]
    #[x_kube(validation = Rule::new("self.matches('^-?[0-9]{1,15}([.][0-9]{1,9})?$')").message("`threshold` must be a decimal, such as '10' or '0.95'"))]
    pub threshold: Option<String>,
    /// thresholdFrom is the column of the query that has the threshold of a row.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 63))]
    #[x_kube(validation = Rule::new("self.matches('^[a-z_][a-z0-9_]{0,62}$') && !(self in ['value', 'samples', 'severity'])").message("`thresholdFrom` must be a column of the query: lower-case letters, digits and '_', such as 'low', and none of value, samples, severity"))]
    pub threshold_from: Option<String>,
    /// recovery is the value from which on the level is clear again; without it the threshold itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 26))]
    #[x_kube(validation = Rule::new("self.matches('^-?[0-9]{1,15}([.][0-9]{1,9})?$')").message("`recovery` must be a decimal, such as '12'"))]
    pub recovery: Option<String>,
    /// response is how soon somebody should respond, at most `168h`. Defaults to `0s` for `critical`, `30m` for `error`, `2h` for `warning`, and the next business day for `info`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub response: Option<Duration>,
}

/// What becomes of the rule while nothing comes back, or null.
#[derive(Clone, Debug, Deserialize, KubeSchema, PartialEq, Serialize)]
#[x_kube(
    validation = Rule::new("self.after.matches('^([0-9]{1,5}(h|m|s|ms)){1,4}$') && duration(self.after) <= duration('24h')")
        .message("`after` must be at most '24h', such as '15m'")
        .field_path(".after")
)]
pub struct NoDataPolicy {
    /// after this time something is done about it, at most `24h`.
    #[serde(default = "NoDataPolicy::default_after")]
    pub after: Duration,
    /// then this is done.
    #[serde(default)]
    pub then: NoDataAction,
}

impl NoDataPolicy {
    fn default_after() -> Duration {
        Duration::from_secs(900)
    }
}

impl Default for NoDataPolicy {
    fn default() -> Self {
        Self {
            after: Self::default_after(),
            then: NoDataAction::default(),
        }
    }
}

/// What is done about missing data.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub enum NoDataAction {
    /// What fires goes on firing, and nothing begins to.
    #[default]
    Keep,
    /// What fires is resolved.
    Resolve,
    /// The rule fires, at its gravest level.
    Fire,
}

/// What becomes of the rule while it can't be asked.
#[derive(Clone, Debug, Deserialize, KubeSchema, PartialEq, Serialize)]
#[x_kube(
    validation = Rule::new("self.after.matches('^([0-9]{1,5}(h|m|s|ms)){1,4}$') && duration(self.after) <= duration('24h')")
        .message("`after` must be at most '24h', such as '15m'")
        .field_path(".after")
)]
pub struct ErrorPolicy {
    /// after this time something is done about it, at most `24h`.
    #[serde(default = "NoDataPolicy::default_after")]
    pub after: Duration,
    /// then this is done.
    #[serde(default)]
    pub then: ErrorAction,
}

impl Default for ErrorPolicy {
    fn default() -> Self {
        Self {
            after: NoDataPolicy::default_after(),
            then: ErrorAction::default(),
        }
    }
}

/// What is done about a rule that can't be asked.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub enum ErrorAction {
    /// What fires goes on firing, and nothing begins to.
    #[default]
    Keep,
    /// The rule fires, at its gravest level.
    Fire,
}
