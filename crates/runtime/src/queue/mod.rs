//! The order of passes: a state machine without a clock or a thread, so that a test can run hours of it at once.
//!
//! ```text
//! asleep ──woken, or due──▶ waiting ──next──▶ running ──done──▶ asleep, until it is due
//!                              ▲                 │ woken meanwhile
//!                              └─────────────────┘
//! ```
//! What waits is ordered by urgency first. Within a class tenants take turns, and within a tenant whoever has waited longest is
//! first. What has waited for [`Limits::patience`] is a class more urgent, and so on: nothing waits for ever.

mod tenants;

#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeMap, HashMap},
    hash::Hash,
    time::{Duration, Instant},
};

use ace_domain::reconcile::timing::Timing;

use self::tenants::Tenants;

/// Why a pass is wanted. The first is the most urgent one.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub(crate) enum Class {
    /// A user changed or deleted the object.
    Change,
    /// Something that it depends on changed, or a task of it ended.
    Dependency,
    /// It waits for something, or its last pass failed.
    Retry,
    /// It is looked at from time to time.
    Poll,
    /// The process has started.
    StartUp,
}

impl Class {
    pub(crate) const ALL: [Self; 5] = [Self::Change, Self::Dependency, Self::Retry, Self::Poll, Self::StartUp];

    fn more_urgent(self) -> Option<Self> {
        let above = (self as usize).checked_sub(1)?;
        Self::ALL.get(above).copied()
    }
}

/// How many passes there may be at the same time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    pub(crate) all: usize,
    pub(crate) tenant: usize,
    /// Of a tenant whose last request got no answer.
    pub(crate) unanswered: usize,
    /// After so long what waits is a class more urgent.
    pub(crate) patience: Duration,
}

impl Limits {
    /// A pass mostly waits for others: a project that answers nothing holds one, and 256 of those hold up nobody.
    pub(crate) fn new(timing: Timing) -> Self {
        Self {
            all: 256,
            tenant: 4,
            unanswered: 1,
            patience: timing.patience(),
        }
    }
}

/// Since when something waits, and a number that tells apart what began to wait at the same time.
type Place = (Instant, u64);

/// Objects `O` of tenants `T`, and which of them is next.
pub(crate) struct Queue<O, T> {
    limits: Limits,
    /// Those that wait, run, or are due at some time.
    objects: HashMap<O, Entry<T>>,
    tenants: Tenants<O, T>,
    /// By when they are due.
    due: BTreeMap<Place, O>,
    /// By when they have waited so long that they become more urgent.
    patience: BTreeMap<Place, O>,
    running: usize,
    numbers: u64,
}

struct Entry<T> {
    tenant: T,
    state: State,
}

#[derive(Clone, Copy)]
enum State {
    /// Until the time of this place.
    Asleep(Place, Class),
    Waiting {
        class: Class,
        /// It was woken in that class, and did not rise to it.
        is_own: bool,
        place: Place,
        /// In `patience`.
        rises: Place,
    },
    Running {
        /// Why another pass is wanted, and since when.
        again: Option<(Class, Instant)>,
        is_gone: bool,
    },
}

impl<O: Clone + Eq + Hash, T: Clone + Eq + Hash> Queue<O, T> {
    pub(crate) fn new(limits: Limits) -> Self {
        Self {
            limits,
            objects: HashMap::new(),
            tenants: Tenants::new(limits),
            due: BTreeMap::new(),
            patience: BTreeMap::new(),
            running: 0,
            numbers: 0,
        }
    }

    /// A pass over the object is wanted, for this reason. While one runs, there will be another one after it.
    pub(crate) fn wake(&mut self, object: &O, tenant: &T, class: Class, now: Instant) {
        let (class, place) = match self.objects.get_mut(object) {
            Some(Entry {
                state: State::Running { again, is_gone },
                ..
            }) => {
                *is_gone = false;
                let (before, since) = again.unwrap_or((class, now));
                *again = Some((class.min(before), since));
                return;
            }
            // Its turn is also that of its tenant, which may be another one by now.
            Some(Entry {
                tenant: before,
                state: State::Waiting { class: known, .. },
            }) if *known <= class && before == tenant => return,
            Some(Entry {
                state: State::Waiting {
                    class: known, place, ..
                },
                ..
            }) => (class.min(*known), *place),
            Some(_) | None => (class, (now, self.number())),
        };
        let before = self.take(object).map(|entry| entry.tenant);
        self.list(object, tenant.clone(), class, true, place, now);
        if let Some(before) = before {
            self.tenants.tidy(&before);
        }
    }

