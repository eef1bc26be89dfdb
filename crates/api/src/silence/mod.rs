//! `Silence`: what is not told for a while. This file is what the user writes; `status` is what the operator answers.

mod reasons;
mod status;

use std::collections::BTreeMap;

use jiff::Timestamp;
use kube::{CustomResource, KubeSchema};
use serde::{Deserialize, Serialize};

use crate::{Duration, Severity, common::status::time};

pub use reasons::SilenceReason;
pub use status::{SilenceState, SilenceStatus};

/// What is not told for a while: once, or by a schedule.
#[allow(clippy::duplicated_attributes, reason = "each column repeats its keys")]
#[derive(Clone, CustomResource, Debug, Deserialize, KubeSchema, PartialEq, Serialize)]
#[kube(
    group = "ops.mobulace.com",
    version = "v1alpha1",
    kind = "Silence",
    namespaced,
    status = "SilenceStatus",
    derive = "PartialEq",
    shortname = "quiet",
    category = "ace",
    doc = "Silence is what is not told for a while, once or by a schedule. Rules are asked all the same; what still fires when it ends is told then. That something is over is told in any case.",
    printcolumn(name = "State", type_ = "string", json_path = ".status.state"),
    printcolumn(name = "Until", type_ = "string", json_path = ".status.until"),
    printcolumn(name = "Rules", type_ = "integer", json_path = ".status.rules"),
    printcolumn(name = "For", type_ = "string", json_path = ".spec.reason", priority = 1)
)]
#[x_kube(
    validation = Rule::new("has(self.until) != has(self.schedule)")
        .message("exactly one of `until` and `schedule` must be set: once, or again and again"),
    validation = Rule::new("!has(self.from) || has(self.until)")
        .message("`from` needs `until`: a schedule says itself when it begins")
        .field_path(".from"),
    validation = Rule::new("!has(self.from) || !has(self.until) || (self.from < self.until && self.until - self.from <= duration('720h'))")
        .message("`until` must be after `from`, and at most 30 days")
        .field_path(".until")
)]
#[serde(rename_all = "camelCase")]
pub struct SilenceSpec {
    /// match says which alerts: everything that it names must agree.
    #[serde(rename = "match")]
    pub matching: SilenceMatch,
    /// from is when it begins; without it, when the object was created.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "time", length(max = 64))]
    pub from: Option<Timestamp>,
    /// until is when it ends, at most 30 days after it began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "time", length(max = 64))]
    pub until: Option<Timestamp>,
    /// schedule of a silence that comes again and again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schedule: Option<SilenceSchedule>,
    /// reason why nobody needs to hear of it.
    #[schemars(length(min = 1, max = 256))]
    pub reason: String,
}

/// Which alerts: everything that is named must agree.
#[derive(Clone, Debug, Default, Deserialize, Eq, KubeSchema, PartialEq, Serialize)]
#[x_kube(
    validation = Rule::new("has(self.rules) || has(self.severities) || has(self.ruleLabels) || has(self.alertLabels)")
        .message("`match` must have at least one of `rules`, `severities`, `ruleLabels` and `alertLabels`: to stop a whole channel, suspend it")
)]
#[serde(rename_all = "camelCase")]
pub struct SilenceMatch {
    /// rules by their names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 64), inner(length(min = 1, max = 253)))]
    #[x_kube(merge_strategy = ListMerge::Set)]
    pub rules: Option<Vec<String>>,
    /// severities of the alerts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 4))]
    #[x_kube(merge_strategy = ListMerge::Set)]
    pub severities: Option<Vec<Severity>>,
    /// ruleLabels that the rule's object has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 16))]
    pub rule_labels: Option<BTreeMap<String, String>>,
    /// alertLabels that the series has. Of a rule with more than ten alerts only the ten gravest can be known by them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 8))]
    pub alert_labels: Option<BTreeMap<String, String>>,
}

/// A silence that comes again and again.
#[derive(Clone, Debug, Deserialize, Eq, KubeSchema, PartialEq, Serialize)]
#[x_kube(
    validation = Rule::new("!self.cron.contains('=')")
        .message("`cron` must not hold a time zone: write that into `timeZone`, such as 'Europe/Berlin'")
        .field_path(".cron"),
    validation = Rule::new("self.cron.contains('=') || self.cron.startsWith('@') || self.cron.split(' ').filter(field, field != '').size() == 5")
        .message("`cron` must have five fields (minute, hour, day of the month, month, day of the week), such as '0 2 * * SUN', or be a name such as '@daily'")
        .field_path(".cron"),
    validation = Rule::new("self.duration.matches('^([0-9]{1,5}(h|m|s|ms)){1,4}$') && duration(self.duration) >= duration('1m') && duration(self.duration) <= duration('24h')")
        .message("`duration` must be between '1m' and '24h', such as '2h'")
        .field_path(".duration")
)]
#[serde(rename_all = "camelCase")]
pub struct SilenceSchedule {
    /// cron says when it begins: five fields (minute, hour, day of the month, month, day of the week), or a name such as `@daily`. A time of the day that the clock skips is made up for right behind the gap, and one that it shows twice counts once.
    #[schemars(length(min = 1, max = 64))]
    pub cron: String,
    /// timeZone of the schedule: a name of the IANA database. Zones are built in.
    #[serde(default = "SilenceSchedule::default_time_zone")]
    #[schemars(length(max = 64))]
    #[x_kube(validation = Rule::new("self.matches('^[A-Za-z][A-Za-z0-9+_/-]*$')").message("`timeZone` must be a name of the IANA database, such as 'Europe/Berlin'"))]
    pub time_zone: String,
    /// duration of each silence, between `1m` and `24h`, whatever the clock is set to meanwhile.
    pub duration: Duration,
}

impl SilenceSchedule {
    fn default_time_zone() -> String {
        "Etc/UTC".to_owned()
    }
}
