//! What to do next about a function.

use std::sync::Arc;

use ace_api::{Applied, ConditionType, EdgeFunction, FunctionReason, Mode};
use jiff::Timestamp;

use super::{
    Cause, Decision,
    adoption::adopt_or_refuse,
    checks, cleanup,
    compare::Comparison,
    intent,
    live::{is_live, is_opened, is_pending, is_proved},
    rollout::{Before, contest, correct, held_now, is_contest, refuse_held, roll_out, unreadable},
    source_problems::{no_later, without_source},
    state::{Claim, Difference, LiveFunction, PlatformFacts, State},
    step::Step,
    step_errors::{after_error, postpone},
};
use crate::{
    bundle::Closure,
    reconcile::{
        annotations::{is_leaving, is_reconcile_requested},
        decision::Requeue,
    },
};

/// The reason, and its name in statuses that versions up to 0.1 have written.
const NOT_OBSERVED: [&str; 2] = ["NotObserved", "NotSeen"];

pub fn decide(object: &EdgeFunction, state: &State, now: Timestamp) -> Decision {
    if is_leaving(object) {
        return cleanup::decide(object, state, now);
    }
    if let Some(step_error) = &state.step_error {
        return without_source(object, state, after_error(object, state, step_error), now);
    }
    let platform = match state.platform.usable(object.spec.suspend, &object.spec.platform_ref) {
        Ok(platform) => platform,
        Err(decision) => return decision,
    };
    // Who can't list the project is told nothing about who else deploys there.
    if let Claim::Lost(owner) = &state.claim
        && object.spec.mode != Mode::Observe
        && platform.listed
    {
        let slug = object.slug();
        let message = match owner {
            Some(owner) => format!(
                "EdgeFunction {owner} is older and owns slug `{slug}` of this project: delete one of the two, or set `spec.mode: Observe` on this one"
            ),
            None => format!(
                "an older EdgeFunction in another namespace owns slug `{slug}` of this project: delete this one, or set `spec.mode: Observe` on it"
            ),
        };
        return Decision::Refuse(Cause::new(FunctionReason::SlugClaimed, message), Requeue::OnChange);
    }
    if state.timing.is_lost(platform.seen, platform.interval, now) {
        return wait(
            FunctionReason::NotObserved,
            format!("not observed for three intervals: {}", platform.message),
        );
    }
    if !platform.listed {
        return unlisted(object, state, platform);
    }
    if state.claim == Claim::Unsettled && object.spec.mode != Mode::Observe {
        let message = "an older EdgeFunction claims this slug, and its Platform has not been checked yet";
        let again = Requeue::After(state.timing.stale_list());
        return Decision::Wait(Cause::new(FunctionReason::WaitingForPlatform, message), again);
    }
    if let Some(phase) = &platform.down {
        return wait(
            FunctionReason::WaitingForPlatform,
            format!("the project is {phase}: its functions do not answer, and nothing is deployed"),
        );
    }
    let decision = match next(object, state, platform, now) {
        Decision::Do(step)
            if step.writes_platform()
                && let Some((says, again)) = &platform.refusing
                && *again > now =>
        {
            postpone(
                object,
                state,
                Cause::new(FunctionReason::NotPermitted, says.clone()),
                Requeue::At(*again),
            )
        }
        Decision::Do(step) if step.needs_platform() && !platform.answering => postpone(
            object,
            state,
            Cause::new(FunctionReason::Retrying, platform.message.clone()),
            Requeue::OnChange,
        ),
        // The function may have been deployed out of band since the last list, and that content would be overwritten without an
        // archive.
        Decision::Do(Step::Deploy { .. }) if is_older(state) => Decision::Do(Step::List {
            not_before: state.began,
        }),
        decision => decision,
    };
    let decision = match next_observation(state) {
        Some(requeue) => no_later(decision, requeue, now),
        None => decision,
    };
    without_source(object, state, decision, now)
}

/// When the body has to be looked at again: it could not be read, or is not confirmed yet.
fn next_observation(state: &State) -> Option<Requeue> {
    let entry = state.listing.as_ref()?.entry.as_ref()?;
    let unread = state.unread_now(&entry.stamp).map(|(_, requeue)| requeue);
    unread.or_else(|| confirmation_due(state, entry).map(Requeue::At))
}

/// When a list can confirm the body of what was applied.
fn confirmation_due(state: &State, entry: &LiveFunction) -> Option<Timestamp> {
    let is_open = state.applied()?.body_digest.is_none() && is_proved(state, entry);
    is_open.then(|| state.confirmation_due(&entry.stamp)).flatten()
}

/// The last list was requested before this reconcile began.
fn is_older(state: &State) -> bool {
    let Some(listing) = &state.listing else { return true };
    // That the function does not exist may have been confirmed by a request for it alone, in this reconcile.
    let is_absent = listing.entry.is_none() && state.memory.absent.is_some_and(|absent| absent >= state.began);
    listing.started < state.began && !is_absent
}

