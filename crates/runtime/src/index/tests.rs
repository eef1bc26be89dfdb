//! Who is enqueued for what.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use ace_api::ANNOTATION_RECONCILE_AT;
use ace_domain::reconcile::{
    dependency::{Dependency, Fact},
    key::{Key, SourceKey},
    tenant::Tenant,
};
use k8s_openapi::api::core::v1::ConfigMap;
use kube::{Resource, ResourceExt, core::DeserializeGuard, runtime::watcher::Event};
use serde_json::json;

use super::{Departures, Dependents, News, ObjectId, Unused};

/// An index, and who was enqueued and why.
struct Fixture {
    dependents: Dependents,
    unused: Unused,
    enqueued: Arc<Mutex<Vec<String>>>,
}

fn fixture() -> Fixture {
    let (dependents, unused) = Dependents::new();
    let enqueued = Arc::new(Mutex::new(Vec::new()));
    for kind in ["Owner", "User"] {
        let enqueued = enqueued.clone();
        let enqueue = move |key: Key, what: &str| {
            enqueued.lock().unwrap().push(format!("{kind} {} for {what}", key.name));
        };
        dependents.route(kind, Box::new(enqueue));
    }
    Fixture {
        dependents,
        unused,
        enqueued,
    }
}

impl Fixture {
    fn enqueued(&self) -> Vec<String> {
        let mut enqueued = std::mem::take(&mut *self.enqueued.lock().unwrap());
        enqueued.sort();
        enqueued
    }

    fn refers(&self, name: &str, references: Vec<Dependency>) {
        self.dependents.apply(&user(name), references, Vec::new());
    }
}

fn key(name: &str) -> Key {
    Key {
        namespace: "ns".to_owned(),
        name: name.to_owned(),
    }
}

fn owner() -> ObjectId {
    ObjectId {
        kind: "Owner",
        key: key("one"),
    }
}

fn user(name: &str) -> ObjectId {
    ObjectId {
        kind: "User",
        key: key(name),
    }
}

fn spec() -> Dependency {
    Dependency::Platform(key("one"))
}

fn reachability() -> Dependency {
    Dependency::Reachability(key("one"))
}

fn wave(wave: i32) -> Dependency {
    Dependency::Wave {
        platform: key("one"),
        source: SourceKey {
            namespace: "ns".to_owned(),
            kind: ace_api::SourceKind::ConfigMap,
            name: "code".to_owned(),
        },
        wave,
    }
}

#[test]
fn a_finding_enqueues_those_who_refer_to_it_when_it_is_another_one_and_nobody_else() {
    let fixture = fixture();
    fixture.dependents.apply(&owner(), vec![spec()], Vec::new());
    fixture.refers("a", vec![spec()]);
    fixture.refers("b", vec![reachability()]);
    let publish = |value: &str| fixture.dependents.publish(&owner(), vec![(spec(), Fact::is(value))]);
    publish("1");
    assert_eq!(
        fixture.enqueued(),
        ["User a for Platform"],
        "and not the one that found it"
    );
    publish("1");
    assert_eq!(fixture.enqueued(), [""; 0]);
    publish("2");
    assert_eq!(fixture.enqueued(), ["User a for Platform"]);
    assert_eq!(fixture.dependents.fact(&owner(), &spec()), Some(Fact::is("2")));
}

#[test]
fn what_is_unsettled_enqueues_nobody_and_what_follows_does_even_if_it_is_as_before() {
    let fixture = fixture();
    fixture.dependents.apply(&owner(), Vec::new(), Vec::new());
    fixture.refers("a", vec![reachability()]);
    let publish = |fact| fixture.dependents.publish(&owner(), vec![(reachability(), fact)]);
    publish(Fact::Unsettled);
    assert_eq!(fixture.enqueued(), [""; 0]);
    publish(Fact::is("answers"));
    assert_eq!(fixture.enqueued(), ["User a for Reachability"]);
    // Another object's request was not answered.
    fixture.dependents.unsettle(&owner(), &reachability());
    assert_eq!(fixture.enqueued(), [""; 0]);
    publish(Fact::is("answers"));
    assert_eq!(fixture.enqueued(), ["User a for Reachability"]);
}

