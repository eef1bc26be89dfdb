//! When a silence is.

use std::time::Duration;

use ace_api::{Silence, SilenceReason, SilenceState};
use jiff::Timestamp;

use super::Cause;
use crate::reconcile::schedule::Schedule;

/// Longest silence that is no schedule.
const LONGEST: Duration = Duration::from_hours(30 * 24);

/// One silence: that which is, or the next one, or the only one where it is over.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Window {
    pub from: Timestamp,
    /// Not included.
    pub until: Timestamp,
}

impl Window {
    pub fn state(&self, now: Timestamp) -> SilenceState {
        if now < self.from {
            SilenceState::Waiting
        } else if now < self.until {
            SilenceState::Active
        } else {
            SilenceState::Over
        }
    }

    /// When its state changes next.
    pub fn turns(&self, now: Timestamp) -> Option<Timestamp> {
        [self.from, self.until].into_iter().find(|time| now < *time)
    }
}

/// The silence that is now, or the next one; or why there is none.
pub fn window(object: &Silence, now: Timestamp) -> Result<Window, Cause> {
    let spec = &object.spec;
    if let Some(schedule) = &spec.schedule {
        let invalid = |message: String| Cause::new(SilenceReason::ScheduleInvalid, message);
        let slots = Schedule::new(&schedule.cron, &schedule.time_zone).map_err(|error| invalid(error.to_string()))?;
        let duration = schedule.duration.get();
        let of = |from: Timestamp| Window {
            from,
            until: from.saturating_add(duration).unwrap_or(from),
        };
        let latest = slots.latest_at_or_before(now).map(of);
        return latest
            .filter(|window| now < window.until)
            .or_else(|| slots.next_after(now).map(of))
            .ok_or_else(|| invalid("the schedule has no time to come".to_owned()));
    }
    let created = object.metadata.creation_timestamp.as_ref().map(|time| time.0);
    let (Some(from), Some(until)) = (spec.from.or(created), spec.until) else {
        // Never happens: the API server refuses such a spec, and every object was created.
        let message = "the spec has neither `until` nor `schedule`";
        return Err(Cause::new(SilenceReason::ScheduleInvalid, message));
    };
    if until > from.saturating_add(LONGEST).unwrap_or(from) {
        let message = format!("it would last from {from} to {until}, and 30 days are the most: lower `until`");
        return Err(Cause::new(SilenceReason::TooLong, message));
    }
    Ok(Window { from, until })
}
