//! Reads of the caches: the objects that others depend on, found through the index. An object that can't be read is not there.

use std::{collections::BTreeSet, ops::RangeBounds, sync::Arc};

use ace_api::{EdgeFunction, Platform};
use ace_domain::{
    kinds::{
        edge_function::{self, Claimant, ProjectAccess, claims, platform_key, wave},
        platform,
    },
    reconcile::{
        dependency::{Dependency, Fact},
        key::Key,
        kind::Kind,
    },
};
use ace_runtime::index::{Dependents, ObjectId};
pub use ace_runtime::informer::cached;
use kube::{ResourceExt, core::DeserializeGuard, runtime::reflector::Store};

use crate::connections::{PlatformConnection, PlatformConnections};

#[cfg(test)]
mod tests;

/// The caches of the objects that others read.
#[derive(Clone)]
pub struct Caches {
    pub platforms: Store<DeserializeGuard<Platform>>,
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

    /// Everybody who claims the slug of `function` in the same project of the same API, itself included.
    pub fn claimants(&self, function: &EdgeFunction, connections: &PlatformConnections) -> Vec<Claimant> {
        let own = cached(&self.platforms, &platform_key(function));
        let Some(own) = own.as_deref().and_then(|own| own.0.as_ref().ok()) else {
            return Vec::new();
        };
        let project = platform::project(own);
        let here: BTreeSet<Key> = self
            .dependents
            .of_kind(platform::Kind::NAME, project.clone()..=project.clone())
            .into_iter()
            .collect();
        let slug = Dependency::Slug(function.slug());
        let rivals = self.functions_in(slug.clone()..=slug);
        let rivals = rivals.iter().filter_map(|rival| rival.0.as_ref().ok());
        let rivals = rivals.filter(|rival| here.contains(&platform_key(rival)) && claims(rival));
        let claimant = |rival: &EdgeFunction| {
            let platform = platform_key(rival);
            let connection = connections.to(&platform, &project);
            claimant(rival, self.access(&platform, connection.as_deref()))
        };
        rivals.filter_map(claimant).collect()
    }

    /// Whether the token of a Platform opens its project, by its connection to that. That it has, once, is in its status, too.
    fn access(&self, platform: &Key, connection: Option<&PlatformConnection>) -> ProjectAccess {
        if connection.is_some_and(PlatformConnection::has_listed) {
            return ProjectAccess::Listed;
        }
        let object = cached(&self.platforms, platform);
        if object.is_some_and(|object| object.0.as_ref().is_ok_and(platform::has_listed)) {
            return ProjectAccess::Listed;
        }
        let id = ObjectId::of::<platform::Kind>(platform.clone());
        let message = Dependency::PlatformMessage(platform.clone());
        match self.dependents.fact(&id, &message) {
            Some(Fact::Is(_)) if connection.is_some() => ProjectAccess::Refused,
            _ => ProjectAccess::Unasked,
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

/// The objects of this namespace, also those that can't be read.
pub fn in_namespace<K: Kind>(
    dependents: &Dependents,
    store: &Store<DeserializeGuard<K::Object>>,
    namespace: &str,
) -> Vec<Arc<DeserializeGuard<K::Object>>> {
    let keys = dependents.in_namespace(K::NAME, namespace);
    keys.iter().filter_map(|key| cached(store, key)).collect()
}

/// The objects of this kind in the namespace of an object, also those that can't be read.
pub fn beside<K: Kind>(
    dependents: &Dependents,
    store: &Store<DeserializeGuard<K::Object>>,
    object: &impl ResourceExt,
) -> Vec<Arc<DeserializeGuard<K::Object>>> {
    in_namespace::<K>(dependents, store, &object.namespace().unwrap_or_default())
}

fn claimant(function: &EdgeFunction, access: ProjectAccess) -> Option<Claimant> {
    Some(Claimant {
        access,
        key: Key::of(function),
        created: function.creation_timestamp()?.0,
        uid: function.uid()?,
    })
}
