use ace_api::{ANNOTATION_RECONCILE_AT, ConditionType, FiringReason, KindEntry};
use serde_json::json;

use super::super::{Channel, Kind, PlatformState, decide, events, number, reader_missing, status};
use super::fixture::{Case, cards, changed, platform, row};
use crate::reconcile::{
    fixture::{at, does_not_differ_when_only_the_clock_moved, is_not_finished_when_new},
    kind::Kind as _,
};

#[test]
fn a_rule_that_fires_says_so_and_is_ready_all_the_same() {
    let case = cards().asks(11, &[row("Book Harbour", 0.0), row("Tea", 50.0)]);
    assert_eq!(case.conditions(), ["Ready=True/Evaluated", "Firing=True/Breached"]);
    let fires = "brand Book Harbour: 0 < 2, critical; response at once";
    assert_eq!(case.message(ConditionType::Firing), fires);
    assert_eq!(
        case.message(ConditionType::Ready),
        format!("asked every 1m: 2 series, 1 firing: {fires}")
    );
    let shown = serde_json::to_value(&case.status).unwrap();
    assert_eq!(
        json!([
            shown["state"],
            shown["severity"],
            shown["value"],
            shown["threshold"],
            shown["since"],
            shown["series"],
            shown["firing"]
        ]),
        json!(["Firing", "critical", "0", "2", at(660).to_string(), 2, 1])
    );
    assert_eq!(
        shown["alerts"],
        json!([{
            "fingerprint": row("Book Harbour", 0.0).fingerprint(), "state": "Firing", "severity": "critical",
            "since": at(660).to_string(), "labels": { "brand": "Book Harbour" }, "value": "0", "threshold": "2",
        }])
    );
}

#[test]
fn a_new_rule_is_not_finished_and_one_that_was_not_asked_waits() {
    is_not_finished_when_new::<Kind>(&cards().object);
    let case = cards().passes();
    assert_eq!(
        case.conditions(),
        [
            "Ready=False/Evaluating",
            "Reconciling=True/Evaluating",
            "Firing=Unknown/NotCompared"
        ]
    );
    assert_eq!(case.says(), "Unknown - 0");
}

#[test]
fn an_edit_is_answered_by_the_next_turn() {
    let case = cards()
        .asks(1, &[row("Book", 50.0)])
        .edited(|spec| spec["condition"]["for"] = json!("1m"))
        .passes();
    assert_eq!(
        (case.conditions()[0].as_str(), case.says().as_str()),
        ("Ready=False/Evaluating", "Inactive - 0")
    );
    assert_eq!(
        case.asks(1, &[row("Book", 50.0)]).conditions(),
        ["Ready=True/Evaluated", "Firing=False/Inactive"]
    );
}

#[test]
fn a_look_that_is_asked_for_is_handled_by_the_next_turn() {
    let mut case = cards().asks(1, &[row("Book", 50.0)]);
    case.object.metadata.annotations = Some([(ANNOTATION_RECONCILE_AT.to_owned(), "now".to_owned())].into());
    let case = case.passes();
    assert_eq!(case.status.common.last_handled_reconcile_at, None);
    let case = case.asks(1, &[row("Book", 50.0)]);
    assert_eq!(case.status.common.last_handled_reconcile_at.as_deref(), Some("now"));
}