/// After a restart the conditions stay as they were until the first list.
fn unlisted(object: &EdgeFunction, state: &State, platform: &PlatformFacts) -> Decision {
    match ConditionType::Ready.of(&state.memo.common.conditions) {
        Some(ready) if ready.status == "True" && is_live(object, state) => Decision::Settled(Requeue::OnChange),
        Some(ready) if NOT_OBSERVED.contains(&ready.reason.as_str()) => {
            wait(FunctionReason::NotObserved, ready.message.clone())
        }
        _ => wait(
            FunctionReason::WaitingForPlatform,
            format!(
                "the first check of the Platform has not succeeded yet: {}",
                platform.message
            ),
        ),
    }
}

fn wait(reason: FunctionReason, message: impl Into<String>) -> Decision {
    Decision::Wait(Cause::new(reason, message), Requeue::OnChange)
}

fn next(object: &EdgeFunction, state: &State, platform: &PlatformFacts, now: Timestamp) -> Decision {
    let Some(listing) = &state.listing else {
        return wait(FunctionReason::Observing, "the function has not been observed yet");
    };
    let is_requested = is_reconcile_requested(object, state.memo.common.last_handled_reconcile_at.as_ref());
    if is_requested && listing.started < state.began {
        return Decision::Do(Step::List {
            not_before: state.began,
        });
    }
    if !listing.is_fresh() {
        return Decision::Do(Step::List {
            not_before: listing.last_write.unwrap_or(now),
        });
    }
    if state.memo.intent.is_some() {
        return intent::decide(object, state, now);
    }
    if state.is_stale(listing) {
        let then = listing.started + state.timing.stale_list();
        return if then > now {
            let message = "`verifyJWT` was changed; the platform's list does not show it yet";
            postpone(
                object,
                state,
                Cause::new(FunctionReason::Confirming, message),
                Requeue::At(then),
            )
        } else {
            Decision::Do(Step::List { not_before: then })
        };
    }
    let content = state.content();
    match state.comparison() {
        None => wait(FunctionReason::Observing, "the function has not been observed yet"),
        Some(Comparison::Unlisted { .. }) => Decision::Do(Step::Get),
        // Where it is requested, also of a body that was compared before: the status may say how it differs in the words of an
        // earlier operator, which compared in another way.
        Some(Comparison::Foreign { entry, difference, .. })
            if (difference == Difference::NotRead || is_requested && state.found(entry).is_none())
                && state.unread_now(&entry.stamp).is_none() =>
        {
            Decision::Do(Step::ReadBody(entry.stamp.clone()))
        }
        Some(Comparison::Absent) => match absent(object, state, platform, content, now) {
            // A list may be stale: before a function is created, a request for it alone has to confirm that it does not exist. One
            // that was held back by a rate limit is not asked for again: lists are shared.
            Decision::Do(Step::Deploy { .. })
                if !state.is_absence_confirmed(listing) && !state.is_absent_since_confirmed(listing) =>
            {
                Decision::Do(Step::Get)
            }
            decision => decision,
        },
        Some(Comparison::Applied(entry)) => known(object, state, platform, content, entry, now),
        Some(Comparison::Foreign {
            suspected_until: Some(until),
            ..
        }) => suspected(object, state, until, now),
        Some(Comparison::Foreign { entry, difference, .. }) => match (state.applied(), content) {
            (Some(applied), _) => foreign(object, state, platform, content, (entry, applied), &difference, now),
            (None, Some(content)) => adopt_or_refuse(object, state, platform, content, (entry, &difference), now),
            // Without the source it is not known whether the live content is the desired one.
            (None, None) => Decision::Settled(Requeue::OnChange),
        },
    }
}

/// A single list may be stale: a second one, requested later, confirms the change.
fn suspected(object: &EdgeFunction, state: &State, matures: Timestamp, now: Timestamp) -> Decision {
    if now >= matures {
        return Decision::Do(Step::List { not_before: matures });
    }
    let requeue = Requeue::At(matures);
    if is_live(object, state) {
        return Decision::Settled(requeue);
    }
    let message = "the live function may have been changed out of band; a second check will confirm it";
    Decision::Wait(Cause::new(FunctionReason::Confirming, message), requeue)
}

fn absent(
    object: &EdgeFunction,
    state: &State,
    platform: &PlatformFacts,
    content: Option<&Arc<Closure>>,
    now: Timestamp,
) -> Decision {
    let held = held_now(object, state);
    let pending = content.filter(|content| {
        held.is_none()
            && state.applied().is_none_or(|applied| {
                is_pending(state, applied, content) || applied.verify_jwt != object.spec.verify_jwt
            })
    });
    match object.spec.mode {
        Mode::Observe => Decision::Settled(Requeue::OnChange),
        _ if let Some(content) = pending => roll_out(object, state, platform, content, Before::Nothing, now),
        Mode::Enforce if let Some(held) = held.filter(|held| checks::is_roll_back_due(state, held)) => {
            checks::roll_back(object, state, Before::Nothing, held, now)
        }
        Mode::Enforce if state.applied().is_some() => {
            correct(object, state, Before::Nothing, now).unwrap_or_else(|| settled_or_held(object, state))
        }
        _ => settled_or_held(object, state),
    }
}

