//! Reads of the caches: the objects that others depend on, found through the index. An object that can't be read is not there.

use std::{collections::BTreeSet, ops::RangeBounds, sync::Arc};

use ace_api::{EdgeFunction, Platform};
use ace_domain::{
    kinds::{
        edge_function::{self, Claimant, ProjectAccess, claims, platform_key, wave},
        platform,
    },
    reconcile::{dependency::Dependency, key::Key, kind::Kind as _},
};
use ace_runtime::index::{Dependents, ObjectId};
use kube::{
    Resource, ResourceExt,
    core::DeserializeGuard,
    runtime::reflector::{ObjectRef, Store},
};

/// The caches of the objects that others read.
#[derive(Clone)]
pub struct Caches {
    /// All Platforms.
    pub platforms: Store<DeserializeGuard<Platform>>,
    /// All functions.
    pub functions: Store<DeserializeGuard<EdgeFunction>>,
    /// Who depends on what.
    pub dependents: Dependents,
}

impl Caches {
    /// The Platform of this key.
    pub fn platform(&self, key: &Key) -> Option<Platform> {
        cached(&self.platforms, key)?.0.as_ref().ok().cloned()
    }

    /// Slugs that the functions on a Platform describe, and whether one of them requires secrets.
    pub fn described(&self, platform: &Key) -> (BTreeSet<String>, bool) {
        let slug = |dependency: &Dependency| match dependency {
            Dependency::Slug(slug) => Some(slug.clone()),
            _ => None,
        };
        let slugs = self.dependents.beside(&Dependency::Platform(platform.clone()), slug);
        let names = Dependency::SecretNames(platform.clone());
        (slugs, self.dependents.is_used(&names))
    }

    /// Everybody who claims the slug of `function` in the same project of the same API, itself included. `listed`: the token of a
    /// Platform has listed the project since the process began.
    pub fn claimants(&self, function: &EdgeFunction, listed: impl Fn(&Key) -> bool) -> Vec<Claimant> {
        let own = cached(&self.platforms, &platform_key(function));
        let Some(own) = own.as_deref().and_then(|own| own.0.as_ref().ok()) else {
            return Vec::new();
        };
        let project = platform::project(own);
        let here: BTreeSet<Key> = self
            .dependents
            .of_kind(platform::Kind::NAME, project.clone()..=project)
            .into_iter()
            .collect();
        let slug = Dependency::Slug(function.slug());
        let rivals = self.functions_in(slug.clone()..=slug);
        let rivals = rivals.iter().filter_map(|rival| rival.0.as_ref().ok());
        let rivals = rivals.filter(|rival| here.contains(&platform_key(rival)) && claims(rival));
        let claimant = |rival: &EdgeFunction| claimant(rival, self.access(&platform_key(rival), &listed));
        rivals.filter_map(claimant).collect()
    }

    /// Whether the token of a Platform opens its project. That it has, once, is in its status, too.
    fn access(&self, platform: &Key, listed: impl Fn(&Key) -> bool) -> ProjectAccess {
        let id = ObjectId::of::<platform::Kind>(platform.clone());
        let checked = self
            .dependents
            .fact(&id, &Dependency::PlatformMessage(platform.clone()));
        let has_listed = || {
            let object = self.platform(platform);
            object.is_some_and(|object| object.status.is_some_and(|status| status.functions.is_some()))
        };
        match checked {
            _ if listed(platform) || has_listed() => ProjectAccess::Listed,
            None => ProjectAccess::Unasked,
            Some(_) => ProjectAccess::Refused,
        }
    }

    /// Functions of lower waves on the same Platform and source object.
    pub fn lower_waves(&self, function: &EdgeFunction) -> Vec<Arc<DeserializeGuard<EdgeFunction>>> {
        self.functions_in(wave(function, i32::MIN)..wave(function, function.spec.wave))
    }

    fn functions_in(&self, dependencies: impl RangeBounds<Dependency>) -> Vec<Arc<DeserializeGuard<EdgeFunction>>> {
        let keys = self.dependents.of_kind(edge_function::Kind::NAME, dependencies);
        keys.iter().filter_map(|key| cached(&self.functions, key)).collect()
    }
}

fn cached<K>(store: &Store<DeserializeGuard<K>>, key: &Key) -> Option<Arc<DeserializeGuard<K>>>
where
    K: Resource<DynamicType = ()> + Clone + 'static,
{
    store.get(&ObjectRef::new(&key.name).within(&key.namespace))
}

fn claimant(function: &EdgeFunction, access: ProjectAccess) -> Option<Claimant> {
    Some(Claimant {
        access,
        key: Key::of(function),
        created: function.creation_timestamp()?.0,
        uid: function.uid()?,
    })
}