#[test]
fn what_keeps_a_rule_from_being_asked_or_heard_is_told_by_name() {
    let quiet = || cards().asks(1, &[row("Book", 50.0)]);
    let table: Vec<(Case, &str, &str)> = vec![
        (
            Case {
                platform: PlatformState::Absent,
                ..quiet()
            },
            "Ready=False/WaitingForPlatform",
            "`prod`",
        ),
        (
            Case {
                platform: PlatformState::Present(super::super::Platform {
                    obstacle: Some(reader_missing()),
                    ..platform()
                }),
                ..quiet()
            },
            "Ready=False/ReaderMissing",
            "CREATE ROLE ace_reader",
        ),
        (
            quiet()
                .edited(|spec| spec["contacts"] = json!(["devops", "twilio"]))
                .asks(1, &[row("Book", 50.0)]),
            "Ready=False/ContactUnknown",
            "contact `twilio`",
        ),
        (
            Case {
                channels: Vec::new(),
                ..quiet()
            },
            "Ready=False/WaitingForChannel",
            "`on-call`",
        ),
        (
            quiet()
                .edited(|spec| spec["notify"] = serde_json::Value::Null)
                .asks(1, &[row("Book", 50.0)]),
            "Ready=False/NobodyTold",
            "`default: true`",
        ),
        (quiet().fails(1), "Ready=False/QueryFailed", "longer than 5s"),
    ];
    for (case, reason, says) in table {
        let case = case.passes();
        assert_eq!(case.conditions()[0], reason);
        let message = case.message(ConditionType::Ready);
        assert!(message.contains(says), "{message}");
    }
    let mut by_default = changed(|spec| spec["notify"] = serde_json::Value::Null);
    by_default.channels = vec![Channel {
        name: "ops".to_owned(),
        is_default: true,
        handled: None,
    }];
    assert_eq!(
        by_default.asks(1, &[row("Book", 50.0)]).conditions()[0],
        "Ready=True/Evaluated"
    );
}

#[test]
fn a_rule_that_was_not_asked_for_three_intervals_is_not_known_to_be_quiet() {
    let quiet = cards().asks(1, &[row("Book", 50.0)]);
    let firing = cards().asks(11, &[row("Book", 0.0)]);
    for (case, says, fires) in [
        (quiet, "Unknown - 0", "Firing=False/Inactive"),
        (firing, "Firing critical 1", "Firing=True/Breached"),
    ] {
        let now = at(case.second + 181);
        let mut state = case.state();
        state.followed = at(0);
        let decision = decide(&case.object, &state, now);
        let lost = Case {
            status: status(&case.object, &state, &decision, now),
            ..case
        };
        assert_eq!(
            lost.conditions(),
            ["Ready=Unknown/NotObserved", "Reconciling=True/NotObserved", fires]
        );
        assert_eq!(lost.says(), says);
    }
}

#[test]
fn while_suspended_what_fires_goes_on_firing() {
    let mut case = cards().asks(11, &[row("Book", 0.0)]);
    case.object.spec.suspend = true;
    let case = case.passes();
    assert_eq!(
        case.conditions(),
        [
            "Ready=True/Evaluated",
            "Suspended=True/SuspendedByUser",
            "Firing=True/Breached"
        ]
    );
    assert_eq!(case.says(), "Suspended critical 1");
}

#[test]
fn a_value_that_moves_is_written_every_five_minutes_and_while_all_is_well_not_at_all() {
    let mut case = cards().asks(11, &[row("Book", 9.0)]);
    let mut written = 0;
    for minute in 0..60_u8 {
        let before = case.status.clone();
        case = case.asks(1, &[row("Book", f64::from(minute % 7) + 2.0)]);
        written += usize::from(case.status != before);
    }
    assert!((8..=12).contains(&written), "{written}");
    let mut case = cards().asks(1, &[row("Book", 50.0)]);
    let before = case.status.clone();
    for minute in 0..60_u8 {
        case = case.asks(1, &[row("Book", f64::from(minute) + 50.0)]);
    }
    assert_eq!(case.status, before);
}

#[test]
fn a_wait_is_written_down_four_times_and_no_more() {
    let mut case = changed(|spec| spec["condition"]["for"] = json!("60m")).asks(1, &[row("Book", 9.0)]);
    let mut written = 0;
    for _ in 0..59 {
        let before = case.status.clone();
        case = case.asks(1, &[row("Book", 9.0)]);
        written += usize::from(case.status != before);
    }
    assert_eq!((case.says().as_str(), written), ("Pending error 0", 3));
}

