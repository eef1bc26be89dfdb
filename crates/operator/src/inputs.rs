//! What the caches' changes mean for other objects: read off each event, so that nothing has to be polled.

use std::collections::{HashMap, HashSet};

use ace_api::{EdgeFunction, Mode};
use kube::{ResourceExt, core::DeserializeGuard, runtime::watcher};

use crate::driver::Key;

/// Follows the objects of one kind and names those that are gone, also those that went while the watch was away.
#[derive(Debug)]
pub(crate) struct Follower<S> {
    known: HashMap<Key, S>,
    listed: HashSet<Key>,
}

impl<S> Default for Follower<S> {
    fn default() -> Self {
        Self {
            known: HashMap::new(),
            listed: HashSet::new(),
        }
    }
}

/// What an event says of one object.
#[derive(Debug, PartialEq)]
pub(crate) enum News<S> {
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

impl<S: Clone + PartialEq> Follower<S> {
    /// Takes an event; `read` says what matters of an object, or nothing of one that can't be read.
    pub(crate) fn take<K: ResourceExt>(
        &mut self,
        event: &watcher::Event<DeserializeGuard<K>>,
        read: impl Fn(&K) -> S,
    ) -> Vec<News<S>>
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

    fn apply<K: ResourceExt>(&mut self, guard: &DeserializeGuard<K>, read: impl Fn(&K) -> S) -> Vec<News<S>>
    where
        DeserializeGuard<K>: ResourceExt,
    {
        let Ok(object) = &guard.0 else { return Vec::new() };
        let (key, after) = (Key::of(guard), read(object));
        let before = self.known.insert(key.clone(), after.clone());
        if before.as_ref() == Some(&after) {
            Vec::new()
        } else {
            vec![News::Changed { key, before, after }]
        }
    }

    fn gone(&mut self, key: Key) -> Option<News<S>> {
        let before = self.known.remove(&key)?;
        Some(News::Gone { key, before })
    }
}

/// What matters of a function to other functions.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Standing {
    /// The function as it was, for its place.
    pub(crate) slug: String,
    /// It claims its slug.
    claims: bool,
    /// The Platform's key.
    pub(crate) platform: Key,
    /// The source's kind and name.
    pub(crate) source: (ace_api::SourceKind, String),
    /// Its wave; `None` when nobody waits for it.
    pub(crate) wave: Option<i32>,
    /// Digests applied and proven.
    has: (Option<String>, Option<String>),
    /// It is stalled: the message of those who wait says so.
    stalled: bool,
}

impl Standing {
    /// Reads it off the object.
    pub(crate) fn of(function: &EdgeFunction) -> Self {
        let status = function.status.as_ref();
        let counts = !function.spec.suspend
            && function.spec.mode != Mode::Observe
            && function.metadata.deletion_timestamp.is_none();
        Self {
            slug: function.slug(),
            claims: crate::index::claims(function),
            platform: crate::index::platform_of(function),
            source: (function.spec.source.kind, function.spec.source.name.clone()),
            wave: counts.then_some(function.spec.wave),
            has: (
                status
                    .and_then(|status| status.applied.as_ref())
                    .map(|applied| applied.source_digest.clone()),
                status
                    .and_then(|status| status.proven.as_ref())
                    .map(|proven| proven.source_digest.clone()),
            ),
            stalled: status.is_some_and(|status| status.common.conditions.iter().any(|c| c.type_ == "Stalled")),
        }
    }

    /// Where to look for it: its slug and its Platform.
    pub(crate) fn place(&self) -> (&str, &Key) {
        (&self.slug, &self.platform)
    }

    /// Rivals for the slug may have a reason to look again.
    pub(crate) fn claim_differs(&self, before: &Self) -> bool {
        (&self.slug, self.claims, &self.platform) != (&before.slug, before.claims, &before.platform)
    }

    /// Those who wait for this wave may have a reason to look again.
    pub(crate) fn wave_differs(&self, before: &Self) -> bool {
        (&self.wave, &self.has, self.stalled, &self.source)
            != (&before.wave, &before.has, before.stalled, &before.source)
    }
}

#[cfg(test)]
mod tests {
    use ace_api::{EdgeFunction, Platform};
    use kube::{core::DeserializeGuard, runtime::watcher::Event};
    use serde_json::json;

    use super::{Follower, News, Standing};
    use crate::driver::Key;

    #[test]
    fn an_object_that_went_while_the_watch_was_away_is_gone() {
        let mut follower = Follower::default();
        let name = |platform: &Platform| platform.spec.requests_per_minute;
        assert_eq!(follower.take(&Event::InitApply(platform("a", 60)), name).len(), 1);
        assert_eq!(follower.take(&Event::InitApply(platform("b", 60)), name).len(), 1);
        assert_eq!(follower.take(&Event::<DeserializeGuard<Platform>>::InitDone, name), []);
        follower.take(&Event::<DeserializeGuard<Platform>>::Init, name);
        assert_eq!(follower.take(&Event::InitApply(platform("a", 60)), name), []);
        let gone = News::Gone {
            key: key("b"),
            before: 60,
        };
        assert_eq!(
            follower.take(&Event::<DeserializeGuard<Platform>>::InitDone, name),
            [gone]
        );
    }

    #[test]
    fn only_what_matters_is_news() {
        let mut follower = Follower::default();
        let rate = |platform: &Platform| platform.spec.requests_per_minute;
        follower.take(&Event::Apply(platform("a", 60)), rate);
        assert_eq!(follower.take(&Event::Apply(platform("a", 60)), rate), []);
        let changed = News::Changed {
            key: key("a"),
            before: Some(60),
            after: 30,
        };
        assert_eq!(follower.take(&Event::Apply(platform("a", 30)), rate), [changed]);
    }

    #[test]
    fn an_object_that_only_observes_claims_nothing_unless_its_own_deploy_is_under_way() {
        let intent = json!({ "type": "RollOut", "sourceDigest": "sha256:00", "startTime": "2026-01-01T00:00:00Z" });
        let rests = Standing::of(&observing(&json!({})));
        let deploys = Standing::of(&observing(&json!({ "intent": intent })));
        assert!(!rests.claims && deploys.claims);
        assert!(rests.claim_differs(&deploys), "rivals are woken when it settles");
    }

    fn observing(status: &serde_json::Value) -> EdgeFunction {
        let value = json!({
            "apiVersion": "ops.mobulace.com/v1alpha1",
            "kind": "EdgeFunction",
            "metadata": { "name": "hello", "namespace": "ns" },
            "spec": {
                "platformRef": { "name": "prod" },
                "source": { "kind": "ConfigMap", "name": "code" },
                "verifyJWT": true,
                "mode": "Observe",
            },
            "status": status,
        });
        serde_json::from_value(value).unwrap()
    }

    fn key(name: &str) -> Key {
        Key {
            namespace: "ns".to_owned(),
            name: name.to_owned(),
        }
    }

    fn platform(name: &str, rate: i32) -> DeserializeGuard<Platform> {
        let value = json!({
            "apiVersion": "ops.mobulace.com/v1alpha1",
            "kind": "Platform",
            "metadata": { "name": name, "namespace": "ns" },
            "spec": {
                "project": "abcdefghijklmnopqrst",
                "api": { "tokenSecretRef": { "name": "supabase", "key": "token" } },
                "requestsPerMinute": rate,
            },
        });
        serde_json::from_value(value).unwrap()
    }
}
