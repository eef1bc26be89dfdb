//! What an informer's events mean for other objects.

use std::collections::{HashMap, HashSet};

use kube::{ResourceExt, core::DeserializeGuard, runtime::watcher};

use crate::reconcile::Key;

/// Follows the objects of one kind and names those that are gone, also those that went while the watch was away.
#[derive(Debug)]
pub struct ChangeTracker<S> {
    known: HashMap<Key, S>,
    listed: HashSet<Key>,
}

impl<S> Default for ChangeTracker<S> {
    fn default() -> Self {
        Self {
            known: HashMap::new(),
            listed: HashSet::new(),
        }
    }
}

/// What an event says of one object.
#[derive(Debug, PartialEq)]
pub enum Change<S> {
    /// It is there, and was not, or was another.
    Changed {
        /// The object.
        key: Key,
        /// What mattered of it before, if it was known.
        before: Option<S>,
        /// What matters of it now.
        after: S,
    },
    /// It is gone.
    Gone {
        /// The object.
        key: Key,
        /// What mattered of it.
        before: S,
    },
}

impl<S: Clone + PartialEq> ChangeTracker<S> {
    /// Takes an event; `read` says what matters of an object, or nothing of one that can't be read.
    pub fn take<K: ResourceExt>(
        &mut self,
        event: &watcher::Event<DeserializeGuard<K>>,
        read: impl Fn(&K) -> S,
    ) -> Vec<Change<S>>
    where
        DeserializeGuard<K>: ResourceExt,
    {
        match event {
            watcher::Event::Init => {
                self.listed.clear();
                Vec::new()
            }
            watcher::Event::InitApply(guard) => {
                self.listed.insert(Key::of(guard));
                self.apply(guard, read)
            }
            watcher::Event::Apply(guard) => self.apply(guard, read),
            watcher::Event::InitDone => {
                let gone: Vec<Key> = self
                    .known
                    .keys()
                    .filter(|key| !self.listed.contains(*key))
                    .cloned()
                    .collect();
                self.listed.clear();
                gone.into_iter().filter_map(|key| self.gone(key)).collect()
            }
            watcher::Event::Delete(guard) => self.gone(Key::of(guard)).into_iter().collect(),
        }
    }

    fn apply<K: ResourceExt>(&mut self, guard: &DeserializeGuard<K>, read: impl Fn(&K) -> S) -> Vec<Change<S>>
    where
        DeserializeGuard<K>: ResourceExt,
    {
        let Ok(object) = &guard.0 else { return Vec::new() };
        let (key, after) = (Key::of(guard), read(object));
        let before = self.known.insert(key.clone(), after.clone());
        if before.as_ref() == Some(&after) {
            Vec::new()
        } else {
            vec![Change::Changed { key, before, after }]
        }
    }

    fn gone(&mut self, key: Key) -> Option<Change<S>> {
        let before = self.known.remove(&key)?;
        Some(Change::Gone { key, before })
    }
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::core::v1::ConfigMap;
    use kube::{core::DeserializeGuard, runtime::watcher::Event};
    use serde_json::json;

    use super::{Change, ChangeTracker};
    use crate::reconcile::Key;

    #[test]
    fn an_object_that_went_while_the_watch_was_away_is_gone() {
        let mut follower = ChangeTracker::default();
        let name = |map: &ConfigMap| value(map);
        assert_eq!(follower.take(&Event::InitApply(map("a", 60)), name).len(), 1);
        assert_eq!(follower.take(&Event::InitApply(map("b", 60)), name).len(), 1);
        assert_eq!(follower.take(&Event::<DeserializeGuard<ConfigMap>>::InitDone, name), []);
        follower.take(&Event::<DeserializeGuard<ConfigMap>>::Init, name);
        assert_eq!(follower.take(&Event::InitApply(map("a", 60)), name), []);
        let gone = Change::Gone {
            key: key("b"),
            before: 60,
        };
        assert_eq!(
            follower.take(&Event::<DeserializeGuard<ConfigMap>>::InitDone, name),
            [gone]
        );
    }

    #[test]
    fn only_what_matters_is_news() {
        let mut follower = ChangeTracker::default();
        let rate = |map: &ConfigMap| value(map);
        follower.take(&Event::Apply(map("a", 60)), rate);
        assert_eq!(follower.take(&Event::Apply(map("a", 60)), rate), []);
        let changed = Change::Changed {
            key: key("a"),
            before: Some(60),
            after: 30,
        };
        assert_eq!(follower.take(&Event::Apply(map("a", 30)), rate), [changed]);
    }

    fn value(map: &ConfigMap) -> i32 {
        map.data.as_ref().unwrap()["value"].parse().unwrap()
    }

    fn key(name: &str) -> Key {
        Key {
            namespace: "ns".to_owned(),
            name: name.to_owned(),
        }
    }

    fn map(name: &str, value: i32) -> DeserializeGuard<ConfigMap> {
        let value = json!({
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": { "name": name, "namespace": "ns" },
            "data": { "value": value.to_string() },
        });
        serde_json::from_value(value).unwrap()
    }
}
