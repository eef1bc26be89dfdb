use std::{
    collections::{HashMap, HashSet},
    sync::{Mutex, MutexGuard, PoisonError},
};

use ace_domain::reconcile::{key::Key, object_state::ObjectState};

/// What is kept of each object between passes, and for which objects a pass was asked for.
#[derive(Debug)]
pub(crate) struct ObjectStates<O, M> {
    /// `None` while a pass has it.
    states: Mutex<HashMap<Key, Option<Kept<O, M>>>>,
    enqueued: Mutex<HashSet<Key>>,
}

/// The uid of the object that it belongs to, and what is kept of it.
type Kept<O, M> = (String, ObjectState<O, M>);

impl<O, M> Default for ObjectStates<O, M> {
    fn default() -> Self {
        Self {
            states: Mutex::default(),
            enqueued: Mutex::default(),
        }
    }
}

impl<O, M: Default> ObjectStates<O, M> {
    /// Takes out what is kept of an object; nothing of another one that had the same name.
    pub(crate) fn take(&self, key: &Key, uid: &str) -> ObjectState<O, M> {
        let kept = lock(&self.states).insert(key.clone(), None).flatten();
        let kept = kept.filter(|(owner, _)| owner == uid);
        kept.map(|(_, state)| state).unwrap_or_default()
    }

    /// Keeps what was taken out; false where the object has gone meanwhile, of which nothing is kept.
    pub(crate) fn put(&self, key: &Key, uid: &str, state: ObjectState<O, M>) -> bool {
        let mut states = lock(&self.states);
        let Some(kept) = states.get_mut(key) else {
            return false;
        };
        *kept = Some((uid.to_owned(), state));
        true
    }

    /// The object is gone.
    pub(crate) fn forget(&self, key: &Key) {
        lock(&self.states).remove(key);
        lock(&self.enqueued).remove(key);
    }

    /// Somebody asks for a pass, beyond what the object itself says. Whether nobody had before.
    pub(crate) fn mark(&self, key: &Key) -> bool {
        lock(&self.enqueued).insert(key.clone())
    }

    pub(crate) fn unmark(&self, key: &Key) -> bool {
        lock(&self.enqueued).remove(key)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
