//! The status of a Restore.

use ace_api::{Restore, RestoreReason, RestoreStatus};
use jiff::Timestamp;

use super::{Cause, Decision, Inputs, State, Step, decide::running};
use crate::inputs::is_doubted;
use crate::reconcile::{
    event::{Event, stalled},
    status::{Shown, common},
};

pub fn status(object: &Restore, state: &State, decision: &Decision, now: Timestamp) -> RestoreStatus {
    let memo = &state.memo;
    if is_doubted(decision, state.memory.refusals) {
        return memo.clone();
    }
    let shown = Shown::of(decision, |_| running(None), || at_rest(state));
    RestoreStatus {
        common: common(object, &memo.common, shown, decision.is_answer(), now),
        run: match decision {
            Decision::Do(Step::Begin(run)) => Some(run.clone()),
            _ => memo.run.clone(),
        },
        ..memo.clone()
    }
}

fn at_rest(state: &State) -> Shown<RestoreReason> {
    let memo = &state.memo;
    match (&state.inputs, &memo.recovery_time) {
        (Inputs::Suspended(cause), None) => Shown::Suspended {
            cause: cause.clone(),
            is_live: false,
            unready: RestoreReason::Suspended,
        },
        (_, took) => Shown::Ready(restored(memo, took.as_deref().unwrap_or_default())),
    }
}

/// `nightly-1 restored in 6m12s, 132 of 132 tables equal, 3402117 rows`.
fn restored(memo: &RestoreStatus, took: &str) -> Cause {
    let point = memo.point.as_ref();
    let backup = point.map_or("", |point| point.backup.as_str());
    let tables = point.and_then(|point| point.tables).unwrap_or_default();
    let rows = point.and_then(|point| point.rows).unwrap_or_default();
    let message = format!("{backup} restored in {took}, {tables} of {tables} tables equal, {rows} rows");
    Cause::new(RestoreReason::Restored, message)
}

/// Events for the difference between two statuses: it is proved, or a person must act.
pub fn events(before: &RestoreStatus, after: &RestoreStatus) -> Vec<Event> {
    let is_news = after.recovery_time.is_some() && before.recovery_time.is_none();
    let took = after.recovery_time.as_deref().unwrap_or_default();
    let restored = is_news.then(|| Event::normal("Restored", restored(after, took).message));
    let stalled = stalled(before, after, |now| now.reason.clone());
    restored.into_iter().chain(stalled).collect()
}
