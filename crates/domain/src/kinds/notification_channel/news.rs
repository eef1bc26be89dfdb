//! What a message says.

use std::collections::BTreeSet;

use ace_api::{Contact, DeliveryType, NotificationChannel, Severity};
use jiff::Timestamp;
use kube::ResourceExt;

use super::{
    groups::Group,
    rules::{Firing, Rule},
    summary::{Values, summary},
};

/// Alerts that a message names.
const NAMED: usize = 10;

/// Runbooks, contacts and Platforms that a message names.
const LISTED: usize = 8;

/// What a message says, besides what its intent has.
#[derive(Clone, Debug, PartialEq)]
pub struct News {
    pub type_: DeliveryType,
    pub group: String,
    /// Names of Platforms.
    pub source: String,
    /// How soon somebody is expected to act, in words.
    pub response: String,
    /// The gravest ones, at most ten.
    pub alerts: Vec<Line>,
    pub runbooks: Vec<String>,
    pub contacts: Vec<Contact>,
    /// What shows more.
    pub command: String,
}

/// One alert.
#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    pub rule: String,
    pub severity: Severity,
    pub summary: String,
    pub value: Option<String>,
    pub threshold: Option<String>,
    pub since: Timestamp,
    pub labels: Vec<(String, String)>,
}

pub(super) fn news(object: &NotificationChannel, type_: DeliveryType, group: &Group) -> News {
    let told = group.told();
    let rules: Vec<&Rule> = told.iter().map(|one| one.rule).collect();
    let gravest = told.first().map(|one| (one.rule, one.alert.severity));
    let names: BTreeSet<&str> = rules.iter().map(|rule| rule.name.as_str()).collect();
    let platforms = distinct(rules.iter().map(|rule| rule.platform.clone()));
    let namespace = object.namespace().unwrap_or_default();
    let mut only = names.iter().take(2);
    let command = match (only.next(), only.next()) {
        (Some(name), None) => format!("kubectl --namespace {namespace} describe alertrule {name}"),
        _ => format!("kubectl --namespace {namespace} get alertrules"),
    };
    News {
        type_,
        group: group.name.clone(),
        source: if platforms.is_empty() {
            namespace
        } else {
            platforms.join(", ")
        },
        response: gravest
            .and_then(|(rule, severity)| rule.responses.get(&severity).cloned())
            .unwrap_or_default(),
        alerts: told.iter().take(NAMED).map(|one| line(one)).collect(),
        runbooks: distinct(rules.iter().filter_map(|rule| rule.runbook.clone())),
        contacts: distinct(rules.iter().flat_map(|rule| rule.contacts.iter().cloned())),
        command,
    }
}

/// What a message about one alert alone says.
pub(super) fn of_one(object: &NotificationChannel, one: &Firing) -> News {
    let alone = Group {
        key: String::new(),
        name: one.rule.name.clone(),
        firing: vec![one.clone()],
        is_exact: true,
    };
    news(object, DeliveryType::Trigger, &alone)
}

fn distinct<T: PartialEq>(all: impl Iterator<Item = T>) -> Vec<T> {
    let mut distinct = Vec::new();
    for one in all {
        if distinct.len() < LISTED && !distinct.contains(&one) {
            distinct.push(one);
        }
    }
    distinct
}

fn line(one: &Firing) -> Line {
    let (rule, alert) = (one.rule, one.alert);
    let label = |name: &str| alert.labels.get(name).map(String::as_str);
    let values = Values {
        value: alert.value.as_deref(),
        threshold: alert.threshold.as_deref(),
        severity: alert.severity,
        since: alert.since.to_string(),
        rule: &rule.name,
        platform: &rule.platform,
        label: &label,
    };
    Line {
        rule: rule.name.clone(),
        severity: alert.severity,
        summary: rule
            .summary
            .as_ref()
            .map(|template| summary(template, &values))
            .unwrap_or_default(),
        value: alert.value.clone(),
        threshold: alert.threshold.clone(),
        since: alert.since,
        labels: alert.labels.clone().into_iter().collect(),
    }
}
