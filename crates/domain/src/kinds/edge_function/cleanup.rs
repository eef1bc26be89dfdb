//! Decisions while the object is being deleted.

use ace_api::{DeletionPolicy, EdgeFunction, FunctionReason, Mode};
use jiff::Timestamp;

use super::{
    Cause, Decision, intent,
    live::is_proved,
    state::{Claim, PlatformState, State},
    step::Step,
    step_errors::failure,
};
use crate::reconcile::{decision::Requeue, event::Event};

/// Deletes only what this object deployed and what is unchanged since; anything else stays live, and an event says so.
pub(super) fn decide(object: &EdgeFunction, state: &State, now: Timestamp) -> Decision {
    let left = |cause: &str| Decision::Release {
        event: Some(Event::warning("LeftLive", format!("the function stays live: {cause}"))),
    };
    let spec = &object.spec;
    if spec.deletion_policy == DeletionPolicy::Retain || spec.mode == Mode::Observe {
        return Decision::Release { event: None };
    }
    if let Some(step_error) = &state.step_error {
        return match failure(state, step_error) {
            (cause, _) if cause.reason == FunctionReason::AccessMissing => left(&cause.message),
            (cause, requeue) => Decision::Wait(cause, requeue),
        };
    }
    if spec.suspend {
        return left("the object is suspended");
    }
    let platform = match &state.platform {
        PlatformState::Absent => return left("its Platform does not exist"),
        PlatformState::Present(platform) if platform.leaving => {
            return left("its Platform is being deleted, or the Platform's token is missing");
        }
        PlatformState::Present(platform) if platform.suspended => return left("its Platform is suspended"),
        PlatformState::Present(platform) => platform,
    };
    match &state.claim {
        Claim::Lost(Some(owner)) => return left(&format!("it belongs to EdgeFunction {owner}")),
        Claim::Lost(None) => return left("it belongs to an EdgeFunction in another namespace"),
        Claim::Owned | Claim::Unsettled => {}
    }
    if state.applied().is_none() && state.memo.intent.is_none() {
        let is_there = state
            .listing
            .as_ref()
            .is_some_and(|listing| listing.is_fresh() && listing.entry.is_some());
        return if is_there {
            left("the status of this object has no record of deploying it")
        } else {
            Decision::Release { event: None }
        };
    }
    let retry = |message: &str| Decision::Wait(Cause::new(FunctionReason::Retrying, message), Requeue::OnChange);
    if state.claim == Claim::Unsettled {
        let message = "an older EdgeFunction claims this slug, and its Platform has not been checked yet";
        let again = Requeue::After(state.timing.stale_list());
        return Decision::Wait(Cause::new(FunctionReason::Retrying, message), again);
    }
    if !platform.listed || !platform.answering {
        return retry(&platform.message);
    }
    let Some(listing) = &state.listing else {
        return retry("the function has not been observed yet");
    };
    let not_before = listing.last_write.map_or(state.began, |write| write.max(state.began));
    if listing.started < not_before {
        return Decision::Do(Step::List { not_before });
    }
    if state.memo.intent.is_some() {
        return intent::next(state, now);
    }
    match (&listing.entry, state.applied()) {
        (None, _) if !state.is_absence_confirmed(listing) => Decision::Do(Step::Get),
        (None, _) => Decision::Release { event: None },
        (Some(entry), _) if is_proved(state, entry) => Decision::Do(Step::Delete),
        (Some(entry), Some(applied)) if applied.stamp == entry.stamp => {
            left("only the name of its folder says that this object deployed it")
        }
        (Some(_), _) => left("it was changed out of band"),
    }
}
