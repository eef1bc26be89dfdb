//! Copies that are not what was stored.

use ace_api::{Backup, BackupCopy, BackupDriftReason, BackupReason, BackupStatus, CopyState};
use jiff::Timestamp;

use super::{Cause, Problem, State, StepError, StepResult, decide::is_made, messages};
use crate::kinds::backup_destination::Presence;
use crate::reconcile::{
    decision,
    drift::{DriftAssessment, ended, field},
    held,
    timing::share,
};

/// A copy that its destination doubts, or that was lost and may be there again, and that was not looked at since.
pub(super) fn unchecked(state: &State) -> Option<&BackupCopy> {
    state.memo.copies.iter().find(|copy| {
        let suspicion = state.suspicions.get(&copy.destination);
        let is_doubted = match copy.state {
            CopyState::Complete => suspicion.is_some(),
            CopyState::Missing | CopyState::Changed => true,
            CopyState::Copying | CopyState::Failed => false,
        };
        is_doubted && state.memory.checked.get(&copy.destination) != Some(&suspicion.cloned())
    })
}

/// A copy was looked at. One that can't be is what it was.
pub(super) fn checked(state: &mut State, copy: &BackupCopy, outcome: &Result<StepResult, StepError>, now: Timestamp) {
    let Ok(StepResult::Checked(presence)) = *outcome else {
        let failures = state.memory.unchecked.map_or(0, |(failures, _)| failures);
        let again = now + state.timing.backoff(failures);
        state.memory.unchecked = Some((failures.saturating_add(1), again));
        return;
    };
    let suspicion = state.suspicions.get(&copy.destination).cloned();
    state.memory.checked.insert(copy.destination.clone(), suspicion);
    state.memory.unchecked = None;
    let mut copies = state.memo.copies.iter_mut();
    if let Some(known) = copies.find(|known| known.destination == copy.destination) {
        (known.state, known.message) = match presence {
            Presence::Present => (CopyState::Complete, None),
            Presence::Missing => (CopyState::Missing, Some("the data or its manifest is gone".to_owned())),
            Presence::Changed(bytes) => (CopyState::Changed, Some(format!("the data has {bytes} bytes now"))),
        };
    }
}

/// When the identity is next tried on what is stored: once a day, at a time of its own.
pub(super) fn audit_time(object: &Backup, state: &State) -> Timestamp {
    let uid = object.metadata.uid.as_deref().unwrap_or_default();
    let first = state.memory.first.unwrap_or(state.began);
    state
        .memory
        .audit
        .unwrap_or_else(|| first + share(state.timing.audit(), uid))
}

/// The identity was tried. Where the store did not answer, it is tried again; what it does not open is no backup.
pub(super) fn audited(object: &Backup, state: &mut State, outcome: &Result<StepResult, StepError>, now: Timestamp) {
    let timing = state.timing;
    let wait = match outcome {
        Err(error) if matches!(error.problem, Problem::Final(_)) => {
            let cause = messages::cause(error);
            state.memo.held = Some(held::hold(object, cause.reason, &cause.message));
            timing.audit()
        }
        Err(_) => timing.backoff_most(),
        Ok(_) => timing.audit(),
    };
    state.memory.audit = Some(now + wait);
}

fn is_lost(copy: &BackupCopy) -> bool {
    matches!(copy.state, CopyState::Missing | CopyState::Changed)
}

/// Why a backup that was complete is none any more.
pub(super) fn lost(memo: &BackupStatus) -> Option<Cause> {
    if memo.copies.iter().any(|copy| copy.state == CopyState::Complete) {
        return None;
    }
    let first = memo.copies.iter().find(|copy| is_lost(copy))?;
    let what = first.message.as_deref().unwrap_or_default();
    let reason = match first.state {
        CopyState::Changed => BackupReason::Corrupt,
        _ => BackupReason::Missing,
    };
    let message = format!(
        "no destination has what was stored: in BackupDestination `{}` {what}; put it back there, or delete this object",
        first.destination
    );
    Some(Cause::new(reason, message))
}

/// Whether each copy is what was stored, as far as it was made.
pub(super) fn assess(memo: &BackupStatus, now: Timestamp) -> Option<DriftAssessment<BackupDriftReason>> {
    let cause = decision::Cause::new;
    if !is_made(memo) {
        return None;
    }
    let lost: Vec<&BackupCopy> = memo.copies.iter().filter(|copy| is_lost(copy)).collect();
    let Some(first) = lost.first() else {
        let none = cause(
            BackupDriftReason::NoDrift,
            "every copy is where it was stored".to_owned(),
        );
        return Some(DriftAssessment::none(none, ended(memo.drift.as_ref(), now)));
    };
    let named: Vec<String> = lost
        .iter()
        .map(|copy| {
            let what = copy.message.as_deref().unwrap_or_default();
            format!("in BackupDestination `{}` {what}", copy.destination)
        })
        .collect();
    let reason = match first.state {
        CopyState::Changed => BackupDriftReason::ObjectChanged,
        _ => BackupDriftReason::ObjectMissing,
    };
    let fields = lost.iter().map(|copy| {
        let observed = if copy.state == CopyState::Changed {
            "another"
        } else {
            "absent"
        };
        field(&copy.destination, "what was stored", observed)
    });
    let found = cause(reason, named.join(", "));
    Some(DriftAssessment::found(
        found,
        fields.collect(),
        memo.drift.as_ref(),
        now,
    ))
}
