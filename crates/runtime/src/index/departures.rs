use std::{
    collections::{HashMap, HashSet},
    hash::{DefaultHasher, Hash, Hasher},
};

use ace_domain::reconcile::{annotations::is_leaving, key::Key};
use kube::{ResourceExt, core::DeserializeGuard, runtime::watcher};

/// Follows the objects of one kind: says what an event tells of one that was not known, and names those that are gone, also
/// those that went while the watch was away.
#[derive(Debug, Default)]
pub(crate) struct Departures {
    known: HashMap<Key, Seen>,
    listed: HashSet<Key>,
}

/// The version of an object that was seen last.
#[derive(Debug, Eq, PartialEq)]
struct Seen {
    version: Option<String>,
    /// Digest of what a user can ask for.
    requests: u64,
}

/// What an event tells.
#[derive(Debug, Default, Eq, PartialEq)]
pub(crate) struct Told {
    /// Of the object that it brings; nothing where that was seen in this version.
    pub(crate) news: Option<News>,
    /// Objects that it shows to be gone.
    pub(crate) gone: Vec<Key>,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum News {
    /// The object was not known. `listed`: it was there before the watch was.
    New { listed: bool },
    /// A user has changed or deleted it.
    Requested,
    /// Its status has changed, or something that decisions do not read.
    Other,
}

impl Departures {
    /// Takes an event.
    pub(crate) fn take<K>(&mut self, event: &watcher::Event<DeserializeGuard<K>>) -> Told
    where
        DeserializeGuard<K>: ResourceExt,
    {
        match event {
            watcher::Event::Init => self.listed.clear(),
            watcher::Event::InitApply(object) => {
                self.listed.insert(Key::of(object));
                return self.see(object, true);
            }
            watcher::Event::Apply(object) => return self.see(object, false),
            watcher::Event::InitDone => {
                let listed = std::mem::take(&mut self.listed);
                let gone = self.known.extract_if(|key, _| !listed.contains(key));
                let gone = gone.map(|(key, _)| key).collect();
                return Told { news: None, gone };
            }
            watcher::Event::Delete(object) => {
                let key = Key::of(object);
                let gone = self.known.remove(&key).map(|_| key).into_iter().collect();
                return Told { news: None, gone };
            }
        }
        Told::default()
    }

    fn see(&mut self, object: &impl ResourceExt, listed: bool) -> Told {
        let seen = Seen {
            version: object.resource_version(),
            requests: requests(object),
        };
        let requests = seen.requests;
        let news = match self.known.insert(Key::of(object), seen) {
            None => Some(News::New { listed }),
            Some(before) if before.requests != requests => Some(News::Requested),
            Some(before) if before.version.is_some() && before.version == object.resource_version() => None,
            Some(_) => Some(News::Other),
        };
        Told { news, gone: Vec::new() }
    }
}

fn requests(object: &impl ResourceExt) -> u64 {
    let mut digest = DefaultHasher::new();
    let uid = &object.meta().uid;
    (uid, object.meta().generation, is_leaving(object), object.annotations()).hash(&mut digest);
    digest.finish()
}