#[test]
fn a_status_does_not_differ_when_only_the_clock_moved() {
    for case in [
        cards().passes(),
        cards().asks(11, &[row("Book", 0.0)]),
        cards().fails(1),
    ] {
        let mut state = case.state();
        let now = at(case.second);
        let decision = decide(&case.object, &state, now);
        does_not_differ_when_only_the_clock_moved::<Kind>(&case.object, &mut state, &decision, now);
    }
}

#[test]
fn fifty_series_with_the_longest_labels_fit_into_a_status() {
    let case = changed(|spec| {
        spec["condition"]["for"] = json!("0s");
        spec["condition"]["operator"] = json!("GreaterThan");
        spec["condition"]["levels"] = json!({ "critical": { "threshold": "1" } });
    });
    let long = |number: usize| super::super::Row {
        labels: (0..8)
            .map(|label| {
                (
                    format!("{label}{}", "l".repeat(62)),
                    format!("{number:02}{}", "界".repeat(62)),
                )
            })
            .collect(),
        ..row("", f64::MAX)
    };
    let rows: Vec<_> = (0..50).map(long).collect();
    let case = case.asks(1, &rows);
    assert_eq!((case.status.alerts.len(), case.status.firing), (50, Some(50)));
    assert!(!case.status.alerts[0].labels.is_empty());
}

#[test]
fn what_becomes_of_a_rule_is_told_as_an_event() {
    let quiet = cards().asks(1, &[row("Book", 50.0)]);
    let firing = quiet.clone().asks(11, &[row("Book", 0.0)]);
    let clear = firing.clone().asks(31, &[row("Book", 50.0)]);
    let told = |before: &Case, after: &Case| -> Vec<String> {
        let told = events(&before.status, &after.status);
        told.iter()
            .map(|event| format!("{} {}", event.reason, event.note))
            .collect()
    };
    assert_eq!(
        told(&quiet, &firing),
        ["Fired 1 series began to fire, critical: brand Book: 0 < 2, critical; response at once"]
    );
    assert_eq!(told(&firing, &clear), ["Resolved 1 series clear, critical before"]);
    assert_eq!(told(&firing, &firing), Vec::<String>::new());
    let refused = clear.clone().answers(
        60,
        &Err(super::super::Cause::new(
            ace_api::AlertRuleReason::QueryInvalid,
            "line 1: …",
        )),
    );
    assert_eq!(told(&clear, &refused), ["QueryInvalid line 1: …"]);
}

#[test]
fn numbers_are_short() {
    for (value, expected) in [
        (0.0, "0"),
        (-0.5, "-0.5"),
        (1e6, "1000000"),
        (0.1 + 0.2, "0.30000000000000004"),
        (1e300, "1e300"),
        (f64::MIN_POSITIVE, "2.2250738585072014e-308"),
    ] {
        assert_eq!(number(value), expected);
        assert!(number(value).len() <= 32);
    }
}

#[test]
fn every_reason_of_firing_is_one_that_a_rule_can_have() {
    let listed = KindEntry::named("AlertRule").unwrap().reasons_of("Firing");
    let used = [
        FiringReason::Breached,
        FiringReason::Held,
        FiringReason::Flapping,
        FiringReason::NoData,
        FiringReason::Error,
        FiringReason::Pending,
        FiringReason::Inactive,
        FiringReason::Measured,
        FiringReason::NotCompared,
    ];
    let names: Vec<&str> = used.iter().map(|reason| ace_api::Reason::as_str(*reason)).collect();
    let listed: Vec<&str> = listed
        .iter()
        .map(|reason| reason.name)
        .filter(|name| *name != "StatusRefused")
        .collect();
    assert_eq!(names, listed);
}

#[test]
fn a_rule_is_enqueued_for_its_platform_and_for_the_channels_of_its_namespace() {
    let references: Vec<String> = Kind::references(&cards().object)
        .iter()
        .map(|one| format!("{one:?}"))
        .collect();
    assert_eq!(
        references,
        [
            r#"Platform(Key { namespace: "ace", name: "prod" })"#,
            r#"ChannelNames("ace")"#
        ]
    );
}
