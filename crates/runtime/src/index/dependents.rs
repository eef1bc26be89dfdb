//! Which objects depend on what, and what is known of it: whoever changes something enqueues its dependents here.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use ace_domain::reconcile::{
    dependency::{Dependency, Fact, Facts},
    key::Key,
    kind::Kind,
    shard::Shards,
    tenant::{Tenant, project, reached_by},
};
use tokio::{sync::mpsc, time::Instant};

/// An object of some kind.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct ObjectId {
    pub kind: &'static str,
    pub key: Key,
}

impl ObjectId {
    /// An object of this kind.
    pub fn of<K: Kind>(key: Key) -> Self {
        Self { kind: K::NAME, key }
    }
}

/// Enqueues an object of one kind; the word says what changed.
pub type Enqueue = Box<dyn Fn(Key, &'static str) + Send + Sync>;

/// Lets go what this process knows of an object of one kind, and what it does with it.
pub(crate) type Depart = Arc<dyn Fn(&Key) + Send + Sync>;

/// The index of all objects by what they depend on. Cheap to clone.
#[derive(Clone)]
pub struct Dependents(Arc<Shared>);

struct Shared {
    shards: Shards,
    state: Mutex<State>,
    queues: Mutex<HashMap<&'static str, Enqueue>>,
    /// By kind, what is done where one of its objects comes to another shard.
    departures: Mutex<HashMap<&'static str, Depart>>,
    unused: mpsc::UnboundedSender<Dependency>,
}

/// What nothing depends on any more, in the order in which that came about.
pub type Unused = mpsc::UnboundedReceiver<Dependency>;

#[derive(Default)]
struct State {
    dependents: BTreeMap<Dependency, BTreeSet<ObjectId>>,
    objects: BTreeMap<ObjectId, Object>,
    /// The project of each Platform.
    projects: HashMap<Key, Dependency>,
    /// What was told for later and is not enqueued yet.
    pending: HashSet<Dependency>,
}

/// What is known of one object.
#[derive(Default)]
struct Object {
    references: BTreeSet<Dependency>,
    /// Read off the object.
    facts: BTreeMap<Dependency, Fact>,
    /// Found by its passes.
    findings: BTreeMap<Dependency, Fact>,
}

impl Dependents {
    /// An empty index, and what it will find unused.
    pub fn new() -> (Self, Unused) {
        Self::divided(Shards::ONE)
    }

    /// The same of objects that are divided into so many shards.
    pub fn divided(shards: Shards) -> (Self, Unused) {
        let (unused, receiver) = mpsc::unbounded_channel();
        let shared = Shared {
            shards,
            departures: Mutex::default(),
            state: Mutex::default(),
            queues: Mutex::default(),
            unused,
        };
        (Self(Arc::new(shared)), receiver)
    }

    /// From now on objects of this kind are enqueued, by `enqueue`.
    pub fn route(&self, kind: &'static str, enqueue: Enqueue) {
        lock(&self.0.queues).insert(kind, enqueue);
    }

    /// From now on `depart` lets go what comes to another shard of this kind.
    pub(crate) fn on_departure(&self, kind: &'static str, depart: Depart) {
        lock(&self.0.departures).insert(kind, depart);
    }

    /// The object is there, and refers to this; `facts` are what others depend on of it.
    pub fn apply(&self, object: &ObjectId, references: Vec<Dependency>, facts: Facts) {
        let references: BTreeSet<Dependency> = references.into_iter().collect();
        let facts: BTreeMap<Dependency, Fact> = facts.into_iter().collect();
        let (moved, changed) = {
            let mut state = lock(&self.0.state);
            let known = state.objects.entry(object.clone()).or_default();
            let before = std::mem::replace(&mut known.references, references.clone());
            let facts_before = std::mem::replace(&mut known.facts, facts.clone());
            for added in references.difference(&before) {
                state
                    .dependents
                    .entry(added.clone())
                    .or_default()
                    .insert(object.clone());
            }
            self.leave(&mut state, object, before.difference(&references));
            let mut moved = Vec::new();
            if let Some(project) = project(&references) {
                let before = state.projects.insert(object.key.clone(), project.clone());
                moved = self.moved(&state, object, before.as_ref(), Some(project));
            }
            (moved, difference(&facts_before, &facts))
        };
        self.depart(moved);
        self.enqueue(&changed, object);
    }

    /// The object is there, and can't be read: what it referred to, it may refer to still.
    pub fn see(&self, object: &ObjectId) {
        lock(&self.0.state).objects.entry(object.clone()).or_default();
    }

    /// The object is gone, and with it what was known of it.
    pub fn forget(&self, object: &ObjectId) {
        let (moved, changed) = {
            let mut state = lock(&self.0.state);
            let Some(known) = state.objects.remove(object) else {
                return;
            };
            self.leave(&mut state, object, known.references.iter());
            let mut moved = Vec::new();
            if project(&known.references).is_some() {
                let before = state.projects.remove(&object.key);
                moved = self.moved(&state, object, before.as_ref(), None);
            }
            let changed = known.facts.into_keys().chain(known.findings.into_keys());
            (moved, changed.collect::<Vec<_>>())
        };
        self.depart(moved);
        self.enqueue(&changed, object);
    }

    /// What a pass over the object has found. What it says nothing about stays as it was.
    pub fn publish(&self, object: &ObjectId, findings: Facts) {
        let changed: Vec<Dependency> = {
            let mut state = lock(&self.0.state);
            // A pass over an object that went meanwhile has nothing to tell.
            let Some(known) = state.objects.get_mut(object).map(|known| &mut known.findings) else {
                return;
            };
            let news = findings.into_iter().filter_map(|(dependency, fact)| {
                let before = known.insert(dependency.clone(), fact.clone());
                is_news(before.as_ref(), &fact).then_some(dependency)
            });
            news.collect()
        };
        self.enqueue(&changed, object);
    }

    /// What was found of this by passes over the object does not hold any more; what the next one finds is news.
    pub fn unsettle(&self, object: &ObjectId, dependency: &Dependency) {
        if let Some(known) = lock(&self.0.state).objects.get_mut(object) {
            known.findings.insert(dependency.clone(), Fact::Unsettled);
        }
    }

    /// Forgets what passes over the object have found.
    pub(crate) fn unfind(&self, object: &ObjectId) {
        if let Some(known) = lock(&self.0.state).objects.get_mut(object) {
            known.findings.clear();
        }
    }

    /// What passes over the object have found of this.
    pub fn fact(&self, object: &ObjectId, dependency: &Dependency) -> Option<Fact> {
        let state = lock(&self.0.state);
        state.objects.get(object)?.findings.get(dependency).cloned()
    }

    /// This changed: enqueues what depends on it, but for the object `by` whose pass has changed it.
    pub fn changed(&self, dependencies: &[Dependency], by: Option<&ObjectId>) {
        // While caches are filled everything is news, and enqueues nobody.
        if lock(&self.0.queues).is_empty() {
            return;
        }
        let state = lock(&self.0.state);
        let found = enqueued(&state, dependencies, by);
        drop(state);
        self.send(found);
    }

    /// Asks for a pass over this very object: a task of it began, moved or ended.
    pub fn wake(&self, object: &ObjectId) {
        self.send(vec![(object.clone(), "Task")]);
    }

    /// This will have changed after `wait`, whatever more happens until then.
    pub fn changes_within(&self, wait: Duration, dependency: Dependency) {
        if lock(&self.0.state).pending.insert(dependency.clone()) {
            let (dependents, due) = (self.clone(), Instant::now() + wait);
            tokio::spawn(async move {
                tokio::time::sleep_until(due).await;
                lock(&dependents.0.state).pending.remove(&dependency);
                dependents.changed(&[dependency], None);
            });
        }
    }

    /// Keys of the objects of a kind in a namespace, also of those that can't be read.
    pub fn in_namespace(&self, kind: &'static str, namespace: &str) -> Vec<Key> {
        let first = ObjectId {
            kind,
            key: Key {
                namespace: namespace.to_owned(),
                name: String::new(),
            },
        };
        let state = lock(&self.0.state);
        let objects = state.objects.range(&first..).map(|(object, _)| object);
        let here = objects.take_while(|object| object.kind == kind && object.key.namespace == namespace);
        here.map(|object| object.key.clone()).collect()
    }

    /// Keys of the objects of a kind that depend on one of these.
    pub fn of_kind(&self, kind: &str, dependencies: impl std::ops::RangeBounds<Dependency>) -> Vec<Key> {
        let state = lock(&self.0.state);
        let found = state
            .dependents
            .range(dependencies)
            .flat_map(|(_, dependents)| dependents);
        let found = found.filter(|dependent| dependent.kind == kind);
        found.map(|dependent| dependent.key.clone()).collect()
    }

    /// Whose passes those over the object are.
    pub(crate) fn tenant(&self, object: &ObjectId) -> Tenant {
        let state = lock(&self.0.state);
        let none = BTreeSet::new();
        let references = state.objects.get(object).map_or(&none, |known| &known.references);
        Tenant::of(&object.key, references, |platform| state.projects.get(platform))
    }

    /// To which shard the object belongs.
    pub(crate) fn shard(&self, object: &ObjectId) -> u32 {
        if self.0.shards == Shards::ONE {
            return 0;
        }
        shard(self.0.shards, &lock(&self.0.state), object)
    }

    /// The objects of a shard, also those that can't be read.
    pub(crate) fn of_shard(&self, number: u32) -> Vec<ObjectId> {
        let state = lock(&self.0.state);
        let objects = state.objects.keys();
        let here = objects.filter(|object| shard(self.0.shards, &state, object) == number);
        here.cloned().collect()
    }

    /// Whether some object depends on this.
    pub fn is_used(&self, dependency: &Dependency) -> bool {
        lock(&self.0.state).dependents.contains_key(dependency)
    }

    /// What the objects that depend on this depend on besides, as far as it is `wanted`.
    pub fn beside<T: Ord>(&self, dependency: &Dependency, wanted: impl Fn(&Dependency) -> Option<T>) -> BTreeSet<T> {
        let state = lock(&self.0.state);
        let dependents = state.dependents.get(dependency).into_iter().flatten();
        let objects = dependents.filter_map(|dependent| state.objects.get(dependent));
        objects
            .flat_map(|object| object.references.iter().filter_map(&wanted))
            .collect()
    }

    /// Objects that come to another shard because the one by which they reach a project names another one from now on.
    fn moved(
        &self,
        state: &State,
        by: &ObjectId,
        before: Option<&Dependency>,
        after: Option<&Dependency>,
    ) -> Vec<ObjectId> {
        let shard = |project: Option<&Dependency>| {
            let references = project.cloned().into_iter().collect();
            self.0.shards.of(&references, |_| None)
        };
        if shard(before) == shard(after) {
            return Vec::new();
        }
        let objects = state.dependents.get(&reached_by(&by.key));
        objects.into_iter().flatten().chain([by]).cloned().collect()
    }

    /// Lets these go: they are another process's.
    pub(crate) fn depart(&self, moved: Vec<ObjectId>) {
        for object in moved {
            // Without the lock: what is let go may ask the index.
            let depart = lock(&self.0.departures).get(object.kind).cloned();
            if let Some(depart) = depart {
                depart(&object.key);
            }
        }
    }

    fn leave<'a>(&self, state: &mut State, object: &ObjectId, left: impl Iterator<Item = &'a Dependency>) {
        for dependency in left {
            let Some(dependents) = state.dependents.get_mut(dependency) else {
                continue;
            };
            dependents.remove(object);
            if dependents.is_empty() {
                state.dependents.remove(dependency);
                // The receiver is gone only when the process ends.
                let _ = self.0.unused.send(dependency.clone());
            }
        }
    }

    fn enqueue(&self, changed: &[Dependency], by: &ObjectId) {
        if !changed.is_empty() {
            self.changed(changed, Some(by));
        }
    }

    fn send(&self, found: Vec<(ObjectId, &'static str)>) {
        let queues = lock(&self.0.queues);
        for (dependent, what) in found {
            if let Some(enqueue) = queues.get(dependent.kind) {
                enqueue(dependent.key, what);
            }
        }
    }
}

fn shard(shards: Shards, state: &State, object: &ObjectId) -> u32 {
    let none = BTreeSet::new();
    let references = state.objects.get(object).map_or(&none, |known| &known.references);
    shards.of(references, |platform| state.projects.get(platform))
}

fn enqueued(state: &State, changed: &[Dependency], by: Option<&ObjectId>) -> Vec<(ObjectId, &'static str)> {
    let ranges = changed
        .iter()
        .filter_map(|changed| Some((changed.name(), changed.enqueues()?)));
    let found = ranges.flat_map(|(what, range)| {
        let dependents = state.dependents.range(range).flat_map(|(_, dependents)| dependents);
        dependents.map(move |dependent| (dependent.clone(), what))
    });
    found.filter(|(dependent, _)| Some(dependent) != by).collect()
}

/// What differs between two states of the facts of one object.
fn difference(before: &BTreeMap<Dependency, Fact>, after: &BTreeMap<Dependency, Fact>) -> Vec<Dependency> {
    let gone = before.keys().filter(|known| !after.contains_key(known));
    let news = after.iter().filter(|(known, fact)| is_news(before.get(known), fact));
    gone.chain(news.map(|(known, _)| known)).cloned().collect()
}

fn is_news(before: Option<&Fact>, after: &Fact) -> bool {
    *after != Fact::Unsettled && before != Some(after)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