    /// The next object to make a pass over, if one may begin now.
    pub(crate) fn next(&mut self, now: Instant) -> Option<O> {
        self.advance(now);
        if self.running >= self.limits.all {
            return None;
        }
        let object = self.tenants.next()?;
        let entry = self.objects.get_mut(&object)?;
        if let State::Waiting { rises, .. } = entry.state {
            self.patience.remove(&rises);
        }
        entry.state = State::Running {
            again: None,
            is_gone: false,
        };
        self.running += 1;
        Some(object)
    }

    /// A pass over the object has ended. The next one is `due` at this time, if nothing wakes it before.
    pub(crate) fn done(&mut self, object: &O, due: Option<(Instant, Class)>) {
        let Some(Entry {
            tenant,
            state: State::Running { again, is_gone },
        }) = self.take(object)
        else {
            return;
        };
        self.running -= 1;
        self.tenants.done(&tenant);
        match (again, due) {
            (Some((class, since)), _) => self.wait(object, tenant.clone(), class, since, since),
            (None, Some((at, class))) if !is_gone => {
                let place = (at, self.number());
                self.due.insert(place, object.clone());
                self.enter(object, tenant.clone(), State::Asleep(place, class));
            }
            _ => {}
        }
        self.tenants.tidy(&tenant);
    }

    /// The object does not exist any more.
    pub(crate) fn forget(&mut self, object: &O) {
        if let Some(Entry {
            state: State::Running { again, is_gone },
            ..
        }) = self.objects.get_mut(object)
        {
            *again = None;
            *is_gone = true;
        } else if let Some(entry) = self.take(object) {
            self.tenants.tidy(&entry.tenant);
        }
    }

    /// Whether the last request of the object's tenant was answered.
    pub(crate) fn answered(&mut self, object: &O, answered: bool) {
        if let Some(entry) = self.objects.get(object) {
            self.tenants.answered(&entry.tenant, answered);
        }
    }

    /// When something is due: `next` may have an answer then.
    pub(crate) fn due(&self) -> Option<Instant> {
        self.due.first_key_value().map(|((at, _), _)| *at)
    }

    /// How many wait for their turn.
    pub(crate) fn waiting(&self) -> usize {
        self.patience.len()
    }

    /// What is due waits from now on, and what has waited for long is more urgent.
    fn advance(&mut self, now: Instant) {
        while let Some(object) = first_until(&self.due, now) {
            if let Some(Entry {
                tenant,
                state: State::Asleep(place, class),
            }) = self.take(&object)
            {
                self.wait(&object, tenant, class, place.0, now);
            }
        }
        while let Some(object) = first_until(&self.patience, now) {
            if let Some(Entry {
                tenant,
                state: State::Waiting {
                    class, is_own, place, ..
                },
            }) = self.take(&object)
            {
                let above = class.more_urgent();
                let is_own = is_own && above.is_none();
                self.list(&object, tenant, above.unwrap_or(class), is_own, place, now);
            }
        }
    }

    /// Puts an object that is nowhere at the end of its class.
    fn wait(&mut self, object: &O, tenant: T, class: Class, since: Instant, now: Instant) {
        let place = (since, self.number());
        self.list(object, tenant, class, true, place, now);
    }

    /// Puts an object that is nowhere into the list of its class, from which it rises some time after `now`.
    fn list(&mut self, object: &O, tenant: T, class: Class, is_own: bool, place: Place, now: Instant) {
        let rises = (now + self.limits.patience, self.number());
        self.patience.insert(rises, object.clone());
        self.tenants.insert(&tenant, class, is_own, place, object.clone());
        let state = State::Waiting {
            class,
            is_own,
            place,
            rises,
        };
        self.enter(object, tenant, state);
    }

    fn enter(&mut self, object: &O, tenant: T, state: State) {
        self.tenants.enter(&tenant);
        self.objects.insert(object.clone(), Entry { tenant, state });
    }

    /// Takes an object out of where it is. Its tenant stays as it is until it is tidied up.
    fn take(&mut self, object: &O) -> Option<Entry<T>> {
        let entry = self.objects.remove(object)?;
        self.tenants.leave(&entry.tenant);
        match entry.state {
            State::Asleep(place, _) => {
                self.due.remove(&place);
            }
            State::Waiting {
                class,
                is_own,
                place,
                rises,
            } => {
                self.patience.remove(&rises);
                self.tenants.remove(&entry.tenant, class, is_own, place);
            }
            State::Running { .. } => {}
        }
        Some(entry)
    }

    fn number(&mut self) -> u64 {
        self.numbers += 1;
        self.numbers
    }
}

fn first_until<O: Clone>(places: &BTreeMap<Place, O>, now: Instant) -> Option<O> {
    let ((at, _), object) = places.first_key_value()?;
    (*at <= now).then(|| object.clone())
}
