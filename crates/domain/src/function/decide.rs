//! What to do next about a function. Pure: nothing in here waits, fails or looks anything up.

use std::sync::Arc;

use ace_api::{Applied, ConditionType, EdgeFunction, FunctionReason, Mode, Reason};
use jiff::Timestamp;

use super::{
    Decision, Why, checks, cleanup,
    compare::Sighting,
    first_contact::first_contact,
    intent,
    rollout::{Before, contest, correct, held, is_contest, refuse_held, roll_out},
    standing::{is_live, is_opened, is_pending, stands},
    step::Step,
    unsourced::without_source,
    world::{Claim, Difference, Entry, PlatformFacts, PlatformSight, World},
};
use crate::{
    decision::{Again, Trouble},
    names::is_look_asked,
    source::Closure,
};

/// What to do next.
pub fn decide(object: &EdgeFunction, world: &World, now: Timestamp) -> Decision {
    if object.metadata.deletion_timestamp.is_some() {
        return cleanup::decide(object, world, now);
    }
    if let Some(trouble) = &world.trouble {
        return without_source(object, world, troubled(object, world, trouble));
    }
    if object.spec.suspend {
        return Decision::Settled(Again::OnWake);
    }
    let platform = match &world.platform {
        PlatformSight::Absent => {
            let message = format!(
                "there is no Platform `{}` in this namespace",
                object.spec.platform_ref.name
            );
            return wait(FunctionReason::WaitingForPlatform, message);
        }
        PlatformSight::Present(platform) if platform.suspended => return Decision::Settled(Again::OnWake),
        PlatformSight::Present(platform) => platform,
    };
    if let Claim::Lost(owner) = &world.claim
        && object.spec.mode != Mode::Observe
    {
        let message = format!(
            "EdgeFunction {owner} is older and owns `{}` of this project: delete one of the two, or let this one `Observe`",
            object.slug()
        );
        return Decision::Refuse(Why::new(FunctionReason::SlugClaimed, message), Again::OnWake);
    }
    if now > platform.seen + world.pace.unseen_after(platform.interval) {
        return wait(
            FunctionReason::NotSeen,
            format!("not seen for three intervals: {}", platform.message),
        );
    }
    if !platform.listed {
        return unlisted(object, world, platform);
    }
    let decision = match next(object, world, platform, now) {
        Decision::Do(step) if step.needs_platform() && !platform.answering => put_off(
            object,
            world,
            FunctionReason::Retrying,
            &platform.message,
            Again::OnWake,
        ),
        // Somebody may have deployed since the last list, and what nobody has seen nobody has archived.
        Decision::Do(Step::Deploy { .. }) if is_older(world) => Decision::Do(Step::List {
            not_before: world.began,
        }),
        decision => decision,
    };
    without_source(object, world, decision)
}

/// The last list is from before this pass.
fn is_older(world: &World) -> bool {
    let Some(look) = &world.look else { return true };
    // That a function is absent may have been asked for alone, in this pass.
    let is_absent = look.entry.is_none() && world.recall.absent.is_some_and(|asked| asked >= world.began);
    look.started < world.began && !is_absent
}

/// After a restart: until the first list, what was said before stays said.
fn unlisted(object: &EdgeFunction, world: &World, platform: &PlatformFacts) -> Decision {
    match ConditionType::Ready.of(&world.memo.conditions) {
        Some(ready) if ready.status == "True" && is_live(object, world) => Decision::Settled(Again::OnWake),
        Some(ready) if ready.reason == FunctionReason::NotSeen.as_str() => {
            wait(FunctionReason::NotSeen, ready.message.clone())
        }
        _ => wait(
            FunctionReason::WaitingForPlatform,
            format!("the platform was not seen yet: {}", platform.message),
        ),
    }
}

/// What can't be done now is no news where the wish is live, or where only a person can go on.
fn put_off(object: &EdgeFunction, world: &World, reason: FunctionReason, message: &str, again: Again) -> Decision {
    if stands(object, world) {
        return Decision::Settled(again);
    }
    match held(object, world, world.wish().as_deref()) {
        Some(held) if world.memo.intent.is_none() && !checks::is_roll_back_due(world, held) => refuse_held(held, again),
        _ => Decision::Wait(Why::new(reason, message), again),
    }
}

