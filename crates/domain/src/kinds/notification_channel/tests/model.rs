//! Random walks of rules, receivers and clocks, against what a receiver may believe.

use std::collections::BTreeMap;
use std::time::Duration;

use ace_api::{DeliveryType, Severity};
use proptest::{
    collection::vec,
    prelude::{Just, Strategy, prop_oneof, proptest},
    test_runner::Config,
};
use serde_json::json;

use super::{
    Failure,
    fixture::{Case, Sent, new},
};

#[derive(Clone, Debug)]
enum Event {
    Fires(usize, usize, Severity),
    Clears(usize, usize),
    Acknowledges(usize, bool),
    Silences(usize, i64),
    Fails(Failure),
    Restarts,
    Passes(i64),
}

const RULES: [&str; 3] = ["cards", "sms", "web"];
const SERIES: [&str; 3] = ["a", "b", "c"];
const REPEAT: i64 = 4 * 3_600;

fn event() -> impl Strategy<Value = Event> {
    let severity = prop_oneof![Just(Severity::Warning), Just(Severity::Critical)];
    let failure = prop_oneof![
        Just(Failure::Unknown),
        Just(Failure::Refused),
        Just(Failure::Passing(None)),
        Just(Failure::Passing(Some(Duration::from_secs(700)))),
    ];
    prop_oneof![
        4 => (0..3_usize, 0..3_usize, severity).prop_map(|(rule, series, severity)| Event::Fires(rule, series, severity)),
        3 => (0..3_usize, 0..3_usize).prop_map(|(rule, series)| Event::Clears(rule, series)),
        1 => (0..3_usize, proptest::bool::ANY).prop_map(|(rule, is)| Event::Acknowledges(rule, is)),
        1 => (0..3_usize, 1..20_000_i64).prop_map(|(rule, length)| Event::Silences(rule, length)),
        2 => failure.prop_map(Event::Fails),
        1 => Just(Event::Restarts),
        4 => (1..9_000_i64).prop_map(Event::Passes),
    ]
}

fn happen(case: &mut Case, event: &Event) {
    match event {
        Event::Fires(rule, series, severity) => case.fires(RULES[*rule], SERIES[*series], *severity),
        Event::Clears(rule, series) => case.clears(RULES[*rule], SERIES[*series]),
        Event::Acknowledges(rule, is) => case.rule(RULES[*rule]).is_acknowledged = *is,
        Event::Silences(rule, length) => {
            let (from, until) = (case.second, case.second + length);
            case.silenced(&json!({"rules": [RULES[*rule]]}), from, until);
        }
        Event::Fails(failure) => case.outcomes.push(*failure),
        Event::Restarts => case.restarts(),
        Event::Passes(seconds) => {
            let until = case.second + seconds;
            case.until(until);
        }
    }
}

/// What the receiver may have of a group, and what it was told last.
#[derive(Default)]
struct Believed {
    may_be_open: bool,
    accepted: Option<Sent>,
}

fn check(sent: &[Sent]) {
    let mut groups: BTreeMap<&str, Believed> = BTreeMap::new();
    for (index, one) in sent.iter().enumerate() {
        let group = groups.entry(&one.key).or_default();
        if one.type_ == DeliveryType::Resolve {
            assert!(group.may_be_open, "resolved before it was triggered: {one:?}");
            if one.accepted {
                *group = Believed::default();
            }
            continue;
        }
        if let Some(last) = &group.accepted {
            let again = one.second - last.second;
            let is_news = one.digest != last.digest;
            assert!(
                is_news || (one.type_ == DeliveryType::Repeat && again >= REPEAT) || one.type_ == DeliveryType::Update,
                "told again without a change: {one:?} after {last:?}"
            );
        }
        let before = sent[..index].iter().rev().find(|earlier| earlier.key == one.key);
        if let Some(before) = before.filter(|before| !before.accepted) {
            let is_same = (before.type_, &before.digest, before.since) == (one.type_, &one.digest, one.since);
            if is_same {
                assert_eq!(before.id, one.id, "a repetition has another key");
            }
        }
        group.may_be_open = true;
        if one.accepted {
            group.accepted = Some(one.clone());
        }
    }
}

proptest! {
    #![proptest_config(Config { failure_persistence: None, cases: 128, ..Config::default() })]
    #[test]
    fn nothing_is_resolved_before_it_was_told_nothing_told_without_a_change_and_all_is_told_in_the_end(
        events in vec(event(), 1..40),
        receiver in prop_oneof![Just("slack"), Just("pagerDuty"), Just("platformTable")],
    ) {
        let mut case = new(receiver, &json!({"groupBy": ["rule"], "maxGroups": 2}));
        for event in &events {
            happen(&mut case, event);
        }
        // The receiver takes everything now, and whoever looked away looks again.
        case.outcomes.clear();
        case.silences.clear();
        for rule in &mut case.rules {
            rule.is_acknowledged = false;
        }
        case.object.metadata.generation = Some(2);
        let end = case.second + 2 * REPEAT;
        case.until(end);
        let fires = case.rules.iter().any(|rule| !rule.alerts.is_empty());
        assert_eq!(case.memo.open.unwrap_or_default() > 0, fires);
        assert!(case.memo.groups.iter().all(|group| group.refused.is_none() && group.told.is_some()), "{:#?}", case.memo);
        let told: i32 = case.memo.groups.iter().filter_map(|group| group.told.as_ref()).map(|told| told.firing).sum();
        let firing: usize = case.rules.iter().map(|rule| rule.alerts.len()).sum();
        assert_eq!(usize::try_from(told).unwrap(), firing, "everything that fires was told");
        for rule in &mut case.rules {
            rule.alerts.clear();
        }
        let end = case.second + REPEAT;
        case.until(end);
        assert!(case.memo.groups.is_empty() && case.memo.intent.is_none(), "{:#?}", case.memo);
        check(&case.sent);
    }
}
