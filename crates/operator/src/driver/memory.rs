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
    entries: Mutex<HashMap<String, Entry<K, R>>>,
    dirty: Mutex<HashSet<Key>>,
}

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
    pub(super) fn take(&self, uid: &str) -> Entry<K, R> {
        lock(&self.entries).remove(uid).unwrap_or_default()
    }

    pub(super) fn put(&self, uid: &str, entry: Entry<K, R>) {
        lock(&self.entries).insert(uid.to_owned(), entry);
    }

    pub(super) fn remove(&self, uid: &str) {
        lock(&self.entries).remove(uid);
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
