use std::time::Duration;

use ace_api::{AlertRule, ObjectTrouble, SignalMatch};
use ace_domain::{
    kinds::{alert_rule::Row, edge_function, platform},
    reconcile::{kind::Kind, timing::Timing},
};
use ace_runtime::index::{Dependents, ObjectId};
use jiff::{SignedDuration, Timestamp};
use kube::{
    core::DeserializeGuard,
    runtime::{reflector, watcher},
};
use serde_json::{Value, json};

use super::{
    Objects,
    rules::{Rules, Turn},
};
use ace_domain::reconcile::key::Key;

const START: Timestamp = Timestamp::constant(1_800_000_000, 0);

fn at(seconds: i64) -> Timestamp {
    START + SignedDuration::from_secs(seconds)
}

/// A rule that is asked every minute, and fires at once below 10.
fn rule(name: &str, uid: &str) -> AlertRule {
    let object = json!({
        "metadata": { "name": name, "namespace": "ace", "uid": uid, "generation": 1 },
        "spec": {
            "platformRef": { "name": "prod" },
            "source": { "sql": { "query": "select 1 as value" } },
            "condition": { "operator": "LessThan", "levels": { "warning": { "threshold": "10" } }, "for": "0s" },
        },
    });
    serde_json::from_value(object).unwrap()
}

fn value(value: f64) -> Vec<Row> {
    vec![Row {
        value: Some(value),
        ..Row::default()
    }]
}

struct Bench {
    rules: Rules,
    object: AlertRule,
}

impl Bench {
    fn new() -> Self {
        let mut bench = Self {
            rules: Rules::new(Timing::default()),
            object: rule("cards", "u1"),
        };
        bench.follow(0);
        bench
    }

    fn follow(&mut self, second: i64) {
        self.rules.follow(&self.object, true, at(second));
    }

    /// When the rule is due next, in seconds.
    fn due(&self) -> Option<Duration> {
        Some(self.rules.wait(START)).filter(|wait| *wait < Duration::from_hours(1))
    }

    fn turn(&mut self, second: i64) -> Option<Turn> {
        let mut turns = self.rules.take(at(second));
        assert!(turns.len() <= 1);
        turns.pop()
    }

    /// A turn that is due then, with this value; true if its status would differ.
    fn asks(&mut self, second: i64, found: f64) -> bool {
        let turn = self.turn(second).unwrap();
        self.rules.answered(&turn, &Ok(value(found)), None, at(second))
    }
}

#[test]
fn the_first_turn_comes_within_an_interval_always_at_the_same_part_of_it() {
    let due = |uid: &str| {
        let mut rules = Rules::new(Timing::default());
        rules.follow(&rule("cards", uid), true, START);
        rules.wait(START)
    };
    let all: Vec<Duration> = (0..200).map(|number| due(&format!("uid-{number}"))).collect();
    assert!(all.iter().all(|wait| *wait < Duration::from_mins(1)));
    let distinct: std::collections::BTreeSet<&Duration> = all.iter().collect();
    assert!(distinct.len() > 50, "{}", distinct.len());
    assert_eq!(due("uid-7"), due("uid-7"));
}

#[test]
fn a_rule_has_one_turn_at_a_time_and_the_next_one_in_its_own_rhythm() {
    let mut bench = Bench::new();
    let first = bench.due().unwrap();
    let second = i64::try_from(first.as_secs()).unwrap() + 1;
    let turn = bench.turn(second).unwrap();
    assert!(bench.turn(second + 600).is_none(), "one is under way");
    bench.rules.answered(&turn, &Ok(value(50.0)), None, at(second + 20));
    assert_eq!(bench.due(), Some(first + Duration::from_mins(1)));
}

#[test]
fn turns_that_have_passed_are_not_made_up_for() {
    let mut bench = Bench::new();
    let first = bench.due().unwrap();
    let late = i64::try_from(first.as_secs()).unwrap() + 200;
    let turn = bench.turn(late).unwrap();
    assert!(turn.is_late(Timing::default(), at(late)));
    assert!(
        bench.rules.skipped(&turn, at(late)),
        "it was not asked for three intervals, which is news"
    );
    assert_eq!(bench.due(), Some(first + Duration::from_mins(4)));
    // The next one that is answered is news, whatever it finds.
    assert!(bench.asks(late + 60, 50.0));
}

#[test]
fn a_rule_is_woken_only_when_its_status_would_differ() {
    let mut bench = Bench::new();
    assert!(bench.asks(60, 50.0));
    bench.follow(61);
    for minute in 2..20 {
        assert!(!bench.asks(minute * 60, 50.0 + f64::from(i32::try_from(minute).unwrap())));
    }
    assert!(bench.asks(1_200, 5.0));
    assert!(!bench.asks(1_260, 5.0));
    assert!(!bench.asks(1_320, 6.0));
    // Its value, after five minutes.
    assert!(!bench.asks(1_380, 6.0));
    assert!(bench.asks(1_560, 6.0));
    assert!(bench.asks(1_620, 50.0));
}

