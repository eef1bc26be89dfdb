//! Which rule is due when, and what is known of each.

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
    time::Duration,
};

use ace_api::AlertRule;
use ace_database::Shape;
use ace_domain::{
    kinds::alert_rule::{Answer, Measured, Record, advance},
    reconcile::{
        annotations::reconcile_at,
        key::Key,
        timing::{Timing, share},
    },
};
use jiff::Timestamp;
use kube::ResourceExt;

/// Longest sleep while nothing is due.
const LONGEST_WAIT: Duration = Duration::from_hours(1);

/// Every rule, and when it is due.
pub(super) struct Rules {
    timing: Timing,
    entries: HashMap<Key, Entry>,
    due: BTreeSet<(Timestamp, Key)>,
}

struct Entry {
    object: Arc<AlertRule>,
    record: Option<Record>,
    /// It is to be asked, since then.
    is_asked: bool,
    followed: Timestamp,
    /// When it is due, unless a turn is under way.
    due: Timestamp,
    running: Running,
    /// Columns of its query, once they are known.
    shape: Option<Shape>,
    /// A pass says that it was not asked for three intervals.
    is_lost: bool,
    /// A person asks for the next turn.
    is_requested: bool,
}

/// Whether a turn is under way.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Running {
    No,
    Yes,
    /// And the rule has changed meanwhile.
    Outdated,
}

/// One turn of a rule.
#[derive(Clone, Debug)]
pub struct Turn {
    pub key: Key,
    pub object: Arc<AlertRule>,
    pub due: Timestamp,
    pub shape: Option<Shape>,
    /// A person asks for it: what failed before is tried again.
    pub is_requested: bool,
}

impl Turn {
    /// It begins an interval too late: it is left out.
    pub fn is_late(&self, timing: Timing, now: Timestamp) -> bool {
        now >= self.due + timing.interval(self.object.spec.interval.get())
    }
}

impl Rules {
    pub(super) fn new(timing: Timing) -> Self {
        Self {
            timing,
            entries: HashMap::new(),
            due: BTreeSet::new(),
        }
    }

    pub(super) fn follow(&mut self, object: &AlertRule, is_asked: bool, now: Timestamp) -> (Option<Record>, Timestamp) {
        let key = Key::of(object);
        let interval = self.timing.interval(object.spec.interval.get());
        let entry = self.entries.entry(key.clone());
        let entry = entry.and_modify(|entry| {
            if entry.object.uid() != object.uid() {
                *entry = Entry::new(object, now);
            }
        });
        let entry = entry.or_insert_with(|| Entry::new(object, now));
        let was = (&entry.object.metadata.generation, reconcile_at(entry.object.as_ref()));
        let is_requested = was.1 != reconcile_at(object);
        let is_changed = was.0 != &object.metadata.generation || is_requested;
        if *entry.object != *object {
            entry.object = Arc::new(object.clone());
        }
        self.due.remove(&(entry.due, key.clone()));
        if is_asked && !entry.is_asked {
            entry.followed = now;
            entry.due = now + share(interval, &object.uid().unwrap_or_default());
        } else if is_changed {
            entry.due = now;
            if entry.running == Running::Yes {
                entry.running = Running::Outdated;
            }
        }
        if is_changed {
            entry.shape = None;
            entry.is_requested |= is_requested;
        }
        entry.is_asked = is_asked;
        if is_asked && entry.running == Running::No {
            self.due.insert((entry.due, key));
        }
        let turned = entry.record.as_ref().and_then(Record::turned);
        entry.is_lost = is_lost(self.timing, entry, turned, now);
        (entry.record.clone(), entry.followed)
    }

    pub(super) fn forget(&mut self, key: &Key) {
        if let Some(entry) = self.entries.remove(key) {
            self.due.remove(&(entry.due, key.clone()));
        }
    }

    /// The turns that are due. Each rule has one at a time.
    pub(super) fn take(&mut self, now: Timestamp) -> Vec<Turn> {
        let mut turns = Vec::new();
        while let Some((due, key)) = self.due.first().cloned().filter(|(due, _)| *due <= now) {
            self.due.pop_first();
            let Some(entry) = self.entries.get_mut(&key) else {
                continue;
            };
            entry.running = Running::Yes;
            turns.push(Turn {
                key,
                object: entry.object.clone(),
                due,
                shape: entry.shape,
                is_requested: std::mem::take(&mut entry.is_requested),
            });
        }
        turns
    }