#[test]
fn a_wave_enqueues_the_higher_ones() {
    let fixture = fixture();
    for (name, number) in [("low", 0), ("same", 1), ("high", 2), ("top", i32::MAX)] {
        fixture.refers(name, vec![wave(number)]);
    }
    let facts = |words: &str| vec![(wave(1), Fact::is(words))];
    fixture.dependents.apply(&user("same"), vec![wave(1)], facts("applied"));
    assert_eq!(fixture.enqueued(), ["User high for Wave", "User top for Wave"]);
    fixture.dependents.apply(&user("same"), vec![wave(1)], facts("applied"));
    assert_eq!(fixture.enqueued(), [""; 0]);
    let lower = fixture.dependents.of_kind("User", wave(i32::MIN)..wave(2));
    assert_eq!(lower, [key("low"), key("same")]);
    fixture.dependents.apply(
        &user("top"),
        vec![wave(i32::MAX)],
        vec![(wave(i32::MAX), Fact::is("applied"))],
    );
    assert_eq!(fixture.enqueued(), [""; 0], "nothing is above the highest");
}

#[test]
fn an_object_that_goes_takes_its_facts_along_and_enqueues_those_who_knew_them() {
    let mut fixture = fixture();
    fixture
        .dependents
        .apply(&owner(), Vec::new(), vec![(wave(0), Fact::is("applied"))]);
    fixture.dependents.publish(&owner(), vec![(spec(), Fact::is("1"))]);
    fixture.refers("a", vec![spec(), reachability()]);
    fixture.refers("b", vec![wave(1), reachability()]);
    fixture.dependents.forget(&owner());
    assert_eq!(fixture.enqueued(), ["User a for Platform", "User b for Wave"]);
    assert_eq!(fixture.dependents.fact(&owner(), &spec()), None);
    // A pass that was in flight tells nothing of it any more.
    fixture.dependents.publish(&owner(), vec![(spec(), Fact::is("2"))]);
    assert_eq!(
        (fixture.enqueued(), fixture.dependents.fact(&owner(), &spec())),
        (vec![], None)
    );

    fixture.dependents.forget(&user("a"));
    assert_eq!(fixture.unused.try_recv().ok(), Some(spec()));
    assert!(
        fixture.unused.try_recv().is_err(),
        "another object still refers to the rest"
    );
    fixture.refers("b", vec![wave(1)]);
    assert_eq!(fixture.unused.try_recv().ok(), Some(reachability()));
}

#[test]
fn who_shares_a_dependency_is_found_with_what_else_it_depends_on() {
    let fixture = fixture();
    fixture.refers("a", vec![spec(), wave(1)]);
    fixture.refers("b", vec![reachability()]);
    assert_eq!(
        fixture.dependents.beside(&spec(), |beside| Some(beside.clone())),
        [spec(), wave(1)].into()
    );
    assert_eq!(fixture.dependents.of_kind("User", spec()..=spec()), [key("a")]);
    assert_eq!(fixture.dependents.of_kind("Owner", spec()..=spec()), []);
}

#[tokio::test(start_paused = true)]
async fn of_many_changes_that_are_told_for_later_the_first_says_when() {
    let fixture = fixture();
    fixture.refers("a", vec![spec()]);
    let later = |seconds| fixture.dependents.changes_within(Duration::from_secs(seconds), spec());
    later(30);
    tokio::time::advance(Duration::from_secs(20)).await;
    later(30);
    assert_eq!(fixture.enqueued(), [""; 0]);
    tokio::time::sleep(Duration::from_secs(11)).await;
    assert_eq!(fixture.enqueued(), ["User a for Platform"]);
    tokio::time::sleep(Duration::from_mins(5)).await;
    assert_eq!(fixture.enqueued(), [""; 0]);
    later(30);
    tokio::time::sleep(Duration::from_secs(31)).await;
    assert_eq!(fixture.enqueued(), ["User a for Platform"], "it can be told again");
}

#[test]
fn an_object_that_went_while_the_watch_was_away_is_gone() {
    let mut departures = Departures::default();
    let mut gone = |event: &Event<DeserializeGuard<ConfigMap>>| departures.take(event).gone;
    assert_eq!(gone(&Event::InitApply(map("a", "1"))), []);
    assert_eq!(gone(&Event::InitApply(map("b", "1"))), []);
    assert_eq!(gone(&Event::InitDone), []);
    assert_eq!(gone(&Event::Init), []);
    assert_eq!(gone(&Event::InitApply(map("a", "1"))), []);
    assert_eq!(gone(&Event::InitDone), [key("b")]);
    assert_eq!(gone(&Event::Apply(map("c", "1"))), []);
    assert_eq!(gone(&Event::Delete(map("c", "1"))), [key("c")]);
    assert_eq!(gone(&Event::Delete(map("c", "1"))), [], "it is gone once");
}

