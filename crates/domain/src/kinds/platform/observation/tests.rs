use std::collections::{BTreeMap, BTreeSet};

use ace_api::Stamp;
use jiff::Timestamp;

use super::{Changes, Observation};
use crate::{
    bundle::ListedImportMap,
    kinds::edge_function::LiveFunction,
    reconcile::{dependency::Dependency, key::Key},
};

#[test]
fn only_the_slugs_whose_entry_changed_are_named() {
    let mut observation = Observation::new(at(0));
    assert_eq!(
        observation.record_list(at(1), list(&[("a", 1), ("b", 1)])),
        changes(&["a", "b"], true)
    );
    assert_eq!(
        observation.record_list(at(2), list(&[("a", 1), ("b", 1)])),
        changes(&[], false)
    );
    assert_eq!(
        observation.record_list(at(3), list(&[("a", 2), ("b", 1)])),
        changes(&["a"], false)
    );
    assert_eq!(
        observation.record_list(at(4), list(&[("a", 3)])),
        changes(&["b", "a"], true)
    );
}

#[test]
fn a_functions_own_write_enqueues_only_functions_that_observe() {
    let mut observation = Observation::new(at(0));
    observation.record_list(at(1), list(&[("a", 1), ("b", 1)]));
    observation.wrote("a", at(2));
    let changes = observation.record_list(at(3), list(&[("a", 2), ("b", 2)]));
    let platform = Key {
        namespace: "ace".to_owned(),
        name: "prod".to_owned(),
    };
    let entry = |slug: &str, own| Dependency::ListEntry {
        platform: platform.clone(),
        slug: slug.to_owned(),
        own,
    };
    assert_eq!(
        changes.of(&platform),
        [entry("a", true), entry("b", true), entry("b", false)]
    );
    // Our write was in an earlier list: this change is out of band.
    let later = observation.record_list(at(4), list(&[("a", 3), ("b", 2)]));
    assert_eq!(later.of(&platform), [entry("a", true), entry("a", false)]);
}

#[test]
fn a_listing_has_the_time_since_which_the_lists_agree() {
    let mut observation = Observation::new(at(0));
    observation.record_list(at(1), list(&[("a", 1)]));
    observation.record_list(at(5), list(&[("a", 2)]));
    observation.record_list(at(9), list(&[("a", 2)]));
    let check = observation.listing("a").unwrap();
    assert_eq!(
        (check.started, check.since, check.lists),
        (at(9), at(5), vec![at(5), at(9)])
    );
    let never = observation.listing("never").unwrap();
    assert_eq!((never.entry, never.since), (None, at(1)));
}

#[test]
fn names_that_come_and_go_leave_nothing_behind() {
    let mut observation = Observation::new(at(0));
    observation.set_described(["mine".to_owned()].into());
    observation.record_list(at(1), list(&[("mine", 1)]));
    for round in 2..10_000 {
        let slug = format!("new-{round}");
        observation.wrote(&slug, at(round));
        // As the Platform's passes count them.
        observation.set_described(["mine".to_owned()].into());
        observation.record_list(at(round), list(&[(&slug, 1)]));
        let kept = (
            observation.functions.len(),
            observation.writes.len(),
            observation.lists.len(),
        );
        assert!(kept.0 <= 2 && kept.1 <= 2 && kept.2 <= 16, "round {round}: {kept:?}");
    }
    // What an object describes is still known to have gone, and when.
    let mine = observation.listing("mine").unwrap();
    assert_eq!((mine.entry, mine.since), (None, at(2)));
    // Of another one it is only known that it is not there any more.
    let other = observation.listing("new-2").unwrap();
    assert_eq!((other.entry, other.since), (None, at(9_999)));
    // Once its object is gone, it goes, too.
    observation.set_described(BTreeSet::new());
    observation.record_list(at(10_000), list(&[]));
    assert_eq!((observation.functions.len(), observation.writes.len()), (0, 0));
}

#[test]
fn a_write_is_remembered_until_a_list_shows_its_outcome() {
    let mut observation = Observation::new(at(0));
    observation.record_list(at(1), list(&[]));
    observation.wrote("gone", at(3));
    observation.record_list(at(2), list(&[("gone", 1)]));
    assert_eq!(observation.listing("gone").unwrap().last_write, Some(at(3)));
    // Who has written it describes it, until the Platform's next pass has counted.
    observation.record_list(at(4), list(&[]));
    assert_eq!(observation.listing("gone").unwrap().last_write, Some(at(3)));
    observation.set_described(BTreeSet::new());
    observation.record_list(at(5), list(&[]));
    assert_eq!(observation.listing("gone").unwrap().last_write, None);
}

#[test]
fn an_older_list_that_arrives_late_is_ignored() {
    let mut observation = Observation::new(at(0));
    observation.record_list(at(5), list(&[("a", 2)]));
    assert_eq!(observation.record_list(at(4), list(&[("a", 1)])), changes(&[], false));
    assert_eq!(observation.listing("a").unwrap().entry, Some(entry(2)));
}

#[test]
fn the_lists_that_are_remembered_reach_far_back() {
    let mut observation = Observation::new(at(0));
    for second in 1..=1_000 {
        observation.record_list(at(second), list(&[("a", 1)]));
    }
    let lists = observation.listing("a").unwrap().lists;
    assert_eq!(
        (lists.len(), lists.first(), lists.last()),
        (16, Some(&at(1)), Some(&at(1_000)))
    );
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn changes(entries: &[&str], comings: bool) -> Changes {
    Changes {
        entries: entries.iter().map(|slug| (*slug).to_owned()).collect(),
        comings,
        ..Changes::default()
    }
}

fn entry(version: i64) -> LiveFunction {
    let stamp = Stamp {
        id: "id".to_owned(),
        version,
        updated_time: at(version),
        bundle_digest: None,
    };
    LiveFunction {
        stamp,
        verify_jwt: Some(true),
        mark: None,
        entrypoint: None,
        import_map: ListedImportMap::Unknown,
        state: None,
    }
}

fn list(functions: &[(&str, i64)]) -> BTreeMap<String, LiveFunction> {
    functions
        .iter()
        .map(|(slug, version)| ((*slug).to_owned(), entry(*version)))
        .collect()
}
