//! A source that can't be used: the function goes on with what was applied, and says why nothing new is rolled out.

use ace_api::{EdgeFunction, FunctionReason};

use super::{
    Cause, Decision,
    live::is_current,
    state::{PlatformState, SourceState, State},
};
use crate::reconcile::decision::Requeue;

/// What is decided about the live function, where the source can be used. Where it can't, steps are done all the same; else the
/// source's own decision is the one that is shown.
pub(super) fn without_source(object: &EdgeFunction, state: &State, decision: Decision) -> Decision {
    let Some(own) = own(object, state) else {
        return decision;
    };
    match (own, decision) {
        (_, decision @ (Decision::Do(_) | Decision::Release { .. })) => decision,
        // What stops corrections is held, and only what is shown is.
        (_, Decision::Refuse(cause, again)) if cause.reason == FunctionReason::DriftContested => {
            Decision::Refuse(cause, again)
        }
        (Decision::Settled(again), decision) => no_later(decision, again),
        (mut own, Decision::Refuse(refused, again)) => {
            if let Decision::Wait(cause, _) | Decision::Refuse(cause, _) = &mut own {
                cause.message = format!("{}; besides, {}", cause.message, refused.message);
            }
            no_later(own, again)
        }
        (own, Decision::Settled(again) | Decision::Wait(_, again)) => no_later(own, again),
    }
}

/// Why nothing can be rolled out; `None` where the source can be used.
fn own(object: &EdgeFunction, state: &State) -> Option<Decision> {
    let (reason, message) = match &state.source {
        SourceState::Ready { .. } => return None,
        SourceState::Waiting(message) => {
            let cause = Cause::new(FunctionReason::WaitingForSource, message.clone());
            return Some(Decision::Wait(cause, Requeue::OnChange));
        }
        SourceState::Failed(_) if is_current(object, state) => return Some(Decision::Settled(Requeue::Backoff)),
        SourceState::Failed(message) => {
            let cause = Cause::new(FunctionReason::Retrying, message.clone());
            return Some(Decision::Wait(cause, Requeue::Backoff));
        }
        SourceState::Refused(message) => (FunctionReason::SourceRefused, message),
        SourceState::Invalid(message) => (FunctionReason::SourceInvalid, message),
        SourceState::AccessMissing(message) => (FunctionReason::AccessMissing, message),
    };
    // That a right was given wakes nobody.
    let again = match &state.platform {
        PlatformState::Present(platform) if reason == FunctionReason::AccessMissing => {
            Requeue::After(state.timing.interval(platform.interval))
        }
        _ => Requeue::OnChange,
    };
    Some(Decision::Refuse(Cause::new(reason, message.clone()), again))
}

fn no_later(decision: Decision, than: Requeue) -> Decision {
    match decision {
        Decision::Wait(cause, again) => Decision::Wait(cause, sooner(again, than)),
        Decision::Refuse(cause, again) => Decision::Refuse(cause, sooner(again, than)),
        Decision::Settled(again) => Decision::Settled(sooner(again, than)),
        other => other,
    }
}

/// A time that is known goes before one that only grows.
fn sooner(one: Requeue, other: Requeue) -> Requeue {
    match (one, other) {
        (Requeue::After(one), Requeue::After(other)) => Requeue::After(one.min(other)),
        (Requeue::After(time), _) | (_, Requeue::After(time)) => Requeue::After(time),
        (Requeue::Backoff, _) | (_, Requeue::Backoff) => Requeue::Backoff,
        (Requeue::OnChange, Requeue::OnChange) => Requeue::OnChange,
    }
}
