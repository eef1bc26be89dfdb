//! A function is live that this object does not remember: known by an archive, waiting for a person, or replaced.

use std::sync::Arc;

use ace_api::{AdoptionPolicy, EdgeFunction, FunctionReason, Mode, Reason};
use jiff::Timestamp;

use super::{
    Decision, Why,
    rollout::{Before, held, refuse_held, roll_out},
    step::Step,
    world::{Entry, PlatformFacts, World},
};
use crate::{decision::Again, names::reconcile_at, source::Closure};

/// A function is live that this object does not remember.
pub(super) fn first_contact(
    object: &EdgeFunction,
    world: &World,
    platform: &PlatformFacts,
    content: &Arc<Closure>,
    entry: &Entry,
    now: Timestamp,
) -> Decision {
    let mark = entry.mark.as_ref().filter(|mark| **mark != content.revision());
    if let Some(mark) = mark {
        let name = archive_name(object, &mark.to_string());
        if world.recall.archive.as_ref().is_none_or(|(read, _)| *read != name) {
            return Decision::Do(Step::LoadArchive(name));
        }
    }
    if object.spec.mode == Mode::Observe {
        return Decision::Settled(Again::OnWake);
    }
    let unknown = FunctionReason::UnknownOwnDeploy.as_str();
    let digest = content.digest().to_string();
    if let Some(held) = held(object, world, Some(&digest)).filter(|held| held.reason != unknown) {
        return refuse_held(held, Again::OnWake);
    }
    let asked = (world.memo.held.as_ref())
        .is_some_and(|held| held.reason == unknown && held.reconcile_at != reconcile_at(object));
    match mark {
        _ if object.spec.adoption_policy == AdoptionPolicy::Always => {}
        Some(_) if asked => {}
        Some(mark) => {
            let message = format!(
                "version {} was deployed by an ace-operator as {mark}, and this object does not remember it: change the annotation `ops.mobulace.com/reconcile-at` to replace it, or set `spec.adoptionPolicy: Always`",
                entry.stamp.version
            );
            return Decision::Refuse(Why::new(FunctionReason::UnknownOwnDeploy, message), Again::OnWake);
        }
        None => {
            let message = format!(
                "version {} is live and differs from the source: bring the source up to it, or set `spec.adoptionPolicy: Always` to archive and replace it",
                entry.stamp.version
            );
            return Decision::Refuse(Why::new(FunctionReason::AdoptionConflict, message), Again::OnWake);
        }
    }
    roll_out(object, world, platform, content, Before::Foreign(entry), now)
}

/// Name of the archive that keeps a revision of this object's function.
pub fn archive_name(object: &EdgeFunction, revision: &str) -> String {
    let name = object.metadata.name.as_deref().unwrap_or_default();
    let room = 253 - 1 - revision.len();
    format!("{}-{revision}", &name[..name.floor_char_boundary(room)])
}
