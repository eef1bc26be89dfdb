//! What is told of alerts, and when.

use std::time::Duration;

use ace_api::Severity;
use serde_json::json;

use super::{
    super::Neighbour,
    Failure,
    fixture::{Case, new},
};
use crate::reconcile::fixture::at;

const HOUR: i64 = 3_600;
const NONE: [&str; 0] = [];

/// A channel that collects nothing, by rules.
fn prompt() -> Case {
    new("pagerDuty", &json!({"groupWait": "0s"}))
}

#[test]
fn what_fires_is_told_once_again_while_it_lasts_and_once_when_it_is_over() {
    let mut case = new("pagerDuty", &json!({}));
    case.until(100);
    case.fires("cards", "a", Severity::Critical);
    case.until(129);
    assert_eq!(case.told(), NONE, "they are collected");
    case.until(130 + 8 * HOUR);
    assert_eq!(
        case.told(),
        [
            "130 Trigger cards critical 1",
            "14530 Repeat cards critical 1",
            "28930 Repeat cards critical 1"
        ]
    );
    assert_eq!(
        (case.memo.open, case.shown()),
        (Some(1), "Ready=True/Accepted".to_owned())
    );
    case.second += 60;
    case.clears("cards", "a");
    let over = case.second;
    case.until(over + HOUR);
    assert_eq!(case.told(), [format!("{} Resolve cards critical 0", 28_930 + 300)]);
    assert_eq!((case.memo.open, case.memo.groups.len()), (Some(0), 0));
    case.until(over + 24 * HOUR);
    assert_eq!(case.told(), NONE);
}

#[test]
fn what_is_over_before_it_was_told_is_never_told() {
    let mut case = new("pagerDuty", &json!({}));
    case.fires("cards", "a", Severity::Critical);
    case.until(29);
    case.clears("cards", "a");
    case.until(HOUR);
    assert_eq!(case.told(), NONE);
}

#[test]
fn what_is_graver_is_told_at_once_more_of_the_same_after_a_while_and_less_not_at_all() {
    let mut case = prompt();
    case.fires("cards", "a", Severity::Warning);
    case.until(10);
    case.fires("cards", "b", Severity::Warning);
    case.until(20);
    case.fires("cards", "b", Severity::Critical);
    case.until(30);
    case.fires("cards", "c", Severity::Warning);
    case.until(HOUR);
    case.clears("cards", "b");
    case.until(2 * HOUR);
    assert_eq!(
        case.told(),
        [
            "0 Trigger cards warning 1",
            "20 Update cards critical 2",
            "320 Update cards critical 3"
        ]
    );
    let told = case.memo.groups[0].told.clone().unwrap();
    assert_eq!((told.firing, told.severity), (2, Severity::Warning));
    // One left and one came.
    case.clears("cards", "c");
    case.fires("cards", "d", Severity::Warning);
    case.until(3 * HOUR);
    assert_eq!(case.told(), ["7200 Update cards warning 2"]);
}

#[test]
fn a_rule_tells_the_channels_that_it_names_or_else_the_default_ones_and_each_its_severities() {
    for (spec, notify, severity, is_told) in [
        (json!({}), None, Severity::Info, true),
        (json!({"default": false}), None, Severity::Info, false),
        (json!({"default": false}), Some("ops"), Severity::Info, true),
        (json!({}), Some("others"), Severity::Info, false),
        (
            json!({"severities": ["error", "critical"]}),
            None,
            Severity::Warning,
            false,
        ),
        (
            json!({"severities": ["error", "critical"]}),
            None,
            Severity::Critical,
            true,
        ),
    ] {
        let mut case = new("pagerDuty", &spec);
        case.fires("cards", "a", severity);
        case.rule("cards").notify = notify.map(|name: &str| vec![name.to_owned()]);
        case.until(HOUR);
        assert_eq!(!case.told().is_empty(), is_told, "{spec} {notify:?} {severity:?}");
    }
}

