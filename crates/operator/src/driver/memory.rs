use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Instant,
};

use kube::ResourceExt;

use super::Key;

/// What is kept of each object between passes. All of it can be found out again.
#[derive(Debug)]
pub struct Keep<K, R> {
    entries: Mutex<HashMap<Key, Kept<K, R>>>,
    dirty: Mutex<HashSet<Key>>,
}

/// The uid of the object that it belongs to, and what is kept of it.
type Kept<K, R> = (String, Entry<K, R>);

/// What is kept of one object.
#[derive(Clone, Debug)]
pub(super) struct Entry<K, R> {
    /// The API server's answer to our own last write: the cache may not have it yet.
    pub(super) last: Option<Arc<K>>,
    /// Version of the object that our own last write made.
    pub(super) written: Option<String>,
    /// When the object is to be looked at again.
    pub(super) due: Option<Instant>,
    /// Passes in a row that ended in trouble.
    pub(super) failures: u32,
    /// The kind's own memory.
    pub(super) recall: R,
}

impl<K, R: Default> Default for Entry<K, R> {
    fn default() -> Self {
        Self {
            last: None,
            written: None,
            due: None,
            failures: 0,
            recall: R::default(),
        }
    }
}

impl<K: ResourceExt, R> Entry<K, R> {
    /// Remembers what our own write made of the object.
    pub(super) fn note(&mut self, object: &Arc<K>) {
        self.written = object.resource_version();
        self.last = Some(object.clone());
    }

    /// The object is as our own last write made it.
    pub(super) fn is_echo(&self, object: &K) -> bool {
        self.written.is_some() && self.written == object.resource_version()
    }
}

impl<K, R> Default for Keep<K, R> {
    fn default() -> Self {
        Self {
            entries: Mutex::default(),
            dirty: Mutex::default(),
        }
    }
}

impl<K, R: Clone + Default> Keep<K, R> {
    /// Takes out what is kept of an object; nothing of another one that had the same name.
    pub(super) fn take(&self, key: &Key, uid: &str) -> Entry<K, R> {
        let kept = lock(&self.entries).remove(key).filter(|(owner, _)| owner == uid);
        kept.map(|(_, entry)| entry).unwrap_or_default()
    }

    pub(super) fn put(&self, key: &Key, uid: &str, entry: Entry<K, R>) {
        lock(&self.entries).insert(key.clone(), (uid.to_owned(), entry));
    }

    /// The object is gone.
    pub(super) fn forget(&self, key: &Key) {
        lock(&self.entries).remove(key);
        lock(&self.dirty).remove(key);
    }

    /// Somebody asks for a pass, beyond what the object itself says. Whether nobody had before.
    pub(super) fn mark(&self, key: &Key) -> bool {
        lock(&self.dirty).insert(key.clone())
    }

    pub(super) fn unmark(&self, key: &Key) -> bool {
        lock(&self.dirty).remove(key)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
