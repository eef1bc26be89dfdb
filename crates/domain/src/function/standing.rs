//! Whether the wish is live, as far as is known.

use ace_api::{Applied, ConditionType, EdgeFunction, Mode};

use super::{
    compare::Sighting,
    world::{Difference, Entry, World},
};
use crate::source::Closure;

/// The wish is live, and nothing that is believed of the live function says that it has to be corrected.
pub(super) fn stands(object: &EdgeFunction, world: &World) -> bool {
    let undone = match world.sighting() {
        Some(Sighting::Absent) => world.applied().is_some(),
        Some(Sighting::Foreign {
            difference,
            suspected_until: None,
            ..
        }) => difference != Difference::NotComparable,
        Some(Sighting::Applied(entry)) => world.applied().is_some_and(|applied| is_opened(entry, applied)),
        _ => false,
    };
    is_live(object, world) && !(undone && object.spec.mode == Mode::Enforce)
}

/// The wish was never live, or somebody wrote over it before it was proven: it is still to be rolled out.
pub(super) fn is_pending(world: &World, applied: &Applied, wanted: &Closure) -> bool {
    applied.source_digest != wanted.digest().to_string() || !is_proven(world, applied)
}

fn is_proven(world: &World, applied: &Applied) -> bool {
    let proven = world.memo.proven.as_ref();
    proven.is_some_and(|proven| proven.source_digest == applied.source_digest)
}

/// The live JWT rule is another than the applied one.
pub(super) fn is_opened(entry: &Entry, applied: &Applied) -> bool {
    entry.verify_jwt.is_some_and(|seen| seen != applied.verify_jwt)
}

/// The wish of this generation is live and proven, as far as is known. In `Observe`: it was looked at.
pub(super) fn is_live(object: &EdgeFunction, world: &World) -> bool {
    if object.spec.mode == Mode::Observe {
        return ConditionType::Ready.is_true(&world.memo.conditions);
    }
    let Some(applied) = world.applied() else { return false };
    is_wanted(object, world, applied)
        && applied.verify_jwt == object.spec.verify_jwt
        && world.memo.intent.is_none()
        && is_proven(world, applied)
}

/// The applied content is the wanted one; where the source can't be used, it was when the status was last written for this spec.
pub(super) fn is_wanted(object: &EdgeFunction, world: &World, applied: &Applied) -> bool {
    let wanted = world.wanted().or_else(|| {
        let seen = world.memo.observed_generation == object.metadata.generation;
        let source = world.memo.source.as_ref().filter(|_| seen);
        source.map(|source| source.digest.clone())
    });
    wanted.as_ref() == Some(&applied.source_digest)
}
