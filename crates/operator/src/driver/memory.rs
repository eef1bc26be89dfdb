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
    pub(super) memory: R,
}

impl<K, R: Default> Default for Entry<K, R> {
    fn default() -> Self {
        Self {
            last: None,
            written: None,
            due: None,
            failures: 0,
            memory: R::default(),
        }
    }
}

impl<K: ResourceExt, R> Entry<K, R> {
    /// Remembers what our own write made of the object that was read as `read`. Where a user changed it in between, the
    /// answer holds a wish that no pass has seen: then its event is no mere echo.
    pub(super) fn note(&mut self, read: &K, object: &Arc<K>) {
        self.written = object.resource_version().filter(|_| is_same_wish(read, object));
        self.last = Some(object.clone());
    }

    /// The object is as our own last write made it.
    pub(super) fn is_echo(&self, object: &K) -> bool {
        self.written.is_some() && self.written == object.resource_version()
    }
}

/// Nothing that a user can ask for differs.
fn is_same_wish<K: ResourceExt>(read: &K, written: &K) -> bool {
    let leaving = |object: &K| object.meta().deletion_timestamp.is_some();
    read.meta().generation == written.meta().generation
        && leaving(read) == leaving(written)
        && read.annotations() == written.annotations()
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use k8s_openapi::api::core::v1::ConfigMap;
    use serde_json::{Value, json};

    use super::Entry;

    #[test]
    fn the_event_of_our_own_write_is_an_echo() {
        assert!(is_echo_of(json!({ "generation": 1 })));
    }

    #[test]
    fn a_wish_that_changed_between_reading_and_writing_is_no_echo() {
        assert!(!is_echo_of(json!({ "generation": 2 })));
        assert!(!is_echo_of(json!({ "generation": 1, "annotations": { "ask": "now" } })));
        assert!(!is_echo_of(
            json!({ "generation": 1, "deletionTimestamp": "2026-11-23T10:00:00Z" })
        ));
    }

    /// Whether the answer to a write is taken for an echo, when it has this metadata and generation 1 was read.
    fn is_echo_of(mut metadata: Value) -> bool {
        let object =
            |metadata: Value| -> ConfigMap { serde_json::from_value(json!({ "metadata": metadata })).unwrap() };
        metadata["resourceVersion"] = json!("8");
        let written = object(metadata);
        let mut entry = Entry::<ConfigMap, ()>::default();
        entry.note(
            &object(json!({ "generation": 1, "resourceVersion": "5" })),
            &Arc::new(written.clone()),
        );
        entry.is_echo(&written)
    }
}
