//! When something is due: a schedule as cron writes it, in a time zone.

mod line;
#[cfg(test)]
mod model;
mod refusal;
#[cfg(test)]
mod tests;

use std::time::Duration;

use croner::{Cron, errors::CronError};
use jiff::{SignedDuration, Timestamp, Zoned, civil::DateTime, tz::TimeZone};

use super::timing::share;

pub use line::{Line, Passed};
pub use refusal::ScheduleError;

/// Most slots that are counted one by one: of ten years, those of every nine hours.
const MOST_COUNTED: usize = 10_000;

/// Most slots that a status names.
const MOST_NAMED: usize = 5;

/// Slots that the longest interval is looked for in: those of a year, where there is one each day.
const YEAR: usize = 366;

/// The minutes at which something is due: its slots. Both `0` and `7` are Sunday; where both fields of days are set, a day of either
/// is one. What is due at one time of the day and not at several is due once a day: right behind the gap where the clock skips that
/// time, and at the first of the two where the clock goes back.
#[derive(Clone, Debug)]
pub struct Schedule {
    cron: Cron,
    zone: TimeZone,
}

/// Slots that have passed.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Slots {
    /// How many; at most 10,000.
    pub count: usize,
    /// The last ones, at most five, the newest first.
    pub last: Vec<Timestamp>,
}

impl Schedule {
    /// Five fields, or a name such as `@daily`; a time zone by its name in the IANA database.
    pub fn new(text: &str, zone: &str) -> Result<Self, ScheduleError> {
        Ok(Self {
            cron: refusal::cron(text)?,
            zone: refusal::zone(zone)?,
        })
    }

    pub fn zone(&self) -> &TimeZone {
        &self.zone
    }

    /// The first slot after this time; none at the end of time.
    pub fn next_after(&self, time: Timestamp) -> Option<Timestamp> {
        found(self.cron.find_next_occurrence(&self.zoned(time), false))
    }

    /// The last slot that has passed at this time.
    pub fn latest_at_or_before(&self, time: Timestamp) -> Option<Timestamp> {
        found(self.cron.find_previous_occurrence(&self.zoned(time), true))
    }

    /// Whether something is due at this very time.
    pub fn is_slot(&self, time: Timestamp) -> bool {
        self.latest_at_or_before(time) == Some(time)
    }

    /// The slots from `first` to `last`, both included.
    pub fn slots_between(&self, first: Timestamp, last: Timestamp) -> Slots {
        let mut before = Some(last).filter(|last| first <= *last);
        let mut latest = Vec::new();
        while let Some(slot) = before
            .and_then(|time| self.latest_at_or_before(time))
            .filter(|slot| first <= *slot)
            && latest.len() < MOST_NAMED
        {
            latest.push(slot);
            before = slot.checked_sub(SignedDuration::from_secs(1)).ok();
        }
        if latest.len() < MOST_NAMED {
            return Slots {
                count: latest.len(),
                last: latest,
            };
        }
        let oldest = latest.last().copied().unwrap_or(last);
        let mut count = latest.len();
        let mut next = Some(first)
            .filter(|first| self.is_slot(*first))
            .or_else(|| self.next_after(first));
        while let Some(slot) = next.filter(|slot| *slot < oldest)
            && count < MOST_COUNTED
        {
            count += 1;
            next = self.next_after(slot);
        }
        Slots { count, last: latest }
    }

    /// When the slot begins: up to `jitter` later, by the uid of its object, and at most by half the time until the next slot.
    pub fn start_of(&self, slot: Timestamp, jitter: Duration, uid: &str) -> Timestamp {
        let interval = self.next_after(slot).map_or(Duration::ZERO, |next| apart(slot, next));
        slot.saturating_add(share(jitter.min(interval / 2), uid))
            .unwrap_or(slot)
    }

    /// The longest time between two of the next 366 slots: a day that has 25 hours is among them, where there is a slot each day.
    pub fn longest_interval(&self, from: Timestamp) -> Duration {
        let mut longest = Duration::ZERO;
        let mut before = self.next_after(from);
        for _ in 0..YEAR {
            let next = before.and_then(|slot| self.next_after(slot));
            let (Some(slot), Some(following)) = (before, next) else {
                break;
            };
            longest = longest.max(apart(slot, following));
            before = next;
        }
        longest
    }

    fn zoned(&self, time: Timestamp) -> Zoned {
        time.to_zoned(self.zone.clone())
    }
}

fn found(slot: Result<Zoned, CronError>) -> Option<Timestamp> {
    slot.ok().map(|slot| slot.timestamp())
}

/// Time between two slots.
fn apart(slot: Timestamp, next: Timestamp) -> Duration {
    next.duration_since(slot).try_into().unwrap_or_default()
}

/// The part of an object's name that stands for a slot: its minute, as `yyyymmddhhmm` in UTC.
pub fn stamp(slot: Timestamp) -> String {
    slot.strftime(STAMP).to_string()
}

/// The slot that such a part of a name stands for.
pub fn slot_of(stamp: &str) -> Option<Timestamp> {
    let minute = DateTime::strptime(STAMP, stamp).ok()?;
    minute.to_zoned(TimeZone::UTC).ok().map(|slot| slot.timestamp())
}

const STAMP: &str = "%Y%m%d%H%M";
