//! What a channel has to know of the rules of its namespace, and of the other channels.

use std::{collections::BTreeMap, time::Duration};

use ace_api::{Alert, AlertRule, ConditionType, Contact, NotificationChannel, Platform, Severity, Unless};
use jiff::Timestamp;
use kube::ResourceExt;

use super::State;
use crate::{
    kinds::{alert_rule::response, silence::Quiet},
    reconcile::{annotations::is_leaving, dependency::Fact},
};

/// A rule, and what of it fires.
#[derive(Clone, Debug, PartialEq)]
pub struct Rule {
    pub name: String,
    pub uid: String,
    pub platform: String,
    pub labels: BTreeMap<String, String>,
    /// The channels that it names.
    pub notify: Option<Vec<String>>,
    pub summary: Option<String>,
    pub runbook: Option<String>,
    pub contacts: Vec<Contact>,
    /// How soon somebody has to respond, in words that follow "response".
    pub responses: BTreeMap<Severity, String>,
    pub is_acknowledged: bool,
    /// Those that fire or are held.
    pub alerts: Vec<Alert>,
}

impl Rule {
    /// A rule, with the contacts of its Platform that it names.
    pub fn of(object: &AlertRule, platform: Option<&Platform>) -> Self {
        let (spec, status) = (&object.spec, object.status.as_ref());
        let fires = |alert: &&Alert| alert.state.fires();
        let known = platform.map_or(&[][..], |platform| &platform.spec.contacts);
        let named = known.iter().filter(|contact| spec.contacts.contains(&contact.name));
        let words = |severity| {
            let condition = spec.condition.as_ref()?;
            let words = response(condition, severity);
            let words = words.strip_prefix("response ").unwrap_or(&words);
            Some((severity, words.to_owned()))
        };
        Self {
            name: object.name_any(),
            uid: object.uid().unwrap_or_default(),
            platform: spec.platform_ref.name.clone(),
            labels: object.labels().clone(),
            notify: spec.notify.clone(),
            summary: spec.summary.clone(),
            runbook: spec.runbook_url.clone(),
            contacts: named.cloned().collect(),
            responses: Severity::ALL.into_iter().filter_map(words).collect(),
            is_acknowledged: status.is_some_and(|status| status.acknowledged.is_some()),
            alerts: status
                .into_iter()
                .flat_map(|status| &status.alerts)
                .filter(fires)
                .cloned()
                .collect(),
        }
    }

    fn tells(&self, channel: &str, is_default: bool) -> bool {
        match &self.notify {
            Some(named) => named.iter().any(|name| name == channel),
            None => is_default,
        }
    }
}

/// Another channel of the namespace, or this one: whether it delivers.
#[derive(Clone, Debug, PartialEq)]
pub struct Neighbour {
    pub name: String,
    pub is_default: bool,
    pub severities: Vec<Severity>,
    /// Not scaled.
    pub after: Duration,
    /// Since when it has not been Ready; nothing while it is suspended.
    pub unready: Option<Timestamp>,
}

impl Neighbour {
    pub fn of(object: &NotificationChannel) -> Self {
        let conditions = object
            .status
            .as_ref()
            .map_or(&[][..], |status| &status.common.conditions);
        let is_silent = object.spec.suspend || is_leaving(object);
        let ready = ConditionType::Ready
            .of(conditions)
            .filter(|ready| !is_silent && ready.status != "True");
        Self {
            name: object.name_any(),
            is_default: object.spec.default,
            severities: object.spec.severities.clone(),
            after: object.spec.after.get(),
            unready: ready.map(|ready| ready.last_transition_time.0),
        }
    }
}

/// What other channels depend on of a channel.
pub fn channel_fact(object: &NotificationChannel) -> Fact {
    Fact::is(format!("{:?}", Neighbour::of(object)))
}

/// One alert that fires, as a channel sees it.
#[derive(Clone, Debug)]
pub(super) struct Firing<'a> {
    pub rule: &'a Rule,
    pub alert: &'a Alert,
    /// When it has fired long enough for this channel.
    pub ripe: Timestamp,
    /// It is to be told: it is ripe, not silenced, and nobody has acknowledged it.
    pub is_told: bool,
}