#[test]
fn an_edit_is_asked_at_once_and_one_during_a_turn_behind_it() {
    let mut bench = Bench::new();
    bench.asks(60, 50.0);
    bench.object.metadata.generation = Some(2);
    bench.follow(70);
    let turn = bench.turn(70).unwrap();
    bench.object.metadata.generation = Some(3);
    bench.follow(71);
    assert!(bench.turn(71).is_none());
    bench.rules.answered(&turn, &Ok(value(50.0)), None, at(72));
    let turn = bench.turn(72).unwrap();
    assert_eq!(turn.object.metadata.generation, Some(3));
    // Without a change it is not asked before it is due.
    bench.rules.answered(&turn, &Ok(value(50.0)), None, at(73));
    bench.follow(74);
    assert!(bench.turn(74).is_none());
    // Somebody asks for it.
    let annotations = [("ops.mobulace.com/reconcile-at".to_owned(), "now".to_owned())];
    bench.object.metadata.annotations = Some(annotations.into());
    bench.follow(75);
    assert!(bench.turn(75).unwrap().is_requested);
}

#[test]
fn what_is_suspended_or_gone_is_not_asked_and_what_is_resumed_was_not_lost_meanwhile() {
    let mut bench = Bench::new();
    bench.asks(60, 50.0);
    bench.rules.follow(&bench.object, false, at(70));
    assert!(bench.turn(7_200).is_none());
    let (record, followed) = bench.rules.follow(&bench.object, true, at(7_200));
    assert_eq!((record.unwrap().turned(), followed), (Some(at(60)), at(7_200)));
    assert!(bench.turn(7_260).is_some());
    bench.rules.forget(&Key::of(&bench.object));
    assert!(bench.turn(100_000).is_none());
    assert!(bench.rules.platforms().is_empty());
}

#[test]
fn another_rule_of_the_same_name_has_nothing_of_the_one_before() {
    let mut bench = Bench::new();
    let turn = bench.turn(60).unwrap();
    let (record, _) = bench.rules.follow(&rule("cards", "u2"), true, at(61));
    assert_eq!(record, None);
    assert!(!bench.rules.answered(&turn, &Ok(value(5.0)), None, at(62)));
    assert!(bench.rules.measured().is_empty());
}

/// The objects of a kind, of which only name, Platform and conditions matter.
fn store<K: Kind>(index: &Dependents, objects: Vec<Value>) -> reflector::Store<DeserializeGuard<K::Object>> {
    let (store, mut writer) = reflector::store();
    for object in objects {
        let guard = DeserializeGuard(Ok(serde_json::from_value(object).unwrap()));
        index.see(&ObjectId::of::<K>(Key::of(&guard)));
        writer.apply_watcher_event(&watcher::Event::Apply(guard));
    }
    store
}

fn function(namespace: &str, name: &str, platform: &str, conditions: &[(&str, &str)]) -> Value {
    let conditions = conditions.iter().map(|(type_, status)| {
        json!({ "type": type_, "status": status, "reason": "X", "message": "x", "lastTransitionTime": "2026-11-23T10:00:00Z" })
    });
    let conditions: Vec<Value> = conditions.collect();
    json!({
        "metadata": { "namespace": namespace, "name": name },
        "spec": { "platformRef": { "name": platform }, "source": { "kind": "ConfigMap", "name": "code" }, "verifyJWT": true },
        "status": { "conditions": conditions },
    })
}

#[test]
fn objects_in_trouble_are_those_of_the_platform_and_not_on_purpose() {
    let (index, _unused) = Dependents::new();
    let mut objects = Objects::new(index.clone());
    let functions = vec![
        function("ace", "fine", "prod", &[("Ready", "True"), ("Drifted", "True")]),
        function("ace", "unknown", "prod", &[("Ready", "Unknown")]),
        function("ace", "new", "prod", &[]),
        function("ace", "stalled", "prod", &[("Ready", "False"), ("Stalled", "True")]),
        function("ace", "suspended", "prod", &[("Ready", "False"), ("Suspended", "True")]),
        function("ace", "other", "other", &[("Ready", "False")]),
        function("elsewhere", "other", "prod", &[("Ready", "False")]),
    ];
    objects.add::<edge_function::Kind>(store::<edge_function::Kind>(&index, functions));
    objects.add::<platform::Kind>(store::<platform::Kind>(&index, Vec::new()));
    let key = Key {
        namespace: "ace".to_owned(),
        name: "prod".to_owned(),
    };
    let count = |kind: Option<&str>, trouble| -> Vec<(String, f64)> {
        let matching = SignalMatch {
            kind: kind.map(str::to_owned),
            trouble: Some(trouble),
            ..SignalMatch::default()
        };
        let rows = objects.count(&key, &matching);
        rows.into_iter()
            .map(|row| (row.labels["kind"].clone(), row.value.unwrap()))
            .collect()
    };
    let functions = |count: f64| vec![("EdgeFunction".to_owned(), count)];
    assert_eq!(count(None, ObjectTrouble::NotReady), functions(3.0));
    assert_eq!(count(None, ObjectTrouble::Stalled), functions(1.0));
    assert_eq!(count(Some("EdgeFunction"), ObjectTrouble::Drifted), functions(1.0));
    assert_eq!(
        count(Some("Platform"), ObjectTrouble::NotReady),
        [("Platform".to_owned(), 0.0)]
    );
}
