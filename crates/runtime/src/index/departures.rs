use std::collections::HashSet;

use ace_domain::reconcile::key::Key;
use kube::{ResourceExt, core::DeserializeGuard, runtime::watcher};

/// Follows the objects of one kind and names those that are gone, also those that went while the watch was away.
#[derive(Debug, Default)]
pub(crate) struct Departures {
    known: HashSet<Key>,
    listed: HashSet<Key>,
}

impl Departures {
    /// Takes an event; answers with the objects that it shows to be gone.
    pub(crate) fn take<K>(&mut self, event: &watcher::Event<DeserializeGuard<K>>) -> Vec<Key>
    where
        DeserializeGuard<K>: ResourceExt,
    {
        match event {
            watcher::Event::Init => self.listed.clear(),
            watcher::Event::InitApply(object) => {
                self.listed.insert(Key::of(object));
                self.known.insert(Key::of(object));
            }
            watcher::Event::Apply(object) => {
                self.known.insert(Key::of(object));
            }
            watcher::Event::InitDone => {
                let listed = std::mem::take(&mut self.listed);
                let (stay, gone): (_, HashSet<_>) = self.known.drain().partition(|key| listed.contains(key));
                self.known = stay;
                return gone.into_iter().collect();
            }
            watcher::Event::Delete(object) => {
                let key = Key::of(object);
                return self.known.remove(&key).then_some(key).into_iter().collect();
            }
        }
        Vec::new()
    }
}
