//! The object is being deleted.

use ace_api::{DeletionPolicy, EdgeFunction, Mode};
use jiff::Timestamp;

use super::{
    Decision, Why, intent,
    step::Step,
    world::{Claim, PlatformSight, World},
};
use crate::decision::{Again, Trouble};
use ace_api::FunctionReason;

/// The object is being deleted.
pub(super) fn is_leaving(object: &EdgeFunction) -> bool {
    object.metadata.deletion_timestamp.is_some()
}

/// Deletes only what is the object's own and unchanged; anything else stays, and an event says so.
pub(super) fn decide(object: &EdgeFunction, world: &World, now: Timestamp) -> Decision {
    let left = |why: &str| Decision::Release {
        left_live: Some(why.to_owned()),
    };
    let spec = &object.spec;
    if spec.deletion_policy == DeletionPolicy::Retain || spec.mode == Mode::Observe {
        return Decision::Release { left_live: None };
    }
    if let Some(trouble) = &world.trouble {
        return match trouble {
            Trouble::AccessMissing(message) => left(message),
            Trouble::Deferred(again) => Decision::Wait(
                Why::new(FunctionReason::RateLimited, "waits to delete the function"),
                Again::After(*again),
            ),
            Trouble::Unanswered(message) | Trouble::Refused(message) | Trouble::Failed(message) => {
                Decision::Wait(Why::new(FunctionReason::Retrying, message.clone()), Again::Backoff)
            }
            Trouble::OutcomeUnknown => Decision::Wait(
                Why::new(FunctionReason::Retrying, "the answer was lost; looking again"),
                Again::Backoff,
            ),
        };
    }
    if spec.suspend {
        return left("the object is suspended");
    }
    let platform = match &world.platform {
        PlatformSight::Absent => return left("its Platform is gone"),
        PlatformSight::Present(platform) if platform.leaving => {
            return left("its Platform, or the Platform's token, is gone");
        }
        PlatformSight::Present(platform) if platform.suspended => return left("its Platform is suspended"),
        PlatformSight::Present(platform) => platform,
    };
    if let Claim::Lost(owner) = &world.claim {
        return left(&format!("it belongs to EdgeFunction {owner}"));
    }
    if world.applied().is_none() && world.memo.intent.is_none() {
        let is_there = world
            .look
            .as_ref()
            .is_some_and(|look| look.is_fresh() && look.entry.is_some());
        return if is_there {
            left("this object does not remember having made it")
        } else {
            Decision::Release { left_live: None }
        };
    }
    let retry = |message: &str| Decision::Wait(Why::new(FunctionReason::Retrying, message), Again::OnWake);
    if !platform.listed || !platform.answering {
        return retry(&platform.message);
    }
    let Some(look) = &world.look else {
        return retry("the function was not looked at yet");
    };
    let not_before = look.last_write.map_or(world.began, |write| write.max(world.began));
    if look.started < not_before {
        return Decision::Do(Step::List { not_before });
    }
    if world.memo.intent.is_some() {
        return intent::decide(world, now);
    }
    match (&look.entry, world.applied()) {
        (None, _) if !world.is_absence_confirmed(look) => Decision::Do(Step::Get),
        (None, _) => Decision::Release { left_live: None },
        (Some(entry), Some(applied)) if applied.stamp == entry.stamp => Decision::Do(Step::Delete),
        (Some(_), _) => left("somebody else has changed it since"),
    }
}