/// What fires and is this channel's business, and when that changes by the clock alone.
pub(super) fn firing<'a>(
    object: &NotificationChannel,
    state: &'a State,
    now: Timestamp,
) -> (Vec<Firing<'a>>, Option<Timestamp>) {
    let (name, spec) = (object.name_any(), &object.spec);
    let rules = state.rules.iter().filter(|rule| rule.tells(&name, spec.default));
    let alerts = rules.flat_map(|rule| rule.alerts.iter().map(move |alert| (rule, alert)));
    let alerts = alerts.filter(|(_, alert)| spec.severities.contains(&alert.severity));
    let firing: Vec<Firing> = alerts
        .map(|(rule, alert)| {
            let ripe = ripe(object, state, rule, alert);
            let is_quiet = |quiet: &Quiet| quiet.covers(&rule.name, &rule.labels, (alert.severity, &alert.labels), now);
            let is_page = spec.platform_table.is_some();
            let is_held_back = rule.is_acknowledged && spec.unless == Unless::Acknowledged && !is_page;
            Firing {
                rule,
                alert,
                ripe,
                is_told: ripe <= now && !is_held_back && !state.silences.iter().any(is_quiet),
            }
        })
        .collect();
    let ripen = firing.iter().map(|one| one.ripe).filter(|ripe| now < *ripe);
    let turns = state.silences.iter().filter_map(|quiet| quiet.turns(now));
    let turns = turns.filter(|_| !firing.is_empty());
    let next = ripen.chain(turns).min();
    (firing, next)
}

/// When an alert has fired long enough: at once where those who are told before do not deliver.
fn ripe(object: &NotificationChannel, state: &State, rule: &Rule, alert: &Alert) -> Timestamp {
    let timing = state.timing;
    let after = object.spec.after.get();
    let own = alert.since + timing.interval(after);
    let before = state.channels.iter().filter(|other| {
        other.after < after && other.severities.contains(&alert.severity) && rule.tells(&other.name, other.is_default)
    });
    let failing = before.filter_map(|other| {
        let silent = other.unready? + timing.undelivered();
        Some(silent.max(alert.since + timing.interval(other.after)))
    });
    failing.chain([own]).min().unwrap_or(own)
}

#[cfg(test)]
mod tests {
    use ace_api::{AlertRule, Platform, Severity};
    use serde_json::json;

    use super::Rule;

    #[test]
    fn of_a_rule_is_told_what_fires_or_is_held_with_its_own_times_and_contacts() {
        let alert = |fingerprint: &str, state: &str| json!({"fingerprint": fingerprint, "state": state, "severity": "error", "since": "2026-11-23T10:14:00Z"});
        let object = json!({
            "metadata": {"name": "cards", "namespace": "ace", "uid": "u"},
            "spec": {
                "platformRef": {"name": "prod"}, "source": {"sql": {"query": "select 0 as value"}}, "contacts": ["devops"],
                "condition": {"operator": "LessThan", "levels": {"error": {"threshold": "1", "response": "1h"}}},
            },
            "status": {"alerts": [alert("a", "Firing"), alert("b", "Held"), alert("c", "Pending")]},
        });
        let contact = |name: &str| json!({"name": name, "address": format!("mailto:{name}@example.com")});
        let platform = json!({
            "metadata": {"name": "prod", "namespace": "ace"},
            "spec": {
                "project": "abcdefghijklmnopqrst", "api": {"tokenSecretRef": {"name": "supabase", "key": "token"}},
                "contacts": [contact("devops"), contact("support")],
            },
        });
        let (object, platform): (AlertRule, Platform) = (
            serde_json::from_value(object).unwrap(),
            serde_json::from_value(platform).unwrap(),
        );
        let rule = Rule::of(&object, Some(&platform));
        let fires: Vec<&str> = rule.alerts.iter().map(|alert| alert.fingerprint.as_str()).collect();
        assert_eq!(fires, ["a", "b"]);
        let contacts: Vec<&str> = rule.contacts.iter().map(|contact| contact.name.as_str()).collect();
        assert_eq!(contacts, ["devops"]);
        let response = |severity| rule.responses.get(&severity).map(String::as_str);
        assert_eq!(
            (response(Severity::Error), response(Severity::Critical)),
            (Some("within 1h"), Some("at once"))
        );
        assert_eq!(Rule::of(&object, None).contacts, []);
    }
}
