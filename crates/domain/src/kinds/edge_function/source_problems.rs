//! A source that can't be used: the applied content stays desired, and the conditions say why nothing new is rolled out.

use ace_api::{EdgeFunction, FunctionReason};
use jiff::Timestamp;

use super::{Decision, live::is_current, state::State};
use crate::{inputs::SourceProblem, reconcile::decision::Requeue};

/// Returns the decision about the live function if the source can be used. If it can't, steps are done all the same, and any
/// other decision is replaced by the one about the source.
pub(super) fn without_source(object: &EdgeFunction, state: &State, decision: Decision, now: Timestamp) -> Decision {
    let Some(own) = own(object, state) else {
        return decision;
    };
    match (own, decision) {
        (_, decision @ (Decision::Do(_) | Decision::Release { .. })) => decision,
        // That corrections have stopped is held in status, and only a decision that is returned gets there.
        (_, Decision::Refuse(cause, requeue)) if cause.reason == FunctionReason::DriftContested => {
            Decision::Refuse(cause, requeue)
        }
        (Decision::Settled(requeue), decision) => no_later(decision, requeue, now),
        (mut own, Decision::Refuse(refused, requeue)) => {
            if let Decision::Wait(cause, _) | Decision::Refuse(cause, _) = &mut own {
                cause.message = format!("{}; besides, {}", cause.message, refused.message);
            }
            no_later(own, requeue, now)
        }
        (own, Decision::Settled(requeue) | Decision::Wait(_, requeue)) => no_later(own, requeue, now),
    }
}

/// The decision about a source that can't be used; `None` where it can.
fn own(object: &EdgeFunction, state: &State) -> Option<Decision> {
    Some(match state.source.problem()? {
        SourceProblem::Waiting(cause) => Decision::Wait(cause, Requeue::OnChange),
        SourceProblem::Unread(_) if is_current(object, state) => Decision::Settled(Requeue::Backoff),
        SourceProblem::Unread(cause) => Decision::Wait(cause, Requeue::Backoff),
        // A right that is granted triggers no reconcile, so it is checked once per interval.
        SourceProblem::Refused(cause) if cause.reason == FunctionReason::AccessMissing => {
            Decision::Refuse(cause, Requeue::After(state.platform.interval(state.timing)))
        }
        SourceProblem::Refused(cause) => Decision::Refuse(cause, Requeue::OnChange),
    })
}

/// The decision, with the next look no later than this.
pub(super) fn no_later(decision: Decision, than: Requeue, now: Timestamp) -> Decision {
    match decision {
        Decision::Wait(cause, requeue) => Decision::Wait(cause, requeue.or_sooner(than, now)),
        Decision::Refuse(cause, requeue) => Decision::Refuse(cause, requeue.or_sooner(than, now)),
        Decision::Settled(requeue) => Decision::Settled(requeue.or_sooner(than, now)),
        other => other,
    }
}