    /// How long nothing is due.
    pub(super) fn wait(&self, now: Timestamp) -> Duration {
        let next = self.due.first().map(|(due, _)| due.duration_since(now));
        let wait = next.map_or(LONGEST_WAIT, |wait| wait.try_into().unwrap_or(Duration::ZERO));
        wait.min(LONGEST_WAIT)
    }

    /// Takes in an answer; true if the rule's status would differ.
    pub(super) fn answered(&mut self, turn: &Turn, answer: &Answer, shape: Option<Shape>, now: Timestamp) -> bool {
        let timing = self.timing;
        let Some(entry) = self.ended(turn, now) else {
            return false;
        };
        let before = entry.record.take();
        let after = advance(&turn.object, before.clone().unwrap_or_default(), answer, timing, now);
        let is_news = before.is_none_or(|before| before.shows() != after.shows()) || entry.is_lost;
        entry.record = Some(after);
        if entry.object.metadata.generation == turn.object.metadata.generation {
            entry.shape = shape;
        }
        entry.is_lost = false;
        is_news
    }

    /// The turn was left out; true if the rule's status would differ.
    pub(super) fn skipped(&mut self, turn: &Turn, now: Timestamp) -> bool {
        let timing = self.timing;
        let Some(entry) = self.ended(turn, now) else {
            return false;
        };
        let turned = entry.record.as_ref().and_then(Record::turned);
        let was_lost = entry.is_lost;
        entry.is_lost = is_lost(timing, entry, turned, now);
        entry.is_lost != was_lost
    }

    /// A turn is over, and the next one comes at the rule's own rhythm; those that have passed meanwhile are not made up for.
    fn ended(&mut self, turn: &Turn, now: Timestamp) -> Option<&mut Entry> {
        let entry = self.entries.get_mut(&turn.key)?;
        if entry.object.uid() != turn.object.uid() {
            return None;
        }
        if std::mem::replace(&mut entry.running, Running::No) == Running::Outdated {
            entry.due = now;
        } else {
            let interval = self.timing.interval(entry.object.spec.interval.get());
            entry.due = next(turn.due, interval, now);
        }
        if entry.is_asked {
            self.due.insert((entry.due, turn.key.clone()));
        }
        Some(entry)
    }

    /// Platforms whose database is asked.
    pub(super) fn platforms(&self) -> BTreeSet<Key> {
        let asked = self.entries.values().filter(|entry| entry.is_asked);
        let asked = asked.filter(|entry| entry.object.spec.source.sql.is_some());
        asked
            .map(|entry| Key::beside(entry.object.as_ref(), &entry.object.spec.platform_ref.name))
            .collect()
    }

    pub(super) fn measured(&self) -> Vec<(Key, Measured)> {
        let measured = self.entries.iter();
        measured
            .filter_map(|(key, entry)| Some((key.clone(), entry.record.as_ref()?.measured()?)))
            .collect()
    }
}

impl Entry {
    fn new(object: &AlertRule, now: Timestamp) -> Self {
        Self {
            object: Arc::new(object.clone()),
            record: object.status.is_some().then(|| Record::restored(object)),
            is_asked: false,
            followed: now,
            due: now,
            running: Running::No,
            shape: None,
            is_lost: false,
            is_requested: false,
        }
    }
}

fn is_lost(timing: Timing, entry: &Entry, turned: Option<Timestamp>, now: Timestamp) -> bool {
    let since = turned.unwrap_or(entry.followed).max(entry.followed);
    timing.is_lost(since, entry.object.spec.interval.get(), now)
}

/// The first time after `now` in the rhythm of `due`.
fn next(due: Timestamp, interval: Duration, now: Timestamp) -> Timestamp {
    let passed = now.duration_since(due).as_nanos().max(0).unsigned_abs();
    let interval_nanos = interval.as_nanos().max(1);
    let turns = u32::try_from(passed / interval_nanos)
        .unwrap_or(u32::MAX)
        .saturating_add(1);
    interval
        .checked_mul(turns)
        .and_then(|wait| due.checked_add(wait).ok())
        .unwrap_or(now + interval)
}
