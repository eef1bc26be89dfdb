//! A source that can't be used: the applied content stays desired, and the conditions say why nothing new is rolled out.

use ace_api::{EdgeFunction, FunctionReason};

use super::{
    Cause, Decision,
    live::is_current,
    state::{PlatformState, SourceState, State},
};
use crate::reconcile::decision::Requeue;

/// Returns the decision about the live function if the source can be used. If it can't, steps are done all the same, and any
/// other decision is replaced by the one about the source.
pub(super) fn without_source(object: &EdgeFunction, state: &State, decision: Decision) -> Decision {
    let Some(own) = own(object, state) else {
        return decision;
    };
    match (own, decision) {
        (_, decision @ (Decision::Do(_) | Decision::Release { .. })) => decision,
        // That corrections have stopped is held in status, and only a decision that is returned gets there.
        (_, Decision::Refuse(cause, requeue)) if cause.reason == FunctionReason::DriftContested => {
            Decision::Refuse(cause, requeue)
        }
        (Decision::Settled(requeue), decision) => no_later(decision, requeue),
        (mut own, Decision::Refuse(refused, requeue)) => {
            if let Decision::Wait(cause, _) | Decision::Refuse(cause, _) = &mut own {
                cause.message = format!("{}; besides, {}", cause.message, refused.message);
            }
            no_later(own, requeue)
        }
        (own, Decision::Settled(requeue) | Decision::Wait(_, requeue)) => no_later(own, requeue),
    }
}

/// The decision about a source that can't be used; `None` where it can.
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
    // A right that is granted triggers no reconcile, so it is checked once per interval.
    let requeue = match &state.platform {
        PlatformState::Present(platform) if reason == FunctionReason::AccessMissing => {
            Requeue::After(state.timing.interval(platform.interval))
        }
        _ => Requeue::OnChange,
    };
    Some(Decision::Refuse(Cause::new(reason, message.clone()), requeue))
}

fn no_later(decision: Decision, than: Requeue) -> Decision {
    match decision {
        Decision::Wait(cause, requeue) => Decision::Wait(cause, sooner(requeue, than)),
        Decision::Refuse(cause, requeue) => Decision::Refuse(cause, sooner(requeue, than)),
        Decision::Settled(requeue) => Decision::Settled(sooner(requeue, than)),
        other => other,
    }
}

/// A known time comes before a backoff.
fn sooner(one: Requeue, other: Requeue) -> Requeue {
    match (one, other) {
        (Requeue::After(one), Requeue::After(other)) => Requeue::After(one.min(other)),
        (Requeue::After(time), _) | (_, Requeue::After(time)) => Requeue::After(time),
        (Requeue::Backoff, _) | (_, Requeue::Backoff) => Requeue::Backoff,
        (Requeue::OnChange, Requeue::OnChange) => Requeue::OnChange,
    }
}
