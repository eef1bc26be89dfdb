//! The status of a Silence.

use ace_api::{Silence, SilenceReason, SilenceState, SilenceStatus};
use jiff::{Timestamp, tz::TimeZone};

use super::{Cause, Decision, State, Window, window};
use crate::reconcile::{
    event::{Event, stalled},
    schedule::Schedule,
    status::{Shown, common},
};

pub fn status(object: &Silence, state: &State, decision: &Decision, now: Timestamp) -> SilenceStatus {
    let window = window(object, now).ok();
    let at_rest = || Shown::Ready(said(object, window, now));
    let shown = Shown::of(decision, |step| match *step {}, at_rest);
    SilenceStatus {
        common: common(object, &state.memo.common, shown, decision.is_answer(), now),
        state: window.map(|window| window.state(now)),
        from: window.map(|window| window.from),
        until: window.map(|window| window.until),
        rules: i32::try_from(state.rules).ok(),
    }
}

fn said(object: &Silence, window: Option<Window>, now: Timestamp) -> Cause {
    let zone = object.spec.schedule.as_ref();
    let zone = zone.and_then(|schedule| Schedule::new(&schedule.cron, &schedule.time_zone).ok());
    let zone = zone.map_or(TimeZone::UTC, |schedule| schedule.zone().clone());
    let Some(window) = window else {
        return Cause::new(SilenceReason::Over, "nothing is held back");
    };
    let [from, until] = [window.from, window.until].map(|time| time.to_zoned(zone.clone()));
    let shown = |time: &jiff::Zoned| time.strftime("%Y-%m-%dT%H:%M%:z").to_string();
    match window.state(now) {
        SilenceState::Active => Cause::new(SilenceReason::Active, format!("until {}", shown(&until))),
        SilenceState::Waiting => {
            let end = if from.date() == until.date() && from.offset() == until.offset() {
                until.strftime("%H:%M").to_string()
            } else {
                shown(&until)
            };
            Cause::new(SilenceReason::Waiting, format!("next from {} to {end}", shown(&from)))
        }
        SilenceState::Over => Cause::new(SilenceReason::Over, format!("ended at {}; delete it", shown(&until))),
    }
}

/// Events for the difference between two statuses: something is held back, or no more, or a person must act.
pub fn events(before: &SilenceStatus, after: &SilenceStatus) -> Vec<Event> {
    let turned = match (before.state, after.state) {
        (before, Some(SilenceState::Active)) if before != Some(SilenceState::Active) => {
            Some(Event::normal("SilenceBegan", "what it covers is not told"))
        }
        (Some(SilenceState::Active), now) if now != Some(SilenceState::Active) => {
            Some(Event::normal("SilenceEnded", "what still fires is told"))
        }
        _ => None,
    };
    let stalled = stalled(before, after, |now| now.reason.clone());
    turned.into_iter().chain(stalled).collect()
}
