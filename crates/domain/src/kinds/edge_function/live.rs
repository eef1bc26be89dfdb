//! Whether the wish is live, as far as is known.

use ace_api::{Applied, ConditionType, EdgeFunction, Mode};

use super::{
    compare::Comparison,
    state::{Difference, LiveFunction, State},
};
use crate::bundle::Closure;

/// The wish is live, and nothing that is believed of the live function says that it has to be corrected.
pub(super) fn is_current(object: &EdgeFunction, state: &State) -> bool {
    let undone = match state.comparison() {
        Some(Comparison::Absent) => state.applied().is_some(),
        Some(Comparison::Foreign {
            difference,
            suspected_until: None,
            ..
        }) => difference != Difference::NotComparable,
        Some(Comparison::Applied(entry)) => state.applied().is_some_and(|applied| is_opened(entry, applied)),
        _ => false,
    };
    is_live(object, state) && !(undone && object.spec.mode == Mode::Enforce)
}

/// The wish was never live, or somebody wrote over it before it was proven: it is still to be rolled out.
pub(super) fn is_pending(state: &State, applied: &Applied, wanted: &Closure) -> bool {
    applied.source_digest != wanted.digest().to_string() || !is_proven(state, applied)
}

fn is_proven(state: &State, applied: &Applied) -> bool {
    let proven = state.memo.proven.as_ref();
    proven.is_some_and(|proven| proven.source_digest == applied.source_digest)
}

/// The live JWT rule is another than the applied one.
pub(super) fn is_opened(entry: &LiveFunction, applied: &Applied) -> bool {
    entry.verify_jwt.is_some_and(|seen| seen != applied.verify_jwt)
}

/// The wish of this generation is live and proven, as far as is known. In `Observe`: it was looked at.
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

/// The applied content is the wanted one; where the source can't be used, it was when the status was last written for this spec.
pub(super) fn is_wanted(object: &EdgeFunction, state: &State, applied: &Applied) -> bool {
    let wanted = state.wanted().or_else(|| {
        let seen = state.memo.common.observed_generation == object.metadata.generation;
        let source = state.memo.source.as_ref().filter(|_| seen);
        source.map(|source| source.digest.clone())
    });
    wanted.as_ref() == Some(&applied.source_digest)
}
