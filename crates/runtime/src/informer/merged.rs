//! The watches of single namespaces as one, for a cache that has one writer. It opens with one list, which ends when each of them has
//! listed its namespace; what a later list of one namespace shows is told as changes.

use std::collections::BTreeSet;

use kube::{
    ResourceExt,
    api::ObjectMeta,
    core::{DeserializeGuard, error_boundary::InvalidObject},
    runtime::watcher::Event,
};

/// What is known of the namespaces.
pub(super) struct Merged {
    places: Vec<Place>,
    is_begun: bool,
}

struct Place {
    namespace: String,
    /// Names of its objects.
    known: BTreeSet<String>,
    listed: BTreeSet<String>,
    is_filled: bool,
    /// Objects that went before the first list was over.
    gone: BTreeSet<String>,
}

impl Merged {
    pub(super) fn new(namespaces: &[String]) -> Self {
        let place = |namespace: &String| Place {
            namespace: namespace.clone(),
            known: BTreeSet::new(),
            listed: BTreeSet::new(),
            is_filled: false,
            gone: BTreeSet::new(),
        };
        Self {
            places: namespaces.iter().map(place).collect(),
            is_begun: false,
        }
    }

    fn is_filled(&self) -> bool {
        self.places.iter().all(|place| place.is_filled)
    }

    /// What an event of the `of`th namespace is for all of them.
    pub(super) fn take<K>(&mut self, of: usize, event: Event<DeserializeGuard<K>>) -> Vec<Event<DeserializeGuard<K>>>
    where
        DeserializeGuard<K>: ResourceExt,
    {
        let was_filled = self.is_filled();
        let Some(place) = self.places.get_mut(of) else {
            return Vec::new();
        };
        match event {
            Event::Init => {
                place.listed.clear();
                if self.is_begun {
                    return Vec::new();
                }
                self.is_begun = true;
                vec![Event::Init]
            }
            Event::InitApply(object) | Event::Apply(object) => {
                let name = object.name_any();
                place.gone.remove(&name);
                place.listed.insert(name.clone());
                place.known.insert(name);
                // Until the list is over, what is applied would be lost at its end.
                vec![if was_filled {
                    Event::Apply(object)
                } else {
                    Event::InitApply(object)
                }]
            }
            Event::Delete(object) => {
                let name = object.name_any();
                place.known.remove(&name);
                place.listed.remove(&name);
                if was_filled {
                    return vec![Event::Delete(object)];
                }
                place.gone.insert(name);
                Vec::new()
            }
            Event::InitDone => {
                place.is_filled = true;
                let listed = place.listed.clone();
                let went: Vec<String> = place.known.extract_if(.., |name| !listed.contains(name)).collect();
                place.gone.extend(went);
                if !self.is_filled() {
                    return Vec::new();
                }
                let places = self.places.iter_mut();
                let gone = places.flat_map(|place| {
                    let namespace = place.namespace.clone();
                    let names = std::mem::take(&mut place.gone).into_iter();
                    names.map(move |name| Event::Delete(gone(&namespace, name)))
                });
                (!was_filled)
                    .then_some(Event::InitDone)
                    .into_iter()
                    .chain(gone)
                    .collect()
            }
        }
    }
}

