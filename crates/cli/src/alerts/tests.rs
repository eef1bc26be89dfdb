use ace_api::{AlertRule, Silence};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::Board;

const NOW: &str = "2026-11-23T12:00:00Z";

#[expect(clippy::needless_pass_by_value, reason = "it is written where it is passed")]
fn rule(name: &str, ready: &str, status: Value) -> AlertRule {
    let condition = json!({
        "type": "Ready", "status": ready, "reason": if ready == "True" { "Evaluated" } else { "QueryInvalid" },
        "message": "column \"x\" does not exist", "lastTransitionTime": NOW,
    });
    let mut object = json!({
        "metadata": { "name": name, "namespace": "ace", "labels": { "team": name } },
        "spec": { "platformRef": { "name": "prod" }, "source": { "sql": { "query": "select 0 as value" } } },
        "status": { "conditions": [condition] },
    });
    let fields = object["status"].as_object_mut().unwrap();
    fields.extend(status.as_object().unwrap().clone());
    serde_json::from_value(object).unwrap()
}

fn alert(state: &str, severity: &str, hour: u8, brand: &str) -> Value {
    json!({
        "fingerprint": brand, "state": state, "severity": severity, "since": format!("2026-11-23T{hour:02}:00:00Z"),
        "labels": { "brand": brand }, "value": "1",
    })
}

#[expect(clippy::needless_pass_by_value, reason = "it is written where it is passed")]
fn silence(spec: Value) -> Silence {
    let mut object = json!({ "metadata": { "name": "quiet", "namespace": "ace" }, "spec": { "reason": "OPS-12" } });
    object["spec"]
        .as_object_mut()
        .unwrap()
        .extend(spec.as_object().unwrap().clone());
    serde_json::from_value(object).unwrap()
}

fn board(rules: &[AlertRule], silences: &[Silence]) -> String {
    let now: Timestamp = NOW.parse().unwrap();
    Board::of(rules, silences, now).to_string()
}

#[test]
fn the_gravest_comes_first_then_what_fires_for_longest_and_what_is_only_pending_is_no_alert() {
    let rules = [
        rule("quiet", "True", json!({})),
        rule(
            "cards",
            "True",
            json!({
                "acknowledged": { "by": "ann: restocking", "time": NOW },
                "alerts": [alert("Firing", "error", 11, "Book"), alert("Held", "error", 9, "Tea"), alert("Pending", "critical", 8, "Toy")],
            }),
        ),
        rule(
            "sms",
            "True",
            json!({ "alerts": [alert("Firing", "critical", 11, "Twilio")] }),
        ),
    ];
    let silences = [
        silence(json!({
            "match": { "rules": ["cards"], "alertLabels": { "brand": "Tea" } },
            "from": "2026-11-23T11:00:00Z", "until": "2026-11-23T13:00:00Z",
        })),
        // Two that cover the same end with the later one.
        silence(json!({
            "match": { "severities": ["error"], "alertLabels": { "brand": "Tea" } },
            "from": "2026-11-23T11:00:00Z", "until": "2026-11-23T14:00:00Z",
        })),
        // Not yet.
        silence(json!({
            "match": { "rules": ["sms"] }, "from": "2026-11-23T13:00:00Z", "until": "2026-11-23T15:00:00Z",
        })),
    ];
    let expected = "\
SEVERITY  SINCE                 RULE   VALUE  STATE   ACKNOWLEDGED     SILENCED UNTIL        SERIES
critical  2026-11-23T11:00:00Z  sms    1      Firing  -                -                     brand Twilio
error     2026-11-23T09:00:00Z  cards  1      Held    ann: restocking  2026-11-23T14:00:00Z  brand Tea
error     2026-11-23T11:00:00Z  cards  1      Firing  ann: restocking  -                     brand Book

alerts firing: 3; rules not answered: 0, quiet: 1, suspended: 0
";
    assert_eq!(board(&rules, &silences), expected);
}

#[test]
fn a_rule_that_is_not_answered_is_not_taken_for_a_quiet_one() {
    let mut suspended = rule("old", "False", json!({}));
    suspended.spec.suspend = true;
    let mut new = rule("new", "True", json!({}));
    new.status = None;
    let rules = [rule("broken", "False", json!({})), suspended, new];
    let expected = "\
NOT ANSWERED  REASON        MESSAGE
broken        QueryInvalid  column \"x\" does not exist
new

alerts firing: 0; rules not answered: 2, quiet: 0, suspended: 1
";
    assert_eq!(board(&rules, &[]), expected);
}
