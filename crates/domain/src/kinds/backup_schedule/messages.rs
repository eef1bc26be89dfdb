//! Why a schedule is not as it should be.

use ace_api::{BackupReason, BackupSchedule, FreshReason, Reason as _, ScheduleReason, ShownBy};
use jiff::Timestamp;

use super::{
    Cause, Known, Phase, State,
    health::{Finding, fresh, verified},
};

/// What is wrong with the backups that there are; nothing while `Fresh` and `Verified` are not False and the last one did not fail.
pub(super) fn trouble(object: &BackupSchedule, state: &State, now: Timestamp) -> Option<Cause> {
    let (fresh, verified) = (fresh(object, state, now), verified(object, state, now));
    let is_false = |value| value == Some(false);
    if let Some(cause) = failure(state) {
        return Some(cause);
    }
    if is_false(fresh.value) {
        let reason = match fresh.cause.reason {
            FreshReason::NeverSucceeded => ScheduleReason::NeverSucceeded,
            _ => ScheduleReason::Stale,
        };
        return Some(with_next(reason, fresh, state));
    }
    is_false(verified.value).then(|| Cause::new(ScheduleReason::NotVerified, verified.cause.message))
}

fn with_next(reason: ScheduleReason, fresh: Finding<FreshReason>, state: &State) -> Cause {
    let next = state
        .memo
        .next_time
        .map(|next| format!("; the next backup is due at {next}"));
    Cause::new(reason, fresh.cause.message + next.as_deref().unwrap_or_default())
}

/// The last backup of a slot failed, and nobody cancelled it.
fn failure(state: &State) -> Option<Cause> {
    let ended = state
        .backups
        .iter()
        .filter(|backup| backup.is_scheduled() && backup.phase != Phase::Running);
    let last = ended.max_by_key(|backup| backup.created)?;
    let (reason, message) = last.said.as_ref().filter(|_| last.phase == Phase::Failed)?;
    let is_cancelled = *reason == BackupReason::Cancelled;
    let message = format!("{}: {message}", last.name);
    (!is_cancelled).then(|| {
        Cause::new(
            own(*reason, ShownBy::Stalled).unwrap_or(ScheduleReason::AllAttemptsFailed),
            message,
        )
    })
}

/// What keeps a backup that is being made, where that is known.
pub(super) fn kept(running: &Known) -> Option<Cause> {
    let (reason, message) = running.said.as_ref()?;
    let reason = own(*reason, ShownBy::Reconciling)?;
    Some(Cause::new(reason, format!("{}: {message}", running.name)))
}

/// The reason of the same name, where a schedule has it in the same place.
fn own(reason: BackupReason, place: ShownBy) -> Option<ScheduleReason> {
    ScheduleReason::named(reason.as_str()).filter(|reason| reason.shown_by() == place)
}
