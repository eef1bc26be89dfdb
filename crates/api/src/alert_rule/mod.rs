//! `AlertRule`: a condition on the live platform. This file is what the user writes; `status` is what the operator answers.

mod condition;
mod reasons;
mod source;
mod status;

use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Duration, LocalReference};

pub use condition::{
    AlertCondition, AlertLevel, AlertLevels, AlertOperator, ErrorAction, ErrorPolicy, NoDataAction, NoDataPolicy,
};
pub use reasons::{AlertRuleReason, FiringReason};
pub use source::{AlertSource, ObjectTrouble, Probe, Signal, SignalMatch, SignalName, SqlSource};
pub use status::{Acknowledgement, Alert, AlertEvent, AlertEventType, AlertRuleStatus, AlertState};

/// On an AlertRule: a value that changes after it began to fire says who takes care of it, and why: `who: why`.
pub const ANNOTATION_ACKNOWLEDGE: &str = "ops.mobulace.com/acknowledge";

/// A condition on the live platform, which is asked at each interval.
#[allow(clippy::duplicated_attributes, reason = "each column repeats its keys")]
#[derive(Clone, CustomResource, Debug, Deserialize, KubeSchema, PartialEq, Serialize)]
#[kube(
    group = "ops.mobulace.com",
    version = "v1alpha1",
    kind = "AlertRule",
    namespaced,
    status = "AlertRuleStatus",
    derive = "PartialEq",
    shortname = "alert",
    category = "ace",
    doc = "AlertRule is one condition on the live platform. It is asked at each interval; `Firing` says whether something is wrong, and `Ready` whether that could be asked: an error resolves nothing. A changed value of the annotation `ops.mobulace.com/acknowledge` says who takes care of what fires.",
    selectable = ".spec.platformRef.name",
    printcolumn(name = "Severity", type_ = "string", json_path = ".status.severity"),
    printcolumn(name = "State", type_ = "string", json_path = ".status.state"),
    printcolumn(name = "Value", type_ = "string", json_path = ".status.value"),
    printcolumn(name = "Threshold", type_ = "string", json_path = ".status.threshold"),
    printcolumn(name = "Firing", type_ = "integer", json_path = ".status.firing"),
    printcolumn(name = "Since", type_ = "date", json_path = ".status.since"),
    printcolumn(name = "Ack", type_ = "string", json_path = ".status.acknowledged.by", priority = 1),
    printcolumn(name = "Series", type_ = "integer", json_path = ".status.series", priority = 1),
    printcolumn(name = "Source", type_ = "string", json_path = ".status.source", priority = 1),
    printcolumn(
        name = "Platform",
        type_ = "string",
        json_path = ".spec.platformRef.name",
        priority = 1
    )
)]
#[x_kube(
    validation = Rule::new("self.platformRef.name == oldSelf.platformRef.name")
        .message("`platformRef` is immutable: create another AlertRule for another platform")
        .field_path(".platformRef"),
    validation = Rule::new("self.interval.matches('^([0-9]{1,5}(h|m|s|ms)){1,4}$') && duration(self.interval) >= duration('15s') && duration(self.interval) <= duration('24h')")
        .message("`interval` must be between '15s' and '24h', such as '1m'")
        .field_path(".interval"),
    validation = Rule::new("!has(self.source.sql) || (self.source.sql.timeout.matches('^([0-9]{1,5}(h|m|s|ms)){1,4}$') && duration(self.source.sql.timeout) >= duration('100ms') && duration(self.source.sql.timeout) <= duration('30s'))")
        .message("`timeout` must be between '100ms' and '30s', such as '5s'")
        .field_path(".source.sql.timeout"),
    validation = Rule::new("!has(self.source.sql) || duration(self.source.sql.timeout) + duration(self.source.sql.timeout) + duration(self.source.sql.timeout) + duration(self.source.sql.timeout) <= duration(self.interval)")
        .message("`timeout` must be at most a quarter of `interval`: lower it, or ask less often")
        .field_path(".source.sql.timeout"),
    validation = Rule::new("!has(self.source.signal) || !has(self.source.signal.probe) || self.source.signal.probe.timeoutSeconds <= duration(self.interval).getSeconds()")
        .message("`timeoutSeconds` must not be longer than `interval`: lower it, or ask less often")
        .field_path(".source.signal.probe.timeoutSeconds"),
    validation = Rule::new("!has(self.condition) || !(has(self.condition.levels.error) || has(self.condition.levels.critical)) || has(self.runbookURL)")
        .message("`runbookURL` is required for levels `error` and `critical`: say what to do at night")
        .field_path(".runbookURL"),
    validation = Rule::new("!has(self.summary) || !has(self.source.sql) || self.summary.split('{labels.').size() - 1 == (has(self.source.sql.labels) ? self.source.sql.labels.map(label, self.summary.split('{labels.' + label + '}').size() - 1).sum() : 0)")
        .message("`summary` must name only labels that `source.sql.labels` has")
        .field_path(".summary"),
    validation = Rule::new("!has(self.summary) || !has(self.source.signal) || self.summary.split('{labels.').size() == self.summary.split(self.source.signal.name == 'ObjectCondition' ? '{labels.kind}' : self.source.signal.name == 'ProjectHealth' ? '{labels.service}' : self.source.signal.name == 'SecretAge' ? '{labels.secret}' : '{labels.function}').size()")
        .message("`summary` must name only labels that the signal has: `kind` of ObjectCondition, `service` of ProjectHealth, `secret` of SecretAge, `function` of the others")
        .field_path(".summary"),
    validation = Rule::new("!has(self.condition) || !has(self.source.signal) || !([has(self.condition.levels.info) && has(self.condition.levels.info.thresholdFrom), has(self.condition.levels.warning) && has(self.condition.levels.warning.thresholdFrom), has(self.condition.levels.error) && has(self.condition.levels.error.thresholdFrom), has(self.condition.levels.critical) && has(self.condition.levels.critical.thresholdFrom)].exists(one, one))")
        .message("`thresholdFrom` needs `source.sql`: a signal has no columns; write `threshold`")
        .field_path(".condition.levels")
)]
#[serde(rename_all = "camelCase")]
pub struct AlertRuleSpec {
    /// platformRef names the Platform, in the same namespace. Immutable.
    pub platform_ref: LocalReference,
    /// source is what is asked: exactly one of `sql` and `signal`.
    pub source: AlertSource,
    /// interval between two turns, between `15s` and `24h`. A turn that would be late by an interval is left out, and counted in the metric `ace_signal_turns_total`.
    #[serde(default = "AlertRuleSpec::default_interval")]
    pub interval: Duration,
    /// condition under which the rule fires. Without it the rule only measures: its values are in the metric `ace_signal`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub condition: Option<AlertCondition>,
    /// summary is the first line of each message. In single braces: `value`, `threshold`, `severity`, `since`, `rule`, `platform`, and each label as `labels.NAME`; numbers take `|percent`, `|bytes`, `|duration` or `|fixed2`. `{labels.brand}: {value} cards left`, for example.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 512))]
    #[x_kube(
        validation = Rule::new(r"!self.contains('{{') && !self.contains('$' + '{')").message(r"`summary` must have its names in single braces, such as '{labels.brand}': other programs replace '{{' and '$'+'{'"),
        validation = Rule::new(r"self.contains('{{') || self.contains('$' + '{') || self.matches('^([^{}]|[{](value|threshold)([|](percent|bytes|duration|fixed2))?[}]|[{](severity|since|rule|platform|labels[.][a-z_][a-z0-9_]*)[}])*$')").message("`summary` must have only these names in braces: value, threshold (both also with |percent, |bytes, |duration or |fixed2), severity, since, rule, platform, labels.NAME")
    )]
    pub summary: Option<String>,
    /// runbookURL says what to do. Required for the levels `error` and `critical`.
    #[serde(rename = "runbookURL", default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 512))]
    #[x_kube(validation = Rule::new("self.matches('^https?://[!-~]+$')").message("`runbookURL` must be a URL, such as 'https://docs.example.com/runbooks/gift-cards'"))]
    pub runbook_url: Option<String>,
    /// contacts of the Platform that each message names, at most four.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 4), inner(length(min = 1, max = 63)))]
    #[x_kube(merge_strategy = ListMerge::Set)]
    pub contacts: Vec<String>,
    /// notify names the NotificationChannels of the namespace that are told, at most eight. Absent: those of the namespace that are told by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 8), inner(length(min = 1, max = 253)))]
    #[x_kube(merge_strategy = ListMerge::Set)]
    pub notify: Option<Vec<String>>,
    /// suspend stops the turns: nothing is asked, and what fires goes on firing.
    #[serde(default)]
    pub suspend: bool,
}

impl AlertRuleSpec {
    fn default_interval() -> Duration {
        Duration::from_secs(60)
    }
}

/// How grave it is, and how soon somebody has to respond.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, JsonSchema, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// To be known; a response on the next business day.
    Info,
    /// To be looked at within two hours.
    Warning,
    /// To be looked at within 30 minutes.
    Error,
    /// To be looked at at once.
    Critical,
}

impl Severity {
    /// Every severity, the mildest first.
    pub const ALL: [Self; 4] = [Self::Info, Self::Warning, Self::Error, Self::Critical];

    /// The word in specs and statuses.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Error => "error",
            Self::Critical => "critical",
        }
    }

    /// The severity of this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|severity| severity.as_str() == name)
    }
}