#[test]
fn alerts_share_a_message_by_what_group_by_names() {
    for (receiver, spec, expected) in [
        ("pagerDuty", json!({}), vec!["cards critical 2", "sms warning 1"]),
        (
            "slack",
            json!({}),
            vec!["prod critical critical 2", "prod warning warning 1"],
        ),
        ("webhook", json!({"groupBy": ["team"]}), vec!["rewards critical 3"]),
        (
            "slack",
            json!({"groupBy": ["brand"]}),
            vec!["a critical 2", "b critical 1"],
        ),
        ("slack", json!({"groupBy": ["nowhere"]}), vec!["others critical 3"]),
    ] {
        let mut case = new(receiver, &spec);
        case.fires("cards", "a", Severity::Critical);
        case.fires("cards", "b", Severity::Critical);
        case.fires("sms", "a", Severity::Warning);
        case.until(30);
        let mut told = case.told();
        told.sort_unstable();
        let expected: Vec<String> = expected.iter().map(|line| format!("30 Trigger {line}")).collect();
        assert_eq!(told, expected, "{receiver} {spec}");
    }
}

#[test]
fn who_takes_care_of_it_is_left_alone_until_it_is_over() {
    for (unless, repeated) in [("Acknowledged", false), ("Never", true)] {
        let mut case = new("pagerDuty", &json!({"groupWait": "0s", "unless": unless}));
        case.fires("cards", "a", Severity::Critical);
        case.until(60);
        case.rule("cards").is_acknowledged = true;
        case.until(6 * HOUR);
        let told = case.told();
        assert_eq!(told.len() == 2, repeated, "{told:?}");
        case.clears("cards", "a");
        case.until(7 * HOUR);
        assert_eq!(case.told(), ["21600 Resolve cards critical 0"]);
    }
    let mut lead = new("pagerDuty", &json!({"after": "30m", "groupWait": "0s"}));
    lead.fires("cards", "a", Severity::Critical);
    lead.until(60);
    lead.rule("cards").is_acknowledged = true;
    lead.until(HOUR);
    lead.clears("cards", "a");
    lead.until(2 * HOUR);
    assert_eq!(lead.told(), NONE);
}

#[test]
fn an_escalation_comes_after_its_time_or_at_once_where_those_before_do_not_deliver() {
    let first = |unready: Option<i64>| Neighbour {
        name: "on-call".to_owned(),
        is_default: true,
        severities: vec![Severity::Critical],
        after: Duration::ZERO,
        unready: unready.map(at),
    };
    for (unready, severity, expected) in [
        (None, Severity::Critical, "1800 Trigger cards critical 1"),
        (Some(100), Severity::Critical, "400 Trigger cards critical 1"),
        (Some(-3_600), Severity::Critical, "0 Trigger cards critical 1"),
        (Some(1_700), Severity::Critical, "1800 Trigger cards critical 1"),
        // It is not told of warnings.
        (Some(100), Severity::Warning, "1800 Trigger cards warning 1"),
    ] {
        let mut lead = new("pagerDuty", &json!({"after": "30m", "groupWait": "0s"}));
        lead.channels = vec![first(unready)];
        lead.fires("cards", "a", severity);
        lead.until(HOUR);
        assert_eq!(lead.told(), [expected], "{unready:?}");
    }
}

