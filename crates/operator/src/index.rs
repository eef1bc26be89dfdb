//! What the caches know of all objects: who uses a Platform or a source, and who wants the same slug.

use std::{
    borrow::Borrow,
    collections::{BTreeSet, HashMap},
    hash::Hash,
    sync::{Arc, PoisonError, RwLock},
};

use ace_api::{EdgeFunction, MigrationSet, Mode, Platform, Source, SourceKind};
use ace_domain::kinds::edge_function::Claimant;
use kube::{ResourceExt, core::DeserializeGuard, runtime::reflector::Store};

use crate::sources::SourceKey;
use ace_runtime::reconcile::Key;

/// Reads of the caches. An object that can't be read is not there.
#[derive(Clone)]
pub struct Directory {
    platforms: Store<DeserializeGuard<Platform>>,
    functions: Store<DeserializeGuard<EdgeFunction>>,
    sets: Store<DeserializeGuard<MigrationSet>>,
    index: Arc<RwLock<Index>>,
}

/// Where to look for functions: each pass asks who shares its Platform or slug, and going through all of them cost more than the
/// rest of the pass at a thousand functions. Only candidates: the cache has the last word.
#[derive(Default)]
struct Index {
    platforms: HashMap<Key, BTreeSet<Key>>,
    slugs: HashMap<String, BTreeSet<Key>>,
}

impl Directory {
    /// Over all caches.
    pub fn new(
        platforms: Store<DeserializeGuard<Platform>>,
        functions: Store<DeserializeGuard<EdgeFunction>>,
        sets: Store<DeserializeGuard<MigrationSet>>,
    ) -> Self {
        Self {
            platforms,
            functions,
            sets,
            index: Arc::default(),
        }
    }

    /// A function came, changed its place, or went: its slug and Platform before and after. To be told before anybody is woken.
    pub fn moved(&self, function: &Key, before: Option<(&str, &Key)>, after: Option<(&str, &Key)>) {
        let mut index = self.index.write().unwrap_or_else(PoisonError::into_inner);
        if let Some((slug, platform)) = before {
            leave(&mut index.slugs, slug, function);
            leave(&mut index.platforms, platform, function);
        }
        if let Some((slug, platform)) = after {
            index.slugs.entry(slug.to_owned()).or_default().insert(function.clone());
            index
                .platforms
                .entry(platform.clone())
                .or_default()
                .insert(function.clone());
        }
    }

    /// The Platform of this key.
    pub fn platform(&self, key: &Key) -> Option<Platform> {
        self.found(key)?.0.as_ref().ok().cloned()
    }

    fn found(&self, key: &Key) -> Option<Arc<DeserializeGuard<Platform>>> {
        let reference = kube::runtime::reflector::ObjectRef::new(&key.name).within(&key.namespace);
        self.platforms.get(&reference)
    }

    /// The function of this key.
    pub fn function(&self, key: &Key) -> Option<EdgeFunction> {
        self.cached(key)?.0.as_ref().ok().cloned()
    }

    fn cached(&self, key: &Key) -> Option<Arc<DeserializeGuard<EdgeFunction>>> {
        let reference = kube::runtime::reflector::ObjectRef::new(&key.name).within(&key.namespace);
        self.functions.get(&reference)
    }

    /// The functions on a Platform on which `keep` says yes.
    fn sharing(
        &self,
        platform: &Key,
        keep: impl Fn(&EdgeFunction) -> bool,
    ) -> Vec<Arc<DeserializeGuard<EdgeFunction>>> {
        let keys = {
            let index = self.index.read().unwrap_or_else(PoisonError::into_inner);
            index.platforms.get(platform).cloned().unwrap_or_default()
        };
        let found = keys.iter().filter_map(|key| self.cached(key));
        found
            .filter(|guard| {
                guard
                    .0
                    .as_ref()
                    .is_ok_and(|function| is_on(function, platform) && keep(function))
            })
            .collect()
    }

    /// The functions on which `keep` says yes.
    fn functions(&self, keep: impl Fn(&EdgeFunction) -> bool) -> Vec<Arc<DeserializeGuard<EdgeFunction>>> {
        self.functions.state_filter(|guard| guard.0.as_ref().is_ok_and(&keep))
    }

    /// Keys of the functions on a Platform on which `keep` says yes.
    pub fn on_platform(&self, platform: &Key, keep: impl Fn(&EdgeFunction) -> bool) -> Vec<Key> {
        let found = self.sharing(platform, keep);
        found.iter().map(|guard| Key::of(guard.as_ref())).collect()
    }

    /// Keys of the functions that read a source.
    pub fn on_source(&self, source: &SourceKey) -> Vec<Key> {
        self.functions(|function| source_of(function) == *source)
            .iter()
            .map(|guard| Key::of(guard.as_ref()))
            .collect()
    }

