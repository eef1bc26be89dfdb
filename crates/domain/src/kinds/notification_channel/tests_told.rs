//! What is told of alerts, and when.

use std::time::Duration;

use ace_api::{ANNOTATION_TEST_AT, DeliveryType, Severity};
use serde_json::json;

use super::{
    Failure, Neighbour,
    world::{World, world},
};
use crate::reconcile::fixture::at;

const HOUR: i64 = 3_600;
const BUSY: Failure = Failure::Passing(None);
const NONE: [&str; 0] = [];

/// A channel that collects nothing, by rules.
fn prompt() -> World {
    world("pagerDuty", &json!({"groupWait": "0s"}))
}

#[test]
fn what_fires_is_told_once_again_while_it_lasts_and_once_when_it_is_over() {
    let mut world = world("pagerDuty", &json!({}));
    world.until(100);
    world.fires("cards", "a", Severity::Critical);
    world.until(129);
    assert_eq!(world.told(), NONE, "they are collected");
    world.until(130 + 8 * HOUR);
    assert_eq!(
        world.told(),
        [
            "130 Trigger cards critical 1",
            "14530 Repeat cards critical 1",
            "28930 Repeat cards critical 1"
        ]
    );
    assert_eq!(
        (world.memo.open, world.shown()),
        (Some(1), "Ready=True/Accepted".to_owned())
    );
    world.second += 60;
    world.clears("cards", "a");
    let over = world.second;
    world.until(over + HOUR);
    assert_eq!(world.told(), [format!("{} Resolve cards critical 0", 28_930 + 300)]);
    assert_eq!((world.memo.open, world.memo.groups.len()), (Some(0), 0));
    world.until(over + 24 * HOUR);
    assert_eq!(world.told(), NONE);
}

#[test]
fn what_is_over_before_it_was_told_is_never_told() {
    let mut world = world("pagerDuty", &json!({}));
    world.fires("cards", "a", Severity::Critical);
    world.until(29);
    world.clears("cards", "a");
    world.until(HOUR);
    assert_eq!(world.told(), NONE);
}

#[test]
fn what_is_graver_is_told_at_once_more_of_the_same_after_a_while_and_less_not_at_all() {
    let mut world = prompt();
    world.fires("cards", "a", Severity::Warning);
    world.until(10);
    world.fires("cards", "b", Severity::Warning);
    world.until(20);
    world.fires("cards", "b", Severity::Critical);
    world.until(30);
    world.fires("cards", "c", Severity::Warning);
    world.until(HOUR);
    world.clears("cards", "b");
    world.until(2 * HOUR);
    assert_eq!(
        world.told(),
        [
            "0 Trigger cards warning 1",
            "20 Update cards critical 2",
            "320 Update cards critical 3"
        ]
    );
    let told = world.memo.groups[0].told.clone().unwrap();
    assert_eq!((told.firing, told.severity), (2, Severity::Warning));
    // One left and one came.
    world.clears("cards", "c");
    world.fires("cards", "d", Severity::Warning);
    world.until(3 * HOUR);
    assert_eq!(world.told(), ["7200 Update cards warning 2"]);
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
        let mut world = world("pagerDuty", &spec);
        world.fires("cards", "a", severity);
        world.rule("cards").notify = notify.map(|name: &str| vec![name.to_owned()]);
        world.until(HOUR);
        assert_eq!(!world.told().is_empty(), is_told, "{spec} {notify:?} {severity:?}");
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
        let mut world = world(receiver, &spec);
        world.fires("cards", "a", Severity::Critical);
        world.fires("cards", "b", Severity::Critical);
        world.fires("sms", "a", Severity::Warning);
        world.until(30);
        let mut told = world.told();
        told.sort_unstable();
        let expected: Vec<String> = expected.iter().map(|line| format!("30 Trigger {line}")).collect();
        assert_eq!(told, expected, "{receiver} {spec}");
    }
}

#[test]
fn who_takes_care_of_it_is_left_alone_until_it_is_over() {
    for (unless, repeated) in [("Acknowledged", false), ("Never", true)] {
        let mut world = world("pagerDuty", &json!({"groupWait": "0s", "unless": unless}));
        world.fires("cards", "a", Severity::Critical);
        world.until(60);
        world.rule("cards").is_acknowledged = true;
        world.until(6 * HOUR);
        let told = world.told();
        assert_eq!(told.len() == 2, repeated, "{told:?}");
        world.clears("cards", "a");
        world.until(7 * HOUR);
        assert_eq!(world.told(), ["21600 Resolve cards critical 0"]);
    }
    let mut lead = world("pagerDuty", &json!({"after": "30m", "groupWait": "0s"}));
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
        let mut lead = world("pagerDuty", &json!({"after": "30m", "groupWait": "0s"}));
        lead.channels = vec![first(unready)];
        lead.fires("cards", "a", severity);
        lead.until(HOUR);
        assert_eq!(lead.told(), [expected], "{unready:?}");
    }
}

