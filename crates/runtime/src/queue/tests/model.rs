//! Random histories, of which a list without any index says what must come next.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, Instant},
};

use proptest::{collection::vec, prelude::*};

use super::super::{Class, Limits, Queue};

const LIMITS: Limits = Limits {
    all: 5,
    tenant: 3,
    unanswered: 1,
    patience: Duration::from_secs(40),
};
const OBJECTS: u8 = 12;

#[derive(Clone, Debug)]
enum Event {
    Wake(u8, Class),
    Begin,
    /// The pass ends that began at this place among those that run; the next is due after so many seconds.
    End(usize, Option<(u64, Class)>),
    Forget(u8),
    Answered(u8, bool),
    /// So many seconds pass.
    Later(u64),
}

fn class() -> impl Strategy<Value = Class> {
    prop::sample::select(Class::ALL.to_vec())
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        6 => (0..OBJECTS, class()).prop_map(|(object, class)| Event::Wake(object, class)),
        6 => Just(Event::Begin),
        4 => (0..LIMITS.all, prop::option::of((1_u64..60, class()))).prop_map(|(place, due)| Event::End(place, due)),
        1 => (0..OBJECTS).prop_map(Event::Forget),
        1 => (0..OBJECTS, any::<bool>()).prop_map(|(object, answered)| Event::Answered(object, answered)),
        2 => (1_u64..30).prop_map(Event::Later),
    ]
}

/// Objects are numbers, and each third is of the same tenant.
fn tenant(object: u8) -> u8 {
    object % 3
}

#[derive(Clone, Debug)]
enum Is {
    Asleep {
        due: Instant,
        class: Class,
    },
    Waiting {
        class: Class,
        risen: bool,
        since: Instant,
        in_class_since: Instant,
    },
    Running {
        again: Option<(Class, Instant)>,
        gone: bool,
    },
}

#[derive(Debug, Default)]
struct Model {
    objects: BTreeMap<u8, Is>,
    unanswered: BTreeMap<u8, bool>,
    /// Since when a tenant could begin something of a class: who did instead.
    passed_over: BTreeMap<(Class, u8), Vec<u8>>,
}

impl Model {
    fn wake(&mut self, object: u8, class: Class, now: Instant) {
        let is = match self.objects.get(&object) {
            Some(&Is::Running { again, .. }) => {
                let (before, since) = again.unwrap_or((class, now));
                Is::Running {
                    again: Some((before.min(class), since)),
                    gone: false,
                }
            }
            Some(Is::Waiting { class: before, .. }) if *before <= class => return,
            Some(&Is::Waiting { since, .. }) => Is::Waiting {
                class,
                risen: false,
                since,
                in_class_since: now,
            },
            _ => Is::Waiting {
                class,
                risen: false,
                since: now,
                in_class_since: now,
            },
        };
        self.objects.insert(object, is);
    }

    fn advance(&mut self, now: Instant) {
        for is in self.objects.values_mut() {
            if let Is::Asleep { due, class } = *is
                && due <= now
            {
                *is = Is::Waiting {
                    class,
                    risen: false,
                    since: due,
                    in_class_since: now,
                };
            } else if let Is::Waiting {
                class,
                risen,
                in_class_since,
                ..
            } = is
                && now >= *in_class_since + LIMITS.patience
            {
                *in_class_since = now;
                let above = Class::ALL.iter().rev().find(|above| **above < *class);
                *risen |= above.is_some();
                *class = above.copied().unwrap_or(*class);
            }
        }
    }

    fn running(&self, of: Option<u8>) -> usize {
        let running = self.objects.iter().filter(|(_, is)| matches!(is, Is::Running { .. }));
        running
            .filter(|(object, _)| of.is_none_or(|of| tenant(**object) == of))
            .count()
    }

    fn has_room(&self, of: u8) -> bool {
        let unanswered = self.unanswered.get(&of).copied().unwrap_or_default();
        self.running(Some(of)) < if unanswered { LIMITS.unanswered } else { LIMITS.tenant }
    }