#[test]
fn what_was_seen_in_this_version_is_no_news_and_what_a_user_changed_is_told_apart() {
    let mut departures = Departures::default();
    let mut news = |event: &Event<DeserializeGuard<ConfigMap>>| departures.take(event).news;
    assert_eq!(news(&Event::Init), None);
    assert_eq!(news(&Event::InitApply(map("a", "1"))), Some(News::New { listed: true }));
    assert_eq!(news(&Event::InitDone), None);
    assert_eq!(news(&Event::Apply(map("b", "2"))), Some(News::New { listed: false }));
    assert_eq!(news(&Event::Apply(map("a", "3"))), Some(News::Other));
    let change = |change: &dyn Fn(&mut DeserializeGuard<ConfigMap>), version| {
        let mut map = map("a", version);
        change(&mut map);
        Event::Apply(map)
    };
    let annotated = |map: &mut DeserializeGuard<ConfigMap>| {
        let at = (ANNOTATION_RECONCILE_AT.to_owned(), "1".to_owned());
        map.annotations_mut().extend([at]);
    };
    assert_eq!(news(&change(&annotated, "4")), Some(News::Requested));
    assert_eq!(news(&change(&annotated, "5")), Some(News::Other));
    let specified = |map: &mut DeserializeGuard<ConfigMap>| {
        annotated(map);
        map.meta_mut().generation = Some(2);
    };
    assert_eq!(news(&change(&specified, "6")), Some(News::Requested));
    // A watch that is opened again brings everything again.
    assert_eq!(news(&Event::Init), None);
    let Event::Apply(listed) = change(&specified, "6") else {
        panic!("it is one");
    };
    assert_eq!(news(&Event::InitApply(listed)), None);
    assert_eq!(news(&Event::Delete(map("b", "7"))), None);
    assert_eq!(news(&Event::Apply(map("b", "8"))), Some(News::New { listed: false }));
}

#[test]
fn objects_on_a_project_are_one_tenant_while_their_platform_is_there() {
    let Fixture { dependents, .. } = fixture();
    let project = |name: &str| Dependency::Project {
        api: "https://api.supabase.com:443".to_owned(),
        project: name.to_owned(),
    };
    let apply = |object: &ObjectId, reference| dependents.apply(object, vec![reference], Vec::new());
    let function = user("a");
    apply(&function, Dependency::Platform(owner().key));
    let unknown = dependents.tenant(&function);
    apply(&owner(), project("abc"));
    let known = dependents.tenant(&function);
    assert_eq!(
        known,
        Tenant::Project {
            api: "https://api.supabase.com:443".to_owned(),
            project: "abc".to_owned()
        }
    );
    assert_eq!(unknown, dependents.tenant(&owner()), "its own passes are another's");
    apply(&owner(), project("def"));
    assert_ne!(dependents.tenant(&function), known);
    dependents.forget(&owner());
    assert_eq!(dependents.tenant(&function), unknown);
}

fn map(name: &str, version: &str) -> DeserializeGuard<ConfigMap> {
    let metadata = json!({ "name": name, "namespace": "ns", "resourceVersion": version });
    let value = json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata });
    serde_json::from_value(value).unwrap()
}

#[test]
fn the_objects_of_a_namespace_are_those_that_are_there_readable_or_not() {
    let fixture = fixture();
    let of = |kind: &'static str, namespace: &str, name: &str| ObjectId {
        kind,
        key: Key {
            namespace: namespace.to_owned(),
            name: name.to_owned(),
        },
    };
    let others = [
        of("Owner", "ns", "owner"),
        of("User", "n", "before"),
        of("User", "ns-2", "after"),
        of("Zone", "ns", "zone"),
    ];
    for other in &others {
        fixture.dependents.apply(other, vec![spec()], Vec::new());
    }
    fixture.refers("two", Vec::new());
    fixture.dependents.see(&user("broken"));
    // What can't be read any more is still there, and refers to what it did.
    fixture.refers("one", vec![spec()]);
    fixture.dependents.see(&user("one"));
    assert!(
        fixture
            .dependents
            .of_kind("User", spec()..=spec())
            .contains(&key("one"))
    );
    let here = || fixture.dependents.in_namespace("User", "ns");
    assert_eq!(here(), [key("broken"), key("one"), key("two")]);
    fixture.dependents.forget(&user("one"));
    assert_eq!(here(), [key("broken"), key("two")]);
}
