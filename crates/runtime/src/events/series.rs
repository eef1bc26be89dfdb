//! Repeated events and the rate limit per object. Pure: the clock is an argument.

use std::collections::HashMap;
use std::time::Duration;

use ace_domain::reconcile::event::EventType;
use k8s_openapi::api::core::v1::ObjectReference;
use tokio::time::Instant;

use super::Publication;

/// An event that is published again within this time is counted; later it is a new event. The value is client-go's.
const WINDOW: Duration = Duration::from_mins(6);
/// Shortest time between two writes of a count.
const COUNT: Duration = Duration::from_mins(1);
/// Most series that are remembered. The one that was published longest ago is forgotten first.
const SERIES: usize = 1_024;
/// New events that one object can have at once, as in client-go …
const BURST: f64 = 25.0;
/// … and the time after which it can have another one.
const REFILL: Duration = Duration::from_mins(1);

/// What to do with a published event.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Act {
    /// It is new: create it.
    Create,
    /// It is repeated: its count is written later.
    Nothing,
    /// Its object has too many events.
    Drop,
}

/// A count to be written.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Count {
    pub(super) namespace: String,
    pub(super) name: String,
    pub(super) times: i32,
}

#[derive(Debug, Default)]
pub(super) struct Series {
    open: HashMap<Key, Open>,
    buckets: HashMap<Object, Bucket>,
}

/// Identity of a series. The note is part of it.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
struct Key {
    object: Object,
    warning: bool,
    reason: String,
    action: String,
    note: String,
}

#[derive(Clone, Debug, Eq, Hash, PartialEq)]
struct Object([Option<String>; 4]);

#[derive(Debug)]
struct Open {
    namespace: String,
    name: String,
    count: i32,
    /// When it was published last.
    published: Instant,
    /// When it was last written, and with which count.
    written: Instant,
    written_count: i32,
}

#[derive(Debug)]
struct Bucket {
    left: f64,
    at: Instant,
}

impl Series {
    pub(super) fn publish(&mut self, publication: &Publication, now: Instant) -> Act {
        let key = Key::of(publication);
        if let Some(open) = self
            .open
            .get_mut(&key)
            .filter(|open| now.duration_since(open.published) < WINDOW)
        {
            open.count = open.count.saturating_add(1);
            open.published = now;
            return Act::Nothing;
        }
        // A new event of the same key would count up the old one.
        self.open.remove(&key);
        self.buckets.retain(|_, bucket| bucket.left(now) < BURST);
        let bucket = self
            .buckets
            .entry(key.object)
            .or_insert(Bucket { left: BURST, at: now });
        *bucket = Bucket {
            left: bucket.left(now),
            at: now,
        };
        if bucket.left < 1.0 {
            return Act::Drop;
        }
        bucket.left -= 1.0;
        Act::Create
    }

    /// Records an event that was created.
    pub(super) fn created(&mut self, publication: &Publication, namespace: &str, name: &str, now: Instant) {
        if self.open.len() >= SERIES
            && let Some(oldest) = self
                .open
                .iter()
                .min_by_key(|(_, open)| open.published)
                .map(|(key, _)| key.clone())
        {
            self.open.remove(&oldest);
        }
        let open = Open {
            namespace: namespace.to_owned(),
            name: name.to_owned(),
            count: 1,
            published: now,
            written: now,
            written_count: 1,
        };
        self.open.insert(Key::of(publication), open);
    }

    /// When the next count has to be written.
    pub(super) fn next_count(&self) -> Option<Instant> {
        self.open
            .values()
            .filter(|open| open.count > open.written_count)
            .map(|open| open.written + COUNT)
            .min()
    }

    /// The counts that have to be written now.
    pub(super) fn counts(&mut self, now: Instant) -> Vec<Count> {
        let counts = self
            .open
            .values_mut()
            .filter(|open| open.count > open.written_count && open.written + COUNT <= now)
            .map(|open| {
                (open.written, open.written_count) = (now, open.count);
                Count {
                    namespace: open.namespace.clone(),
                    name: open.name.clone(),
                    times: open.count,
                }
            })
            .collect();
        self.open
            .retain(|_, open| open.count > open.written_count || now.duration_since(open.published) < WINDOW);
        counts
    }

    /// Forgets an event that the API server does not have any more.
    pub(super) fn forget(&mut self, name: &str) {
        self.open.retain(|_, open| open.name != name);
    }
}

impl Bucket {
    fn left(&self, now: Instant) -> f64 {
        (self.left + now.duration_since(self.at).div_duration_f64(REFILL)).min(BURST)
    }
}

impl Key {
    fn of(publication: &Publication) -> Self {
        let ObjectReference {
            kind,
            namespace,
            name,
            uid,
            ..
        } = &publication.regarding;
        Self {
            object: Object([kind, namespace, name, uid].map(Clone::clone)),
            warning: publication.type_ == EventType::Warning,
            reason: publication.reason.clone(),
            action: publication.action.clone(),
            note: publication.note.clone(),
        }
    }
}
