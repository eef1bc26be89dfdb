//! Deploys whose answer was lost, again and again: what the platform said, how long the pauses become, and when a person is told.

use ace_api::{EdgeFunction, FunctionReason, Intent};
use jiff::Timestamp;

use super::{
    Cause, Decision,
    intent::revision,
    state::{LostDeploys, State},
};
use crate::{
    bundle::Closure,
    reconcile::{decision::Requeue, held},
};

/// After as many that the platform answered with an error of its own, it is more than a bad moment.
const STALLED_AFTER: u32 = 5;

/// The answer to a deploy was lost; `says` are the platform's words, if it answered.
pub(super) fn note(object: &EdgeFunction, state: &mut State, intent: &Intent, says: Option<String>) {
    let asked = held::hold(object, FunctionReason::OutcomeUnknown, "");
    let before = state.memory.lost_deploys.take().filter(|before| {
        before.source_digest == intent.source_digest && held::is_unchanged_since(&before.asked, object)
    });
    let (count, answered) = before.map_or((0, 0), |before| (before.count, before.answered));
    state.memory.lost_deploys = Some(LostDeploys {
        source_digest: intent.source_digest.clone(),
        asked,
        count: count.saturating_add(1),
        answered: if says.is_some() { answered.saturating_add(1) } else { 0 },
        says,
        had_no_effect: None,
    });
}

/// Lists have shown that the last deploy had no effect.
pub(super) fn had_no_effect(state: &mut State, now: Timestamp) {
    if let Some(lost) = &mut state.memory.lost_deploys {
        lost.had_no_effect = Some(now);
    }
}

/// While the outcome of the last one is open, in words.
pub(super) fn open(state: &State) -> String {
    let says = (state.memory.lost_deploys.as_ref()).and_then(|lost| lost.says.as_ref());
    let what = says.map_or_else(
        || "the response to a deploy was lost".to_owned(),
        |says| format!("the platform answered a deploy with {says}"),
    );
    format!("{what}; it will be repeated only after the platform's lists show that it had no effect")
}

/// The pause before `content` is sent once more; `None` if it may be sent now. The first repetition has none: it has waited for
/// two lists.
pub(super) fn pause(object: &EdgeFunction, state: &State, content: &Closure, now: Timestamp) -> Option<Decision> {
    let lost = of(object, state, &content.digest().to_string())?;
    let pause = (lost.count > 1).then(|| state.timing.backoff(lost.count - 1))?;
    let then = lost.had_no_effect? + pause;
    if then <= now {
        return None;
    }
    let said = match &lost.says {
        Some(says) => format!("the platform answered it with {says}"),
        None => "its response was lost".to_owned(),
    };
    let message = format!(
        "deploy {} of {} had no effect: {said}; it is repeated after a pause",
        lost.count,
        content.revision()
    );
    let waits = Decision::Wait(Cause::new(FunctionReason::Retrying, message), Requeue::At(then));
    Some(stalled(object, state, waits))
}

/// A decision to wait, as a person sees it who has to be told by now.
pub(super) fn stalled(object: &EdgeFunction, state: &State, decision: Decision) -> Decision {
    let digest = state
        .memory
        .lost_deploys
        .as_ref()
        .map(|lost| lost.source_digest.clone());
    let lost = digest.and_then(|digest| of(object, state, &digest));
    let (Some(lost), Decision::Wait(_, requeue)) = (lost.filter(|lost| lost.answered >= STALLED_AFTER), &decision)
    else {
        return decision;
    };
    let revision = revision(&lost.source_digest).map(|revision| revision.to_string());
    let text = format!(
        "the platform answered {} deploys of {} in a row with {}: change the source if other functions can be deployed, else see status.supabase.com or ask its support; it goes on trying, with pauses",
        lost.answered,
        revision.unwrap_or_default(),
        lost.says.as_deref().unwrap_or_default(),
    );
    Decision::Refuse(Cause::new(FunctionReason::DeployRefused, text), *requeue)
}

/// What counts for this content, this generation and this `reconcile-at`.
fn of<'a>(object: &EdgeFunction, state: &'a State, digest: &str) -> Option<&'a LostDeploys> {
    let lost = state.memory.lost_deploys.as_ref()?;
    (lost.source_digest == digest && held::is_unchanged_since(&lost.asked, object)).then_some(lost)
}
