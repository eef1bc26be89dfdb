//! What becomes of the slots of a schedule, one after another: each is begun, made up for, or missed, once.

use std::time::Duration;

use jiff::Timestamp;

use super::{Schedule, Slots};

/// One schedule of an object, and how its slots are begun.
#[derive(Clone, Copy, Debug)]
pub struct Line<'a> {
    pub schedule: &'a Schedule,
    /// The newest of the slots that were missed is begun all the same.
    pub catches_up: bool,
    /// Most that a slot is put off.
    pub jitter: Duration,
    /// Of the object: what it puts slots off by.
    pub uid: &'a str,
    /// How late a slot may be begun and still count as begun at its time.
    pub tolerance: Duration,
}

/// What has passed, and what is next.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Passed {
    /// The first slot that nothing was decided about; it may have passed, and is to be begun then.
    pub next: Option<Timestamp>,
    /// Slots at which nothing was begun, and nothing will be.
    pub missed: Slots,
}

impl Line<'_> {
    /// Goes from the slot that was `noted` as the next to `now`: of several that have passed only the newest may still be begun.
    /// After another schedule was written, or the clock went back, the next slot is the first from now on.
    pub fn pass(&self, noted: Option<Timestamp>, now: Timestamp, is_begun: impl Fn(Timestamp) -> bool) -> Passed {
        let following = self.schedule.next_after(now);
        let next = match noted {
            Some(noted) if self.schedule.is_slot(noted) && following.is_none_or(|following| noted < following) => {
                Some(noted)
            }
            _ => following,
        };
        let mut missed = next.map_or_else(Slots::default, |next| self.schedule.slots_between(next, now));
        let Some(newest) = missed.last.first().copied() else {
            return Passed { next, missed };
        };
        let is_skipped = !is_begun(newest) && !self.catches_up && self.is_late(newest, now);
        if !is_skipped {
            missed.last.remove(0);
            missed.count -= 1;
        }
        let next = if is_skipped || is_begun(newest) {
            self.schedule.next_after(newest)
        } else {
            Some(newest)
        };
        Passed { next, missed }
    }

    /// When a slot begins.
    pub fn start(&self, slot: Timestamp) -> Timestamp {
        self.schedule.start_of(slot, self.jitter, self.uid)
    }

    /// When a slot begins next: the one that was `noted`, or where that has begun already, and can't be, the one behind it.
    pub fn next_start(&self, noted: Timestamp, now: Timestamp) -> Option<Timestamp> {
        let noted = Some(self.start(noted)).filter(|start| *start > now);
        noted.or_else(|| Some(self.start(self.schedule.next_after(now)?)))
    }

    /// The slot had passed before anything could be begun.
    pub fn is_late(&self, slot: Timestamp, now: Timestamp) -> bool {
        now > self.start(slot) + self.tolerance
    }
}