    /// Keys of the sets of migrations on which `keep` says yes.
    pub fn sets(&self, keep: impl Fn(&MigrationSet) -> bool) -> Vec<Key> {
        let found = self.sets.state_filter(|guard| guard.0.as_ref().is_ok_and(&keep));
        found.iter().map(|guard| Key::of(guard.as_ref())).collect()
    }

    /// Keys of the functions that require a migration of this set.
    pub fn requiring(&self, set: &Key) -> Vec<Key> {
        let found = self.functions(|function| {
            let requires = function.spec.requires.as_ref();
            let migration = requires.and_then(|requires| requires.migration.as_ref());
            function.namespace().as_ref() == Some(&set.namespace)
                && migration.is_some_and(|migration| migration.name == set.name)
        });
        found.iter().map(|guard| Key::of(guard.as_ref())).collect()
    }

    /// Every source that some object reads.
    pub fn sources(&self) -> BTreeSet<SourceKey> {
        self.sources_of(&self.functions(|_| true), |_| true)
    }

    /// The sources that the objects on a Platform read.
    pub fn sources_on(&self, platform: &Key) -> BTreeSet<SourceKey> {
        self.sources_of(&self.sharing(platform, |_| true), |set| {
            platform_of_set(set) == *platform
        })
    }

    fn sources_of(
        &self,
        functions: &[Arc<DeserializeGuard<EdgeFunction>>],
        sets: impl Fn(&MigrationSet) -> bool,
    ) -> BTreeSet<SourceKey> {
        let functions = functions.iter().filter_map(|guard| guard.0.as_ref().ok());
        let sets = self.sets.state_filter(|guard| guard.0.as_ref().is_ok_and(&sets));
        let sets = sets.iter().filter_map(|guard| guard.0.as_ref().ok());
        functions.map(source_of).chain(sets.map(source_of_set)).collect()
    }

    /// Slugs that the functions on a Platform describe, and whether one of them requires secrets.
    pub fn described(&self, platform: &Key) -> (BTreeSet<String>, bool) {
        let found = self.sharing(platform, |_| true);
        let readable = found.iter().filter_map(|guard| guard.0.as_ref().ok());
        let needs_secrets = |function: &EdgeFunction| {
            function
                .spec
                .requires
                .as_ref()
                .is_some_and(|requires| !requires.secrets.is_empty())
        };
        readable.fold((BTreeSet::new(), false), |(mut slugs, needs), function| {
            slugs.insert(function.slug());
            (slugs, needs || needs_secrets(function))
        })
    }

    /// Everybody who claims the slug of `function` in the same project of the same API, itself included.
    pub fn claimants(&self, function: &EdgeFunction) -> Vec<Claimant> {
        let (slug, platform) = (function.slug(), platform_of(function));
        let own = self.found(&platform);
        let Some(here) = own.as_deref().and_then(place) else {
            return Vec::new();
        };
        let places = self.platforms.state_filter(|other| place(other) == Some(here));
        let places: Vec<Key> = places.iter().map(|other| Key::of(other.as_ref())).collect();
        let keys: Vec<Key> = {
            let index = self.index.read().unwrap_or_else(PoisonError::into_inner);
            let on = places.iter().filter_map(|place| index.platforms.get(place));
            let wanting = index.slugs.get(&slug);
            on.flat_map(|on| wanting.into_iter().flat_map(|wanting| on.intersection(wanting)))
                .cloned()
                .collect()
        };
        let found = keys.iter().filter_map(|key| self.cached(key));
        let rivals = found.filter_map(|guard| {
            let other = guard.0.as_ref().ok()?;
            let is_here = places.contains(&platform_of(other)) && has_slug(other, &slug);
            (is_here && claims(other)).then(|| claimant(other))?
        });
        rivals.collect()
    }

    /// Keys of the functions that want a slug, wherever.
    pub fn of_slug(&self, slug: &str) -> Vec<Key> {
        let keys = {
            let index = self.index.read().unwrap_or_else(PoisonError::into_inner);
            index.slugs.get(slug).cloned().unwrap_or_default()
        };
        let wants = |key: &Key| {
            let found = self.cached(key);
            found.is_some_and(|guard| guard.0.as_ref().is_ok_and(|function| has_slug(function, slug)))
        };
        keys.into_iter().filter(wants).collect()
    }

    /// Functions of lower waves on the same Platform and source object.
    pub fn lower_waves(&self, function: &EdgeFunction) -> Vec<Arc<DeserializeGuard<EdgeFunction>>> {
        let (platform, source) = (platform_of(function), source_of(function));
        self.sharing(&platform, |other| {
            other.spec.wave < function.spec.wave && source_of(other) == source
        })
    }

    /// Keys of the functions of higher waves on a Platform and a source object.
    pub fn above(&self, platform: &Key, source: &(SourceKind, String), wave: i32) -> Vec<Key> {
        self.on_platform(platform, |function| {
            let reads = &function.spec.source;
            function.spec.wave > wave && (reads.kind, &reads.name) == (source.0, &source.1)
        })
    }
}