#[test]
fn what_is_silenced_is_told_when_the_silence_ends_and_what_is_over_at_once() {
    let rules = json!({"rules": ["cards"]});
    let mut world = prompt();
    world.silenced(&rules, 0, HOUR);
    world.fires("cards", "a", Severity::Critical);
    world.fires("sms", "a", Severity::Critical);
    world.until(2 * HOUR);
    assert_eq!(
        world.told(),
        ["0 Trigger sms critical 1", "3600 Trigger cards critical 1"]
    );

    // It was told before: it stays open, is not repeated, and is told again at the end.
    world.silenced(&rules, 2 * HOUR, 8 * HOUR);
    world.until(9 * HOUR);
    let cards: Vec<String> = world.told().into_iter().filter(|line| line.contains("cards")).collect();
    assert_eq!(cards, ["28800 Update cards critical 1"]);

    world.silenced(&rules, 9 * HOUR, 12 * HOUR);
    world.until(10 * HOUR);
    world.clears("cards", "a");
    world.until(11 * HOUR);
    let cards: Vec<String> = world.told().into_iter().filter(|line| line.contains("cards")).collect();
    assert_eq!(cards, ["36000 Resolve cards critical 0"]);
}

#[test]
fn a_storm_of_a_thousand_alerts_is_21_messages_and_21_when_it_is_over() {
    let mut world = prompt();
    for number in 0..1_000 {
        world.fires(&format!("rule-{number:03}"), "a", Severity::Error);
    }
    world.until(2 * HOUR);
    let told = world.told();
    assert_eq!(told.len(), 21, "{told:#?}");
    assert_eq!(told[20], "0 Trigger overflow error 980");
    assert_eq!(world.memo.groups.len(), 21);
    // The room that one leaves is not taken by one that was told already.
    world.clears("rule-000", "a");
    world.until(3 * HOUR);
    assert_eq!(world.told(), ["7200 Resolve rule-000 error 0"]);
    for rule in &mut world.rules {
        rule.alerts.clear();
    }
    world.until(4 * HOUR);
    let told = world.told();
    assert_eq!(told.len(), 20, "{told:#?}");
    assert!(told.iter().all(|line| line.contains(" Resolve ")), "{told:#?}");
    assert_eq!(world.memo.groups, []);
}

#[test]
fn the_gravest_have_a_group_of_their_own_and_the_others_share_one() {
    let mut world = world("pagerDuty", &json!({"groupWait": "0s", "maxGroups": 1}));
    world.fires("mild", "a", Severity::Info);
    world.fires("grave", "a", Severity::Critical);
    world.until(60);
    assert_eq!(
        world.told(),
        ["0 Trigger grave critical 1", "0 Trigger overflow info 1"]
    );
}

#[test]
fn a_message_is_tried_until_it_arrives_and_has_one_id() {
    let mut world = prompt();
    world.outcomes = vec![BUSY, Failure::Unknown, Failure::Passing(Some(Duration::from_mins(10)))];
    world.fires("cards", "a", Severity::Critical);
    world.until(10);
    assert_eq!(world.shown(), "Reconciling=True/Retrying");
    world.until(HOUR);
    let times: Vec<i64> = world.sent.iter().map(|sent| sent.second).collect();
    assert_eq!(times, [0, 15, 45, 645]);
    assert!(
        world.sent.windows(2).all(|two| two[0].id == two[1].id),
        "{:#?}",
        world.sent
    );
    let repeated: Vec<bool> = world.sent.iter().map(|sent| sent.may_have_arrived).collect();
    assert_eq!(repeated, [false, false, true, true]);
    assert_eq!(
        (world.memo.intent.clone(), world.shown()),
        (None, "Ready=True/Accepted".to_owned())
    );
    // Another message has another id.
    let id = world.sent[0].id.clone();
    world.fires("cards", "b", Severity::Critical);
    world.until(2 * HOUR);
    assert_ne!(world.sent.last().unwrap().id, id);
}

#[test]
fn the_end_of_what_may_have_arrived_is_told_and_of_what_has_not_is_not() {
    for (failure, expected) in [(Failure::Unknown, vec!["60 Resolve cards critical 0"]), (BUSY, vec![])] {
        let mut world = prompt();
        world.outcomes = vec![failure; 2];
        world.fires("cards", "a", Severity::Critical);
        world.until(20);
        world.second = 60;
        world.clears("cards", "a");
        world.told();
        world.until(HOUR);
        let told: Vec<String> = world.told();
        let severity = |line: &str| line.replace("info", "critical");
        assert_eq!(
            told.iter().map(|line| severity(line)).collect::<Vec<_>>(),
            expected,
            "{failure:?}"
        );
        assert_eq!((world.memo.groups.len(), world.memo.intent.clone()), (0, None));
    }
}