    /// Those that may be next: of the most urgent class, and of each tenant who has waited longest in it.
    fn candidates(&self) -> (Option<Class>, Vec<u8>) {
        if self.running(None) >= LIMITS.all {
            return (None, Vec::new());
        }
        let waiting = self.objects.iter().filter_map(|(object, is)| match is {
            Is::Waiting {
                class, risen, since, ..
            } if self.has_room(tenant(*object)) => Some((*class, *risen, *since, *object)),
            _ => None,
        });
        let waiting: Vec<_> = waiting.collect();
        let Some(best) = waiting.iter().map(|(class, ..)| *class).min() else {
            return (None, Vec::new());
        };
        let of_best = || waiting.iter().filter(|(class, ..)| *class == best);
        let mut found = Vec::new();
        for (_, risen, since, object) in of_best() {
            let of_tenant = || of_best().filter(|(.., other)| tenant(*other) == tenant(*object));
            // In the class of changes there are two lists, of which the one with the later first may be passed over.
            let list = |other: bool| best != Class::Change || other == *risen;
            let is_first = of_tenant().all(|(_, other, time, _)| !list(*other) || since <= time);
            let is_later =
                best == Class::Change && *risen && of_tenant().any(|(_, other, time, _)| !other && time < since);
            if is_first && !is_later {
                found.push(*object);
            }
        }
        (Some(best), found)
    }

    fn begin(&mut self, object: u8, class: Class, candidates: &[u8]) -> Result<(), TestCaseError> {
        prop_assert!(
            candidates.contains(&object),
            "{object} of {candidates:?}: {:?}",
            self.objects
        );
        let own = tenant(object);
        let others: BTreeSet<u8> = candidates.iter().map(|other| tenant(*other)).collect();
        for other in others.into_iter().filter(|other| *other != own) {
            let passed = self.passed_over.entry((class, other)).or_default();
            prop_assert!(!passed.contains(&own), "{other} is passed over for {own} twice");
            passed.push(own);
        }
        self.passed_over.remove(&(class, own));
        self.objects.insert(
            object,
            Is::Running {
                again: None,
                gone: false,
            },
        );
        Ok(())
    }

    /// Who has nothing of a class, or no room for it, is not passed over.
    fn tidy(&mut self) {
        let could = |class: Class, of: u8| {
            let waits = |(object, is): (&u8, &Is)| {
                tenant(*object) == of && matches!(is, Is::Waiting { class: other, .. } if *other == class)
            };
            self.has_room(of) && self.objects.iter().any(waits)
        };
        let passed = self.passed_over.keys().filter(|(class, of)| !could(*class, *of));
        for passed in passed.copied().collect::<Vec<_>>() {
            self.passed_over.remove(&passed);
        }
        let objects = &self.objects;
        self.unanswered
            .retain(|of, _| objects.keys().any(|object| tenant(*object) == *of));
    }

    fn end(&mut self, object: u8, due: Option<(Instant, Class)>) {
        let Some(Is::Running { again, gone }) = self.objects.remove(&object) else {
            return;
        };
        let is = match (again, due) {
            (Some((class, since)), _) => Is::Waiting {
                class,
                risen: false,
                since,
                in_class_since: since,
            },
            (None, Some((due, class))) if !gone => Is::Asleep { due, class },
            _ => return,
        };
        self.objects.insert(object, is);
    }

    fn forget(&mut self, object: u8) {
        match self.objects.get_mut(&object) {
            Some(Is::Running { again, gone }) => (*again, *gone) = (None, true),
            _ => _ = self.objects.remove(&object),
        }
    }
}

proptest! {
    #[test]
    fn whatever_happens_the_next_one_is_one_that_may_be(events in vec(event(), 1..300)) {
        let (mut queue, mut model) = (Queue::new(LIMITS), Model::default());
        let (mut now, mut running) = (Instant::now(), Vec::<u8>::new());
        for event in events {
            match event {
                Event::Wake(object, class) => {
                    queue.wake(&object, &tenant(object), class, now);
                    model.wake(object, class, now);
                }
                Event::Begin => {
                    model.advance(now);
                    let (class, candidates) = model.candidates();
                    let begun = queue.next(now);
                    prop_assert_eq!(begun.is_some(), !candidates.is_empty(), "{:?}", model.objects);
                    if let (Some(object), Some(class)) = (begun, class) {
                        model.begin(object, class, &candidates)?;
                        running.push(object);
                    }
                }
                Event::End(place, due) if place < running.len() => {
                    let object = running.remove(place);
                    let due = due.map(|(after, class)| (now + Duration::from_secs(after), class));
                    queue.done(&object, due);
                    model.end(object, due);
                }
                Event::End(..) => {}
                Event::Forget(object) => {
                    queue.forget(&object);
                    model.forget(object);
                }
                Event::Answered(object, answered) => {
                    // It is told by a pass, whose tenant has an object that runs.
                    if running.contains(&object) {
                        queue.answered(&object, answered);
                        model.unanswered.insert(tenant(object), !answered);
                    }
                }
                Event::Later(seconds) => now += Duration::from_secs(seconds),
            }
            model.tidy();
            prop_assert_eq!(running.len(), model.running(None));
        }
    }
}
