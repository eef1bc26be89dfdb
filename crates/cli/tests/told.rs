//! `kubectl ace ack`, `silence` and `notify-test`: what they print is what a person would write.
#![cfg(test)]

mod support;

use ace_api::{Severity, Silence};
use serde_json::Value;
use support::{printed, run};

#[test]
fn an_acknowledgement_says_who_and_why_and_is_another_one_each_time() {
    let text = printed(&["ack", "gift-cards", "--by=ann", "--why=restocking: now", "-n=ace"]);
    let object: Value = serde_yaml::from_str(&text).unwrap();
    assert_eq!(
        (&object["kind"], &object["metadata"]["namespace"]),
        (&"AlertRule".into(), &"ace".into())
    );
    assert_eq!(object["spec"], Value::Null);
    let value = object["metadata"]["annotations"]["ops.mobulace.com/acknowledge"]
        .as_str()
        .unwrap();
    let time = value
        .strip_prefix("ann: restocking: now (")
        .and_then(|rest| rest.strip_suffix(')'));
    assert!(time.unwrap().parse::<jiff::Timestamp>().is_ok(), "{value}");
}

#[test]
fn a_test_message_is_asked_for_by_the_time() {
    let object: Value = serde_yaml::from_str(&printed(&["notify-test", "on-call"])).unwrap();
    assert_eq!(
        (&object["kind"], &object["metadata"]["name"]),
        (&"NotificationChannel".into(), &"on-call".into())
    );
    let value = object["metadata"]["annotations"]["ops.mobulace.com/test-at"]
        .as_str()
        .unwrap();
    assert!(value.parse::<jiff::Timestamp>().is_ok(), "{value}");
}

#[test]
fn a_silence_begins_now_and_lasts_as_long_as_it_says() {
    let arguments = [
        "silence",
        "maintenance",
        "--for=2h30m",
        "--reason=OPS-12",
        "--rule=sms",
        "--rule=web",
        "--severity=warning",
        "--rule-label=team=messaging",
        "--alert-label=brand=Book Harbour = 1",
    ];
    let silence: Silence = serde_yaml::from_str(&printed(&arguments)).unwrap();
    let spec = silence.spec;
    let length = spec.until.unwrap().duration_since(spec.from.unwrap());
    assert_eq!((length.as_secs(), spec.reason.as_str()), (9_000, "OPS-12"));
    let matching = spec.matching;
    assert_eq!(matching.rules.unwrap(), ["sms", "web"]);
    assert_eq!(matching.severities.unwrap(), [Severity::Warning]);
    assert_eq!(matching.rule_labels.unwrap()["team"], "messaging");
    assert_eq!(matching.alert_labels.unwrap()["brand"], "Book Harbour = 1");
}

#[test]
fn what_is_missing_or_wrong_is_said() {
    for (arguments, says) in [
        (&["silence", "all", "--for=1h", "--reason=quiet"][..], "--rule"),
        (
            &["silence", "all", "--for=long", "--reason=quiet", "--rule=a"],
            "not a duration",
        ),
        (
            &["silence", "all", "--for=1h", "--reason=quiet", "--severity=grave"],
            "possible values: info, warning, error, critical",
        ),
        (
            &["silence", "all", "--for=1h", "--reason=quiet", "--rule-label=team"],
            "it must be NAME=VALUE",
        ),
        (&["ack", "gift-cards", "--by=ann"], "--why"),
        (&["notify-test", "On Call"], "it must be an object's name"),
    ] {
        let (code, stdout, stderr) = run(arguments);
        assert_eq!((code, stdout.as_str()), (Some(1), ""), "{arguments:?}");
        assert!(stderr.contains(says), "{stderr}");
    }
}