fn wait(reason: FunctionReason, message: impl Into<String>) -> Decision {
    Decision::Wait(Why::new(reason, message), Again::OnWake)
}

fn troubled(object: &EdgeFunction, world: &World, trouble: &Trouble) -> Decision {
    let (reason, message, again) = match trouble {
        Trouble::Deferred(again) => (
            FunctionReason::RateLimited,
            "the platform's limit or our own budget asks to wait",
            Again::After(*again),
        ),
        Trouble::Unanswered(message) | Trouble::Refused(message) | Trouble::Failed(message) => {
            (FunctionReason::Retrying, message.as_str(), Again::Backoff)
        }
        Trouble::OutcomeUnknown => (
            FunctionReason::Retrying,
            "the answer was lost; looking again",
            Again::Backoff,
        ),
        Trouble::AccessMissing(message) => {
            let again = match &world.platform {
                PlatformSight::Present(platform) => Again::After(world.pace.interval(platform.interval)),
                PlatformSight::Absent => Again::Backoff,
            };
            return if stands(object, world) {
                Decision::Settled(again)
            } else {
                Decision::Refuse(Why::new(FunctionReason::AccessMissing, message.clone()), again)
            };
        }
    };
    put_off(object, world, reason, message, again)
}

fn next(object: &EdgeFunction, world: &World, platform: &PlatformFacts, now: Timestamp) -> Decision {
    let Some(look) = &world.look else {
        return wait(FunctionReason::FirstLook, "the function was not looked at yet");
    };
    let handled = world.memo.last_handled_reconcile_at.as_ref();
    if is_look_asked(object, handled) && look.started < world.began {
        return Decision::Do(Step::List {
            not_before: world.began,
        });
    }
    if !look.is_fresh() {
        return Decision::Do(Step::List {
            not_before: look.last_write.unwrap_or(now),
        });
    }
    if world.memo.intent.is_some() {
        return intent::decide(world, now);
    }
    if world.is_behind(look) {
        let then = look.started + world.pace.stale_list();
        return if then > now {
            let message = "the JWT rule was changed; the platform's list does not show it yet";
            put_off(object, world, FunctionReason::Confirming, message, Again::at(then, now))
        } else {
            Decision::Do(Step::List { not_before: then })
        };
    }
    let content = world.content();
    match world.sighting() {
        None => wait(FunctionReason::FirstLook, "the function was not looked at yet"),
        Some(Sighting::Need(step)) => Decision::Do(step),
        Some(Sighting::Absent) => match absent(object, world, platform, content, now) {
            // A list that lacks a function is no leave to write over it unseen.
            Decision::Do(Step::Deploy { .. }) if !world.is_absence_confirmed(look) => Decision::Do(Step::Get),
            decision => decision,
        },
        Some(Sighting::Applied(entry)) => known(object, world, platform, content, entry, now),
        Some(Sighting::Foreign {
            suspected_until: Some(until),
            ..
        }) => suspected(object, world, until, now),
        Some(Sighting::Foreign { entry, difference, .. }) => match (world.applied(), content) {
            (Some(applied), _) => foreign(object, world, platform, content, (entry, applied), &difference, now),
            (None, Some(content)) => first_contact(object, world, platform, content, entry, now),
            // What is live may be the wish itself.
            (None, None) => Decision::Settled(Again::OnWake),
        },
    }
}

/// One look may show a stale answer: the second decides.
fn suspected(object: &EdgeFunction, world: &World, matures: Timestamp, now: Timestamp) -> Decision {
    if now >= matures {
        return Decision::Do(Step::List { not_before: matures });
    }
    let again = Again::at(matures, now);
    if is_live(object, world) {
        return Decision::Settled(again);
    }
    let message = "the live function seems to have been changed by somebody else; a second look decides";
    Decision::Wait(Why::new(FunctionReason::Confirming, message), again)
}

