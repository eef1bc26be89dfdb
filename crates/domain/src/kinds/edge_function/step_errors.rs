//! What a step without a result means.

use ace_api::{EdgeFunction, FunctionReason};

use super::{
    Cause, Decision, checks,
    live::is_current,
    rollout::{held_now, refuse_held},
    state::{PlatformState, State},
};
use crate::reconcile::decision::{Requeue, StepError};

/// A temporary error does not change the conditions if the desired state is live, or if a person has to act anyway.
pub(super) fn postpone(object: &EdgeFunction, state: &State, cause: Cause, requeue: Requeue) -> Decision {
    if is_current(object, state) {
        return Decision::Settled(requeue);
    }
    match held_now(object, state) {
        Some(held) if state.memo.intent.is_none() && !checks::is_roll_back_due(state, held) => {
            refuse_held(held, requeue)
        }
        _ => Decision::Wait(cause, requeue),
    }
}

pub(super) fn after_error(object: &EdgeFunction, state: &State, step_error: &StepError) -> Decision {
    let (cause, requeue) = failure(state, step_error);
    if matches!(step_error, StepError::Shared(_)) {
        return Decision::Wait(cause, requeue);
    }
    if cause.reason != FunctionReason::AccessMissing {
        return postpone(object, state, cause, requeue);
    }
    if is_current(object, state) {
        Decision::Settled(requeue)
    } else {
        Decision::Refuse(cause, requeue)
    }
}

/// What a step without a result means, and when it is tried again.
pub(super) fn failure(state: &State, step_error: &StepError) -> (Cause, Requeue) {
    let retry = |message: &str| (Cause::new(FunctionReason::Retrying, message), Requeue::Backoff);
    match step_error {
        StepError::Shared(wait) => {
            let message = "one list will serve the changes of other functions, too";
            (Cause::new(FunctionReason::Confirming, message), Requeue::After(*wait))
        }
        StepError::Deferred(deferral) => {
            let requests = match &state.platform {
                PlatformState::Present(platform) => platform.requests_per_minute,
                PlatformState::Absent => 0,
            };
            let cause = Cause::new(FunctionReason::RateLimited, deferral.message(requests, state.began));
            (cause, Requeue::After(deferral.again))
        }
        StepError::Unanswered(message) | StepError::Refused(message) | StepError::Failed(message) => retry(message),
        StepError::NotPermitted(message) => (
            Cause::new(FunctionReason::NotPermitted, message.clone()),
            Requeue::After(state.platform.interval(state.timing)),
        ),
        StepError::OutcomeUnknown(None) => retry("the outcome of the last request is unknown; checking again"),
        StepError::OutcomeUnknown(Some(says)) => retry(&format!(
            "the platform answered the last request with {says}; its outcome is unknown; checking again"
        )),
        // A right that is granted triggers no reconcile, so it is checked once per interval.
        StepError::AccessMissing(message) => (
            Cause::new(FunctionReason::AccessMissing, message.clone()),
            Requeue::After(state.platform.interval(state.timing)),
        ),
    }
}