/// All that is still known of an object, and all that is asked of one that is gone.
fn gone<K>(namespace: &str, name: String) -> DeserializeGuard<K> {
    DeserializeGuard(Err(InvalidObject {
        error: "it is gone".to_owned(),
        metadata: ObjectMeta {
            name: Some(name),
            namespace: Some(namespace.to_owned()),
            ..ObjectMeta::default()
        },
    }))
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::core::v1::ConfigMap;
    use kube::{
        ResourceExt,
        core::DeserializeGuard,
        runtime::{
            reflector::{self, ObjectRef, Store, store::Writer},
            watcher::Event,
        },
    };
    use serde_json::json;

    use super::Merged;

    struct Fixture {
        merged: Merged,
        store: Store<DeserializeGuard<ConfigMap>>,
        writer: Writer<DeserializeGuard<ConfigMap>>,
        said: Vec<String>,
    }

    fn object(namespace: &str, name: &str, version: &str) -> DeserializeGuard<ConfigMap> {
        let metadata = json!({ "namespace": namespace, "name": name, "resourceVersion": version });
        serde_json::from_value(json!({ "metadata": metadata })).unwrap()
    }

    impl Fixture {
        fn of(namespaces: &[&str]) -> Self {
            let namespaces: Vec<String> = namespaces.iter().map(|name| (*name).to_owned()).collect();
            let (store, writer) = reflector::store();
            Self {
                merged: Merged::new(&namespaces),
                store,
                writer,
                said: Vec::new(),
            }
        }

        fn take(&mut self, of: usize, event: Event<DeserializeGuard<ConfigMap>>) {
            for event in self.merged.take(of, event) {
                self.writer.apply_watcher_event(&event);
                self.said.push(match event {
                    Event::Init => "init".to_owned(),
                    Event::InitDone => "done".to_owned(),
                    Event::InitApply(object) => format!("listed {}", object.name_any()),
                    Event::Apply(object) => format!("changed {}", object.name_any()),
                    Event::Delete(object) => format!("gone {}", object.name_any()),
                });
            }
        }

        fn listed(&mut self, of: usize, objects: &[DeserializeGuard<ConfigMap>]) {
            self.take(of, Event::Init);
            for object in objects {
                self.take(of, Event::InitApply(object.clone()));
            }
            self.take(of, Event::InitDone);
        }

        fn said(&mut self) -> Vec<String> {
            std::mem::take(&mut self.said)
        }

        fn cached(&self, namespace: &str, name: &str) -> Option<String> {
            let object = self.store.get(&ObjectRef::new(name).within(namespace));
            object.and_then(|object| object.resource_version())
        }
    }

    #[test]
    fn the_list_is_over_when_every_namespace_is_listed() {
        let mut fixture = Fixture::of(&["a", "b"]);
        fixture.listed(0, &[object("a", "one", "1")]);
        assert_eq!(fixture.said(), ["init", "listed one"]);
        fixture.listed(1, &[object("b", "two", "1")]);
        assert_eq!(fixture.said(), ["listed two", "done"]);
        assert_eq!(fixture.store.len(), 2);
    }

    #[test]
    fn what_changes_before_the_list_is_over_is_not_lost_at_its_end() {
        let mut fixture = Fixture::of(&["a", "b"]);
        fixture.listed(0, &[object("a", "one", "1"), object("a", "two", "1")]);
        fixture.take(0, Event::Apply(object("a", "one", "2")));
        fixture.take(0, Event::Delete(object("a", "two", "1")));
        fixture.listed(1, &[]);
        assert_eq!(fixture.cached("a", "one").as_deref(), Some("2"));
        assert_eq!(fixture.cached("a", "two"), None);
        assert_eq!(fixture.said().last().unwrap(), "gone two");
    }

    #[test]
    fn a_namespace_that_is_listed_again_tells_what_went_and_leaves_the_others_alone() {
        let mut fixture = Fixture::of(&["a", "b"]);
        fixture.listed(0, &[object("a", "one", "1"), object("a", "two", "1")]);
        fixture.listed(1, &[object("b", "one", "1")]);
        fixture.said();
        fixture.listed(0, &[object("a", "two", "2")]);
        assert_eq!(fixture.said(), ["changed two", "gone one"]);
        assert_eq!(fixture.cached("a", "one"), None);
        assert_eq!(fixture.cached("a", "two").as_deref(), Some("2"));
        assert_eq!(fixture.cached("b", "one").as_deref(), Some("1"));
    }

    #[test]
    fn a_first_list_that_is_begun_anew_does_not_open_twice() {
        let mut fixture = Fixture::of(&["a"]);
        fixture.take(0, Event::Init);
        fixture.take(0, Event::InitApply(object("a", "one", "1")));
        fixture.listed(0, &[object("a", "two", "1")]);
        assert_eq!(fixture.said(), ["init", "listed one", "listed two", "done", "gone one"]);
        assert_eq!(fixture.store.len(), 1);
    }
}