#[test]
fn what_is_silenced_is_told_when_the_silence_ends_and_what_is_over_at_once() {
    let rules = json!({"rules": ["cards"]});
    let mut case = prompt();
    case.silenced(&rules, 0, HOUR);
    case.fires("cards", "a", Severity::Critical);
    case.fires("sms", "a", Severity::Critical);
    case.until(2 * HOUR);
    assert_eq!(
        case.told(),
        ["0 Trigger sms critical 1", "3600 Trigger cards critical 1"]
    );

    // It was told before: it stays open, is not repeated, and is told again at the end.
    case.silenced(&rules, 2 * HOUR, 8 * HOUR);
    case.until(9 * HOUR);
    let cards: Vec<String> = case.told().into_iter().filter(|line| line.contains("cards")).collect();
    assert_eq!(cards, ["28800 Update cards critical 1"]);

    case.silenced(&rules, 9 * HOUR, 12 * HOUR);
    case.until(10 * HOUR);
    case.clears("cards", "a");
    case.until(11 * HOUR);
    let cards: Vec<String> = case.told().into_iter().filter(|line| line.contains("cards")).collect();
    assert_eq!(cards, ["36000 Resolve cards critical 0"]);
}

#[test]
fn a_storm_of_a_thousand_alerts_is_21_messages_and_21_when_it_is_over() {
    let mut case = prompt();
    for number in 0..1_000 {
        case.fires(&format!("rule-{number:03}"), "a", Severity::Error);
    }
    case.until(2 * HOUR);
    let told = case.told();
    assert_eq!(told.len(), 21, "{told:#?}");
    assert_eq!(told[20], "0 Trigger overflow error 980");
    assert_eq!(case.memo.groups.len(), 21);
    // The room that one leaves is not taken by one that was told already.
    case.clears("rule-000", "a");
    case.until(3 * HOUR);
    assert_eq!(case.told(), ["7200 Resolve rule-000 error 0"]);
    for rule in &mut case.rules {
        rule.alerts.clear();
    }
    case.until(4 * HOUR);
    let told = case.told();
    assert_eq!(told.len(), 20, "{told:#?}");
    assert!(told.iter().all(|line| line.contains(" Resolve ")), "{told:#?}");
    assert_eq!(case.memo.groups, []);
}

#[test]
fn the_gravest_have_a_group_of_their_own_and_the_others_share_one() {
    let mut case = new("pagerDuty", &json!({"groupWait": "0s", "maxGroups": 1}));
    case.fires("mild", "a", Severity::Info);
    case.fires("grave", "a", Severity::Critical);
    case.until(60);
    assert_eq!(case.told(), ["0 Trigger grave critical 1", "0 Trigger overflow info 1"]);
}

#[test]
fn whoever_wants_no_end_gets_none() {
    let mut case = new("pagerDuty", &json!({"groupWait": "0s", "sendResolved": false}));
    case.fires("cards", "a", Severity::Critical);
    case.until(60);
    case.clears("cards", "a");
    case.until(HOUR);
    assert_eq!(
        (case.told(), case.memo.groups.len()),
        (vec!["0 Trigger cards critical 1".to_owned()], 0)
    );
}

#[test]
fn the_longest_status_has_12_kib() {
    let mut case = new("pagerDuty", &json!({"groupWait": "0s", "maxGroups": 40}));
    for number in 0..100 {
        case.fires(&format!("{number:02}-{}", "x".repeat(60)), "a", Severity::Critical);
    }
    // The helper measures every status that is written.
    case.until(60);
    case.outcomes = vec![Failure::Refused; 60];
    for number in 0..100 {
        case.fires(&format!("{number:02}-{}", "x".repeat(60)), "b", Severity::Critical);
    }
    case.until(HOUR);
    assert_eq!(case.memo.groups.len(), 41);
    assert!(
        case.memo
            .groups
            .iter()
            .all(|group| group.refused.is_some() && group.told.is_some())
    );
}

#[test]
fn while_nothing_changes_nothing_is_written() {
    let mut case = new("slack", &json!({}));
    case.silenced(&json!({"rules": ["sms"]}), 0, 20 * HOUR);
    case.fires("cards", "a", Severity::Critical);
    case.fires("sms", "a", Severity::Critical);
    case.until(HOUR);
    let writes = case.writes;
    for second in 0..100 {
        case.until(HOUR + second * 60);
    }
    assert_eq!(case.writes, writes);
}