fn known(
    object: &EdgeFunction,
    state: &State,
    platform: &PlatformFacts,
    content: Option<&Arc<Closure>>,
    entry: &LiveFunction,
    now: Timestamp,
) -> Decision {
    let Some(applied) = state.applied() else {
        return Decision::Settled(Requeue::OnChange);
    };
    let is_read = state.found(entry).is_some() || state.unread_now(&entry.stamp).is_some();
    match confirmation_due(state, entry) {
        Some(due) if now >= due => return Decision::Do(Step::List { not_before: due }),
        None if applied.body_digest.is_none() && !is_read => {
            return Decision::Do(Step::ReadBody(entry.stamp.clone()));
        }
        _ => {}
    }
    let mode = object.spec.mode;
    if mode == Mode::Observe {
        return Decision::Settled(Requeue::OnChange);
    }
    let held = held_now(object, state);
    if let Some(held) = held.filter(|held| checks::is_roll_back_due(state, held)) {
        return checks::roll_back(object, state, Before::applied(state, entry), held, now);
    }
    let next = content
        .filter(|content| held.is_none() && applied.source_digest != content.digest().to_string())
        .map(|content| roll_out(object, state, platform, content, Before::applied(state, entry), now));
    // The upload carries the JWT rule too: patched separately, the old content would run under the new rule.
    if let Some(Decision::Do(_)) = &next {
        return next.unwrap_or(Decision::Settled(Requeue::OnChange));
    }
    let stays = held.is_some_and(|held| checks::is_roll_back(held) || is_contest(held));
    if !stays && content.is_some() && applied.verify_jwt != object.spec.verify_jwt {
        return Decision::Do(Step::PatchJwt(object.spec.verify_jwt));
    }
    let is_correctable = is_opened(entry, applied) && !checks::is_rule_doubtful(state, held, applied);
    if mode == Mode::Enforce && is_correctable {
        return contest(object, state, now).unwrap_or(Decision::Do(Step::PatchJwt(applied.verify_jwt)));
    }
    if let Some(held) = held {
        return refuse_held(held, Requeue::OnChange);
    }
    if let Some(waiting) = next {
        return waiting;
    }
    checks::next(object, state, platform, applied, now).unwrap_or(Decision::Settled(Requeue::OnChange))
}

/// The live content is not the applied one, and a second list has confirmed it.
fn foreign(
    object: &EdgeFunction,
    state: &State,
    platform: &PlatformFacts,
    content: Option<&Arc<Closure>>,
    (entry, applied): (&LiveFunction, &Applied),
    difference: &Difference,
    now: Timestamp,
) -> Decision {
    let mode = object.spec.mode;
    if mode == Mode::Observe {
        return Decision::Settled(Requeue::OnChange);
    }
    let held = held_now(object, state);
    if let Some(content) = content.filter(|_| held.is_none()) {
        if is_pending(state, applied, content) {
            return roll_out(object, state, platform, content, Before::Foreign(entry), now);
        }
        if applied.verify_jwt != object.spec.verify_jwt {
            return Decision::Do(Step::PatchJwt(object.spec.verify_jwt));
        }
    }
    let is_correctable = is_opened(entry, applied) && !checks::is_rule_doubtful(state, held, applied);
    let correction = match (mode, difference) {
        (Mode::Enforce, Difference::NotComparable(_) | Difference::NotRead) if is_correctable => {
            Some(contest(object, state, now).unwrap_or(Decision::Do(Step::PatchJwt(applied.verify_jwt))))
        }
        (Mode::Enforce, Difference::NotComparable(_) | Difference::NotRead)
            if held.is_none() && state.is_unarchivable(&entry.stamp) =>
        {
            Some(unreadable(state, entry))
        }
        (Mode::Enforce, Difference::Fields(_)) => match held.filter(|held| checks::is_roll_back_due(state, held)) {
            Some(held) => Some(checks::roll_back(object, state, Before::Foreign(entry), held, now)),
            None => correct(object, state, Before::Foreign(entry), now),
        },
        _ => None,
    };
    correction.unwrap_or_else(|| settled_or_held(object, state))
}

fn settled_or_held(object: &EdgeFunction, state: &State) -> Decision {
    held_now(object, state).map_or(Decision::Settled(Requeue::OnChange), |held| {
        refuse_held(held, Requeue::OnChange)
    })
}