fn absent(
    object: &EdgeFunction,
    world: &World,
    platform: &PlatformFacts,
    content: Option<&Arc<Closure>>,
    now: Timestamp,
) -> Decision {
    let held = held(object, world, world.wish().as_deref());
    let pending = content.filter(|content| {
        held.is_none()
            && world.applied().is_none_or(|applied| {
                is_pending(world, applied, content) || applied.verify_jwt != object.spec.verify_jwt
            })
    });
    match object.spec.mode {
        Mode::Observe => Decision::Settled(Again::OnWake),
        _ if let Some(content) = pending => roll_out(object, world, platform, content, Before::Nothing, now),
        Mode::Enforce if let Some(held) = held.filter(|held| checks::is_roll_back_due(world, held)) => {
            checks::roll_back(world, Before::Nothing, held, now)
        }
        Mode::Enforce if world.applied().is_some() => {
            correct(object, world, Before::Nothing, now).unwrap_or_else(|| settled_or_held(object, world))
        }
        _ => settled_or_held(object, world),
    }
}

/// The live content is the applied one.
fn known(
    object: &EdgeFunction,
    world: &World,
    platform: &PlatformFacts,
    content: Option<&Arc<Closure>>,
    entry: &Entry,
    now: Timestamp,
) -> Decision {
    let Some(applied) = world.applied() else {
        return Decision::Settled(Again::OnWake);
    };
    if applied.body_digest.is_none() && world.body_of(entry).is_none() {
        return Decision::Do(Step::ReadBody(entry.stamp.clone()));
    }
    let mode = object.spec.mode;
    if mode == Mode::Observe {
        return Decision::Settled(Again::OnWake);
    }
    let held = held(object, world, world.wish().as_deref());
    if let Some(held) = held.filter(|held| checks::is_roll_back_due(world, held)) {
        return checks::roll_back(world, Before::Known(entry), held, now);
    }
    let next = content
        .filter(|content| held.is_none() && applied.source_digest != content.digest().to_string())
        .map(|content| roll_out(object, world, platform, content, Before::Known(entry), now));
    // One upload brings the new content with its rule: the old content never runs under the new one.
    if let Some(Decision::Do(_)) = &next {
        return next.unwrap_or(Decision::Settled(Again::OnWake));
    }
    let stays = held.is_some_and(|held| checks::is_roll_back(held) || is_contest(held));
    if !stays && content.is_some() && applied.verify_jwt != object.spec.verify_jwt {
        return Decision::Do(Step::PatchJwt(object.spec.verify_jwt));
    }
    if mode == Mode::Enforce && is_opened(entry, applied) {
        return contest(object, world, now).unwrap_or(Decision::Do(Step::PatchJwt(applied.verify_jwt)));
    }
    if let Some(held) = held {
        return refuse_held(held, Again::OnWake);
    }
    if let Some(waiting) = next {
        return waiting;
    }
    checks::next(object, world, platform, applied, now).unwrap_or(Decision::Settled(Again::OnWake))
}

/// The live content is not the applied one, and that is believed.
fn foreign(
    object: &EdgeFunction,
    world: &World,
    platform: &PlatformFacts,
    content: Option<&Arc<Closure>>,
    (entry, applied): (&Entry, &Applied),
    difference: &Difference,
    now: Timestamp,
) -> Decision {
    let mode = object.spec.mode;
    if mode == Mode::Observe {
        return Decision::Settled(Again::OnWake);
    }
    let held = held(object, world, world.wish().as_deref());
    if let Some(content) = content.filter(|_| held.is_none()) {
        if is_pending(world, applied, content) {
            return roll_out(object, world, platform, content, Before::Foreign(entry), now);
        }
        if applied.verify_jwt != object.spec.verify_jwt {
            return Decision::Do(Step::PatchJwt(object.spec.verify_jwt));
        }
    }
    let correction = match (mode, difference) {
        (Mode::Enforce, Difference::NotComparable) if is_opened(entry, applied) => {
            Some(contest(object, world, now).unwrap_or(Decision::Do(Step::PatchJwt(applied.verify_jwt))))
        }
        (Mode::Enforce, Difference::Fields(_)) => match held.filter(|held| checks::is_roll_back_due(world, held)) {
            Some(held) => Some(checks::roll_back(world, Before::Foreign(entry), held, now)),
            None => correct(object, world, Before::Foreign(entry), now),
        },
        _ => None,
    };
    correction.unwrap_or_else(|| settled_or_held(object, world))
}

fn settled_or_held(object: &EdgeFunction, world: &World) -> Decision {
    held(object, world, world.wish().as_deref()).map_or(Decision::Settled(Again::OnWake), |held| {
        refuse_held(held, Again::OnWake)
    })
}