#[test]
fn a_message_that_is_refused_is_not_sent_again_unchanged() {
    let refused = || {
        let mut world = prompt();
        world.outcomes = vec![Failure::Refused];
        world.fires("cards", "a", Severity::Critical);
        world.until(6 * HOUR);
        assert_eq!(world.told(), ["0 Trigger cards critical 1"]);
        assert_eq!(world.shown(), "Stalled=True/Refused");
        world
    };
    // Others are told.
    let mut world = refused();
    world.fires("sms", "a", Severity::Critical);
    world.until(7 * HOUR);
    assert_eq!(world.told(), ["21600 Trigger sms critical 1"]);
    assert_eq!(
        world.shown(),
        "Stalled=True/Refused",
        "somebody has to act on the first one"
    );
    // So is what has changed.
    world.fires("cards", "b", Severity::Critical);
    world.until(8 * HOUR);
    assert_eq!(world.told(), ["25200 Trigger cards critical 2"]);
    assert_eq!(world.shown(), "Ready=True/Accepted");
    // A changed spec, or a test message that arrives.
    let mut world = refused();
    world.object.metadata.generation = Some(2);
    world.until(7 * HOUR);
    assert_eq!(world.told(), ["21600 Trigger cards critical 1"]);
    let mut world = refused();
    world.object.metadata.annotations = Some([(ANNOTATION_TEST_AT.to_owned(), "1".to_owned())].into());
    world.until(7 * HOUR);
    assert_eq!(world.told(), ["21600 Trigger cards critical 1"]);
    // It is over, and nobody knew of it.
    let mut world = refused();
    world.clears("cards", "a");
    world.until(7 * HOUR);
    assert_eq!((world.told(), world.memo.groups.len()), (vec![], 0));
}

#[test]
fn another_process_tells_nothing_again_and_finishes_what_was_announced_under_its_id() {
    let mut world = prompt();
    world.fires("cards", "a", Severity::Critical);
    world.until(60);
    world.restarts();
    world.until(HOUR);
    assert_eq!(world.told(), ["0 Trigger cards critical 1"]);
    // It ended after a message was announced.
    world.outcomes = vec![Failure::Unknown];
    world.fires("cards", "b", Severity::Critical);
    world.until(HOUR + 1);
    let first = world.sent[0].clone();
    let intent = world.memo.intent.as_mut().unwrap();
    intent.delivery.result = ace_api::DeliveryResult::Sending;
    (intent.retry_time, intent.may_have_arrived) = (None, false);
    world.restarts();
    world.until(2 * HOUR);
    let again = world.sent.last().unwrap();
    assert_eq!(
        (&again.id, again.type_, again.may_have_arrived),
        (&first.id, DeliveryType::Update, true)
    );
    assert_eq!(world.sent.len(), 2);
}

#[test]
fn nothing_is_over_while_a_rule_can_not_be_read() {
    let mut world = prompt();
    world.fires("cards", "a", Severity::Critical);
    world.until(60);
    world.told();
    world.clears("cards", "a");
    world.are_rules_known = false;
    world.until(HOUR);
    assert_eq!((world.told(), world.memo.open), (vec![], Some(1)));
    world.are_rules_known = true;
    world.until(HOUR + 1);
    assert_eq!(world.told(), ["3600 Resolve cards critical 0"]);
}

#[test]
fn whoever_wants_no_end_gets_none() {
    let mut world = world("pagerDuty", &json!({"groupWait": "0s", "sendResolved": false}));
    world.fires("cards", "a", Severity::Critical);
    world.until(60);
    world.clears("cards", "a");
    world.until(HOUR);
    assert_eq!(
        (world.told(), world.memo.groups.len()),
        (vec!["0 Trigger cards critical 1".to_owned()], 0)
    );
}

#[test]
fn the_longest_status_has_12_kib() {
    let mut world = world("pagerDuty", &json!({"groupWait": "0s", "maxGroups": 40}));
    for number in 0..100 {
        world.fires(&format!("{number:02}-{}", "x".repeat(60)), "a", Severity::Critical);
    }
    // The helper measures every status that is written.
    world.until(60);
    world.outcomes = vec![Failure::Refused; 60];
    for number in 0..100 {
        world.fires(&format!("{number:02}-{}", "x".repeat(60)), "b", Severity::Critical);
    }
    world.until(HOUR);
    assert_eq!(world.memo.groups.len(), 41);
    assert!(
        world
            .memo
            .groups
            .iter()
            .all(|group| group.refused.is_some() && group.told.is_some())
    );
}

#[test]
fn while_nothing_changes_nothing_is_written() {
    let mut world = world("slack", &json!({}));
    world.silenced(&json!({"rules": ["sms"]}), 0, 20 * HOUR);
    world.fires("cards", "a", Severity::Critical);
    world.fires("sms", "a", Severity::Critical);
    world.until(HOUR);
    let writes = world.writes;
    for second in 0..100 {
        world.until(HOUR + second * 60);
    }
    assert_eq!(world.writes, writes);
}
