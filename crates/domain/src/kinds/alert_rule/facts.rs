//! What others depend on of a rule: the channels that tell of it, and the silences that cover it.

use std::collections::BTreeSet;

use ace_api::{Alert, AlertRule};
use kube::ResourceExt;
use sha2::{Digest, Sha256};

use crate::reconcile::{
    dependency::{Dependency, Fact, Facts},
    key::Key,
};

pub(super) fn facts(object: &AlertRule) -> Facts {
    let namespace = Key::of(object).namespace;
    let names = serde_json::to_string(object.labels()).unwrap_or_default();
    vec![
        (Dependency::Alerts(namespace.clone()), Fact::is(alerts(object))),
        (Dependency::RuleNames(namespace), Fact::is(names)),
    ]
}

/// What fires, and who is told of it; nothing where nothing fires.
fn alerts(object: &AlertRule) -> String {
    let Some(status) = &object.status else {
        return String::new();
    };
    let fires = status.alerts.iter().filter(|alert| alert.state.fires());
    let fires: Vec<_> = fires
        .map(|alert| (&alert.fingerprint, alert.severity, alert.since))
        .collect();
    if fires.is_empty() {
        return String::new();
    }
    let told = (object.labels(), &object.spec.notify, status.acknowledged.is_some());
    serde_json::to_string(&(told, fires)).unwrap_or_default()
}

/// Identifies what fires of a rule.
pub fn firing_digest<'a>(alerts: impl IntoIterator<Item = &'a Alert>) -> String {
    let firing = alerts.into_iter().filter(|alert| alert.state.fires());
    let firing: BTreeSet<_> = firing.map(|alert| (&alert.fingerprint, alert.since)).collect();
    let mut hash = Sha256::new();
    for (fingerprint, since) in firing {
        hash.update(format!("{fingerprint} {since}\n"));
    }
    hex::encode(hash.finalize()).chars().take(16).collect()
}

#[cfg(test)]
mod tests {
    use ace_api::AlertRule;
    use serde_json::{Value, json};

    use super::facts;
    use crate::reconcile::dependency::{Dependency, Fact};

    fn rule(change: impl FnOnce(&mut Value)) -> AlertRule {
        let mut object = json!({
            "metadata": {"name": "cards", "namespace": "ace", "labels": {"team": "rewards"}},
            "spec": {"platformRef": {"name": "prod"}, "source": {"sql": {"query": "select 0 as value"}}},
            "status": {"alerts": [
                {"fingerprint": "a", "state": "Firing", "severity": "error", "since": "2026-11-23T10:14:00Z", "value": "1"},
                {"fingerprint": "b", "state": "Pending", "severity": "error", "since": "2026-11-23T10:14:00Z"},
            ]},
        });
        change(&mut object);
        serde_json::from_value(object).unwrap()
    }

    fn told(change: impl FnOnce(&mut Value)) -> [Fact; 2] {
        let facts = facts(&rule(change));
        let names: Vec<&Dependency> = facts.iter().map(|(dependency, _)| dependency).collect();
        let (alerts, rules) = (
            Dependency::Alerts("ace".to_owned()),
            Dependency::RuleNames("ace".to_owned()),
        );
        assert_eq!(names, [&alerts, &rules]);
        [facts[0].1.clone(), facts[1].1.clone()]
    }

    #[test]
    fn who_tells_of_a_rule_is_woken_by_what_is_told_and_by_nothing_else() {
        let before = told(|_| ());
        let same = told(|rule| {
            rule["status"]["alerts"][0]["value"] = json!("2");
            rule["status"]["alerts"][1]["severity"] = json!("critical");
            rule["status"]["state"] = json!("Firing");
        });
        assert_eq!(same, before);
        for change in [
            |rule: &mut Value| rule["status"]["alerts"][1]["state"] = json!("Held"),
            |rule: &mut Value| rule["status"]["alerts"][0]["severity"] = json!("critical"),
            |rule: &mut Value| rule["status"]["alerts"] = json!([]),
            |rule: &mut Value| rule["spec"]["notify"] = json!(["on-call"]),
            |rule: &mut Value| {
                rule["status"]["acknowledged"] = json!({"by": "ann: restocking", "time": "2026-11-23T10:20:00Z"});
            },
        ] {
            let [alerts, names] = told(change);
            assert_ne!(alerts, before[0]);
            assert_eq!(names, before[1], "no silence is woken by what fires");
        }
        let labels = |rule: &mut Value| rule["metadata"]["labels"] = json!({"team": "messaging"});
        assert_ne!(told(labels)[1], before[1]);
        let rests = |rule: &mut Value| rule["status"] = Value::Null;
        assert_eq!(told(rests)[0], Fact::is(""));
    }
}
