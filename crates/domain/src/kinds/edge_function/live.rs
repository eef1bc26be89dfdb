//! Whether the desired state is live, by the last observation.

use ace_api::{Applied, ConditionType, EdgeFunction, Mode};

use super::{
    compare::Comparison,
    state::{Difference, LiveFunction, State},
};
use crate::{bundle::Closure, reconcile::status::describes};

/// The desired state is live, and there is no confirmed drift that has to be corrected.
pub(super) fn is_current(object: &EdgeFunction, state: &State) -> bool {
    let undone = match state.comparison() {
        Some(Comparison::Absent) => state.applied().is_some(),
        Some(Comparison::Foreign {
            difference: Difference::Fields(_),
            suspected_until: None,
            ..
        }) => true,
        Some(Comparison::Applied(entry)) => state.applied().is_some_and(|applied| is_opened(entry, applied)),
        _ => false,
    };
    is_live(object, state) && !(undone && object.spec.mode == Mode::Enforce)
}

/// The desired content was never live, or was overwritten before its checks passed: it still has to be rolled out.
pub(super) fn is_pending(state: &State, applied: &Applied, wanted: &Closure) -> bool {
    applied.source_digest != wanted.digest().to_string() || !is_proven(state, applied)
}

pub(super) fn is_proven(state: &State, applied: &Applied) -> bool {
    let proven = state.memo.proven.as_ref();
    proven.is_some_and(|proven| proven.source_digest == applied.source_digest)
}

/// The list shows what was applied, and not only by the name of its folder.
pub(super) fn is_proved(state: &State, entry: &LiveFunction) -> bool {
    let applied = state.applied();
    applied.is_some_and(|applied| applied.stamp == entry.stamp && !applied.unproved)
}

/// The live JWT rule differs from the applied one.
pub(super) fn is_opened(entry: &LiveFunction, applied: &Applied) -> bool {
    entry.verify_jwt.is_some_and(|seen| seen != applied.verify_jwt)
}

/// The desired state of this generation is live and its checks have passed. In mode `Observe`: the function was observed.
pub(super) fn is_live(object: &EdgeFunction, state: &State) -> bool {
    if object.spec.mode == Mode::Observe {
        return ConditionType::Ready.is_true(&state.memo.common.conditions);
    }
    let Some(applied) = state.applied() else { return false };
    is_wanted(object, state, applied)
        && applied.verify_jwt == object.spec.verify_jwt
        && state.memo.intent.is_none()
        && is_proven(state, applied)
}

/// The applied content is the desired one. While the source can't be used: it was when the status was last written for this
/// generation.
pub(super) fn is_wanted(object: &EdgeFunction, state: &State, applied: &Applied) -> bool {
    let wanted = state.wanted().or_else(|| {
        let seen = describes(&state.memo.common, object);
        let source = state.memo.source.as_ref().filter(|_| seen);
        source.map(|source| source.digest.clone())
    });
    wanted.as_ref() == Some(&applied.source_digest)
}
