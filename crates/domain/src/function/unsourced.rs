//! A source that can't be used: the function goes on with what was applied, and says why nothing new is rolled out.

use ace_api::{EdgeFunction, FunctionReason};

use super::{
    Decision, Why,
    standing::stands,
    world::{PlatformSight, SourceSight, World},
};
use crate::decision::Again;

/// What is decided about the live function, where the source can be used. Where it can't, steps are done all the same; else the
/// source's own decision is the one that is shown.
pub(super) fn without_source(object: &EdgeFunction, world: &World, decision: Decision) -> Decision {
    let Some(own) = own(object, world) else {
        return decision;
    };
    match (own, decision) {
        (_, decision @ (Decision::Do(_) | Decision::Release { .. })) => decision,
        // What stops corrections is held, and only what is shown is.
        (_, Decision::Refuse(why, again)) if why.reason == FunctionReason::DriftContested => {
            Decision::Refuse(why, again)
        }
        (Decision::Settled(again), decision) => no_later(decision, again),
        (mut own, Decision::Refuse(refused, again)) => {
            if let Decision::Wait(why, _) | Decision::Refuse(why, _) = &mut own {
                why.message = format!("{}; besides, {}", why.message, refused.message);
            }
            no_later(own, again)
        }
        (own, Decision::Settled(again) | Decision::Wait(_, again)) => no_later(own, again),
    }
}

/// Why nothing can be rolled out; `None` where the source can be used.
fn own(object: &EdgeFunction, world: &World) -> Option<Decision> {
    let (reason, message) = match &world.source {
        SourceSight::Ready { .. } => return None,
        SourceSight::Waiting(message) => {
            let why = Why::new(FunctionReason::WaitingForSource, message.clone());
            return Some(Decision::Wait(why, Again::OnWake));
        }
        SourceSight::Failed(_) if stands(object, world) => return Some(Decision::Settled(Again::Backoff)),
        SourceSight::Failed(message) => {
            let why = Why::new(FunctionReason::Retrying, message.clone());
            return Some(Decision::Wait(why, Again::Backoff));
        }
        SourceSight::Refused(message) => (FunctionReason::SourceRefused, message),
        SourceSight::Invalid(message) => (FunctionReason::SourceInvalid, message),
        SourceSight::AccessMissing(message) => (FunctionReason::AccessMissing, message),
    };
    // That a right was given wakes nobody.
    let again = match &world.platform {
        PlatformSight::Present(platform) if reason == FunctionReason::AccessMissing => {
            Again::After(world.pace.interval(platform.interval))
        }
        _ => Again::OnWake,
    };
    Some(Decision::Refuse(Why::new(reason, message.clone()), again))
}

fn no_later(decision: Decision, than: Again) -> Decision {
    match decision {
        Decision::Wait(why, again) => Decision::Wait(why, sooner(again, than)),
        Decision::Refuse(why, again) => Decision::Refuse(why, sooner(again, than)),
        Decision::Settled(again) => Decision::Settled(sooner(again, than)),
        other => other,
    }
}

/// A time that is known goes before one that only grows.
fn sooner(one: Again, other: Again) -> Again {
    match (one, other) {
        (Again::After(one), Again::After(other)) => Again::After(one.min(other)),
        (Again::After(time), _) | (_, Again::After(time)) => Again::After(time),
        (Again::Backoff, _) | (_, Again::Backoff) => Again::Backoff,
        (Again::OnWake, Again::OnWake) => Again::OnWake,
    }
}
