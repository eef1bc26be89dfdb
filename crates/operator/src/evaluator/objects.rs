//! The signal `ObjectCondition`: how many objects are in trouble.

use ace_api::{ConditionType, ObjectStatus, ObjectTrouble, Signal};
use ace_domain::{
    kinds::{alert_rule::Row, platform},
    reconcile::{dependency::Dependency, key::Key, kind::Kind},
};
use ace_runtime::index::Dependents;
use kube::{
    core::{DeserializeGuard, object::HasStatus},
    runtime::reflector::Store,
};

use crate::caches::in_namespace;

/// Counts the objects of one kind that belong to this Platform, or to none of its namespace: all of them, and those in trouble.
type Count = Box<dyn Fn(&Key, ObjectTrouble) -> (usize, usize) + Send + Sync>;

/// The objects of every kind, as they are cached.
pub struct Objects {
    dependents: Dependents,
    kinds: Vec<(&'static str, Count)>,
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
            let of_platform = objects.filter(|object| belongs::<K>(object, platform));
            of_platform.fold((0, 0), |(all, troubled), object| {
                (all + 1, troubled + usize::from(is_in::<K>(object, trouble)))
            })
        };
        self.kinds.push((K::NAME, Box::new(count)));
    }

    /// The kinds that are counted.
    pub fn kinds(&self) -> Vec<&'static str> {
        self.kinds.iter().map(|(kind, _)| *kind).collect()
    }

    /// A row for the kind that is asked for, or for each of which there are objects.
    pub(super) fn count(&self, platform: &Key, signal: &Signal) -> Vec<Row> {
        let wanted = signal.matching.kind.as_deref();
        let kinds = self
            .kinds
            .iter()
            .filter(|(kind, _)| wanted.is_none_or(|wanted| wanted == *kind));
        let rows = kinds.filter_map(|(kind, count)| {
            let (all, troubled) = count(platform, signal.matching.trouble);
            #[expect(clippy::cast_precision_loss, reason = "a count of objects in memory")]
            let value = troubled as f64;
            (all > 0 || wanted.is_some()).then(|| Row {
                labels: [("kind".to_owned(), (*kind).to_owned())].into(),
                value: Some(value),
                ..Row::default()
            })
        });
        rows.collect()
    }
}

/// It names this Platform, or none.
fn belongs<K: Kind>(object: &K::Object, platform: &Key) -> bool {
    let key = Key::of(object);
    if K::NAME == platform::Kind::NAME {
        return key == *platform;
    }
    let references = K::references(object);
    let mut platforms = references.iter().filter_map(Dependency::platform);
    key.namespace == platform.namespace && platforms.all(|named| named == platform)
}

/// What is suspended is so on purpose.
fn is_in<K: Kind>(object: &K::Object, trouble: ObjectTrouble) -> bool {
    let conditions = object.status().map(|status| status.common().conditions.as_slice());
    let conditions = conditions.unwrap_or_default();
    let is = |type_: ConditionType| type_.is_true(conditions);
    !K::is_suspended(object)
        && !is(ConditionType::Suspended)
        && match trouble {
            ObjectTrouble::NotReady => !is(ConditionType::Ready),
            ObjectTrouble::Stalled => is(ConditionType::Stalled),
            ObjectTrouble::Drifted => is(ConditionType::Drifted),
        }
}
