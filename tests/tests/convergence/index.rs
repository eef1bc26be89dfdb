//! The operator's own index of who depends on what, in virtual time.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex},
    time::Duration,
};

use ace_domain::{
    kinds::{edge_function, platform},
    reconcile::{dependency::Dependency, key::Key, kind::Kind},
};
use ace_runtime::index::{Dependents, ObjectId};
use ace_tests::managed::Managed;
use jiff::Timestamp;

/// The index of who depends on what, and what it has enqueued.
pub(crate) struct Index {
    pub dependents: Dependents,
    enqueued: Arc<Mutex<BTreeSet<ObjectId>>>,
    /// What will have changed by then.
    later: BTreeMap<Dependency, Timestamp>,
}

impl Index {
    /// An index that enqueues nobody yet: it is being filled.
    pub(crate) fn new() -> Self {
        Self {
            dependents: Dependents::new().0,
            enqueued: Arc::default(),
            later: BTreeMap::new(),
        }
    }

    /// All objects are in it: from now on changes enqueue.
    pub(crate) fn filled(&self) {
        for kind in [platform::Kind::NAME, edge_function::Kind::NAME] {
            let enqueued = self.enqueued.clone();
            let enqueue = move |key, _: &'static str| {
                enqueued.lock().unwrap().insert(ObjectId { kind, key });
            };
            self.dependents.route(kind, Box::new(enqueue));
        }
    }

    /// The object is there, as it is now.
    pub(crate) fn apply<K: Kind>(&self, object: &K::Object) {
        let id = ObjectId::of::<K>(Key::of(object));
        self.dependents.apply(&id, K::references(object), K::facts(object));
    }

    /// This will have changed after `wait`, whatever more happens until then.
    pub(crate) fn changes_within(&mut self, wait: Duration, dependency: Dependency, now: Timestamp) {
        self.later.entry(dependency).or_insert(now + wait);
    }

    /// When the next of what changes later has changed.
    pub(crate) fn next_change(&self) -> Option<Timestamp> {
        self.later.values().min().copied()
    }

    /// What was to change by now has changed.
    pub(crate) fn pass_to(&mut self, now: Timestamp) {
        let due = |(_, at): &(&Dependency, &Timestamp)| **at <= now;
        let changed: Vec<Dependency> = self.later.iter().filter(due).map(|(what, _)| what.clone()).collect();
        self.later.retain(|_, at| *at > now);
        self.dependents.changed(&changed, None);
    }

    /// Enqueues the object if the index has asked for it.
    pub(crate) fn hand_over<K: Kind>(&self, managed: &mut Managed<K>, now: Timestamp) {
        if self.enqueued.lock().unwrap().remove(&id(managed)) {
            managed.enqueue(now);
        }
    }
}

pub(crate) fn id<K: Kind>(managed: &Managed<K>) -> ObjectId {
    ObjectId::of::<K>(Key::of(&managed.object))
}
