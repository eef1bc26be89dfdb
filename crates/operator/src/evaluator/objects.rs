//! The signal `ObjectCondition`: how many objects are in trouble.

use ace_api::{ObjectTrouble, SignalMatch};
use ace_domain::{
    kinds::alert_rule::{Row, signals::Count},
    reconcile::{key::Key, kind::Kind},
};
use ace_runtime::index::Dependents;
use kube::{core::DeserializeGuard, runtime::reflector::Store};

use crate::caches::in_namespace;

/// Counts the objects of one kind that belong to a Platform.
type Counting = Box<dyn Fn(&Key, ObjectTrouble) -> Count + Send + Sync>;

/// The objects of every kind, as they are cached.
pub struct Objects {
    dependents: Dependents,
    kinds: Vec<(&'static str, Counting)>,
}

impl Objects {
    /// Of no kind yet. Which objects there are in a namespace is in `dependents`.
    pub fn new(dependents: Dependents) -> Self {
        let kinds = Vec::new();
        Self { dependents, kinds }
    }

    /// Counts the objects of a kind, too.
    pub fn add<K: Kind>(&mut self, store: Store<DeserializeGuard<K::Object>>) {
        let dependents = self.dependents.clone();
        let count = move |platform: &Key, trouble: ObjectTrouble| {
            let objects = in_namespace::<K>(&dependents, &store, &platform.namespace);
            let objects = objects.iter().filter_map(|object| object.0.as_ref().ok());
            Count::of::<K>(objects, platform, trouble)
        };
        self.kinds.push((K::NAME, Box::new(count)));
    }

    /// The kinds that are counted.
    pub fn kinds(&self) -> Vec<&'static str> {
        self.kinds.iter().map(|(kind, _)| *kind).collect()
    }

    /// A row for the kind that is asked for, or for each of which there are objects.
    pub(super) fn count(&self, platform: &Key, matching: &SignalMatch) -> Vec<Row> {
        let is_wanted = |kind: &str| matching.kind.as_deref().is_none_or(|wanted| wanted == kind);
        let trouble = matching.trouble.unwrap_or_default();
        let kinds = self.kinds.iter().filter(|(kind, _)| is_wanted(kind));
        kinds
            .filter_map(|(kind, count)| count(platform, trouble).row(kind, matching))
            .collect()
    }
}