/// Where a Platform is: its API and its project.
fn place(platform: &DeserializeGuard<Platform>) -> Option<(&str, &str)> {
    let spec = &platform.0.as_ref().ok()?.spec;
    Some((&spec.api.url, &spec.project))
}

/// The object claims its slug. One that only observes does not, unless a deploy of its own may still arrive: the next owner's
/// could be overtaken by it.
pub fn claims(function: &EdgeFunction) -> bool {
    let under_way = function.status.as_ref().is_some_and(|status| status.intent.is_some());
    function.spec.mode != Mode::Observe || under_way
}

fn leave<K, Q>(places: &mut HashMap<K, BTreeSet<Key>>, place: &Q, function: &Key)
where
    K: Borrow<Q> + Eq + Hash,
    Q: Eq + Hash + ?Sized,
{
    if let Some(found) = places.get_mut(place) {
        found.remove(function);
        if found.is_empty() {
            places.remove(place);
        }
    }
}

/// The function names this Platform.
fn is_on(function: &EdgeFunction, platform: &Key) -> bool {
    function.spec.platform_ref.name == platform.name
        && function.metadata.namespace.as_deref().unwrap_or_default() == platform.namespace
}

fn has_slug(function: &EdgeFunction, slug: &str) -> bool {
    let own = function.spec.slug.as_ref().or(function.metadata.name.as_ref());
    own.is_some_and(|own| own == slug)
}

/// Key of the Platform that a function names.
pub fn platform_of(function: &EdgeFunction) -> Key {
    Key {
        namespace: function.namespace().unwrap_or_default(),
        name: function.spec.platform_ref.name.clone(),
    }
}

/// Key of the source that a function names.
pub fn source_of(function: &EdgeFunction) -> SourceKey {
    source_key(function.namespace(), &function.spec.source)
}

/// Key of the Platform that a set of migrations names.
pub fn platform_of_set(set: &MigrationSet) -> Key {
    Key {
        namespace: set.namespace().unwrap_or_default(),
        name: set.spec.platform_ref.name.clone(),
    }
}

/// Key of the source that a set of migrations names.
pub fn source_of_set(set: &MigrationSet) -> SourceKey {
    source_key(set.namespace(), &set.spec.source)
}

fn source_key(namespace: Option<String>, source: &Source) -> SourceKey {
    SourceKey {
        namespace: namespace.unwrap_or_default(),
        kind: source.kind,
        name: source.name.clone(),
    }
}

fn claimant(function: &EdgeFunction) -> Option<Claimant> {
    Some(Claimant {
        name: Key::of(function).to_string(),
        created: function.creation_timestamp()?.0,
        uid: function.uid()?,
    })
}

#[cfg(test)]
mod tests {
    use ace_api::EdgeFunction;
    use kube::{
        core::DeserializeGuard,
        runtime::{reflector, watcher::Event},
    };
    use serde_json::json;

    use super::{Directory, Key};

    fn key(name: &str) -> Key {
        Key {
            namespace: "ns".to_owned(),
            name: name.to_owned(),
        }
    }

    fn function(name: &str, slug: &str, platform: &str) -> DeserializeGuard<EdgeFunction> {
        let value = json!({
            "apiVersion": "ops.mobulace.com/v1alpha1",
            "kind": "EdgeFunction",
            "metadata": { "name": name, "namespace": "ns" },
            "spec": {
                "slug": slug,
                "platformRef": { "name": platform },
                "source": { "kind": "ConfigMap", "name": "code" },
                "verifyJWT": true,
            },
        });
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn a_function_is_found_at_the_place_that_it_has_now_and_nowhere_when_it_is_gone() {
        let (functions, mut cache) = reflector::store();
        let directory = Directory::new(reflector::store().0, functions, reflector::store().0);
        let found = |directory: &Directory| {
            let on = |platform| directory.on_platform(&key(platform), |_| true);
            (on("one"), on("two"), directory.of_slug("a"), directory.of_slug("b"))
        };
        let (one, two) = (key("one"), key("two"));

        cache.apply_watcher_event(&Event::Apply(function("f", "a", "one")));
        directory.moved(&key("f"), None, Some(("a", &one)));
        assert_eq!(found(&directory), (vec![key("f")], vec![], vec![key("f")], vec![]));

        // Made anew under its name, in another place.
        cache.apply_watcher_event(&Event::Apply(function("f", "b", "two")));
        assert_eq!(
            found(&directory),
            (vec![], vec![], vec![], vec![]),
            "the cache has the last word"
        );
        directory.moved(&key("f"), Some(("a", &one)), Some(("b", &two)));
        assert_eq!(found(&directory), (vec![], vec![key("f")], vec![], vec![key("f")]));

        cache.apply_watcher_event(&Event::Delete(function("f", "b", "two")));
        directory.moved(&key("f"), Some(("b", &two)), None);
        assert_eq!(found(&directory), (vec![], vec![], vec![], vec![]));
        assert!(directory.index.read().unwrap().slugs.is_empty());
    }
}
