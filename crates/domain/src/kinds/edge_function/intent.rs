//! A deploy whose outcome is not known yet.
//!
//! Its intent is in status since before the request was sent. The outcome is read from the platform, never from memory alone:
//! by the stamp in the response, or by the bytes. Where the platform returns no files, the mark in the entrypoint's path suggests it.

use ace_api::{
    Applied, Drift, EdgeFunction, FunctionEvent, FunctionEventType, FunctionReason, Intent, IntentType, Stamp,
};
use jiff::Timestamp;

use super::{
    Cause, Decision,
    content::{Evidence, Found, evidence},
    lost_deploys,
    source_problems::no_later,
    state::{Listing, LiveFunction, PlatformState, State},
    step::Step,
};
use crate::{
    bundle::{Revision, SourceDigest},
    reconcile::{decision::Requeue, status},
};

#[derive(Debug, PartialEq)]
enum Outcome {
    /// The deploy took effect, with this stamp.
    Live(Stamp, Evidence),
    /// The deploy had no effect, or was overwritten immediately.
    Gone,
    /// Not known before a list that is requested at this time or later.
    ListAt(Timestamp),
    /// Not known before this body is read.
    ReadBody(Stamp),
}

/// Updates the status when the outcome of the intent is known.
pub(super) fn settle(state: &mut State, now: Timestamp) {
    let Some((intent, outcome)) = outcome(state, now) else {
        return;
    };
    match outcome {
        Outcome::Live(stamp, evidence) => {
            state.memory.lost_deploys = None;
            succeeded(state, &intent, stamp, evidence, now);
        }
        Outcome::Gone => lost_deploys::had_no_effect(state, now),
        Outcome::ListAt(_) | Outcome::ReadBody(_) => return,
    }
    state.memo.intent = None;
    state.memory.sent = None;
    state.memory.sent_jwt = None;
}

/// The next step to find out the outcome of the intent.
pub(super) fn decide(object: &EdgeFunction, state: &State, now: Timestamp) -> Decision {
    lost_deploys::stalled(object, state, next(state, now))
}

/// The same, whatever came before.
pub(super) fn next(state: &State, now: Timestamp) -> Decision {
    let waiting = match state.memory.sent {
        Some(_) => Cause::new(
            FunctionReason::Confirming,
            "deployed; the platform's list does not show it yet",
        ),
        None => Cause::new(FunctionReason::OutcomeUnknown, lost_deploys::open(state)),
    };
    match outcome(state, now).map(|(_, outcome)| outcome) {
        Some(Outcome::ReadBody(stamp)) => match state.unread_now(&stamp) {
            Some((_, requeue)) => no_later(Decision::Wait(waiting, Requeue::OnChange), requeue, now),
            None => Decision::Do(Step::ReadBody(stamp)),
        },
        Some(Outcome::ListAt(then)) if then > now => Decision::Wait(waiting, Requeue::At(then)),
        Some(Outcome::ListAt(then)) => Decision::Do(Step::List { not_before: then }),
        None => Decision::Do(Step::List { not_before: now }),
        Some(Outcome::Live(..) | Outcome::Gone) => Decision::Wait(waiting, Requeue::After(state.timing.stale_list())),
    }
}

fn outcome(state: &State, now: Timestamp) -> Option<(Intent, Outcome)> {
    let mut intent = state.memo.intent.clone()?;
    let listing = state.listing.as_ref().filter(|listing| listing.is_fresh())?;
    if intent.start_time > now {
        // Noted by an earlier process, whose clock was ahead of this one's: it was sent before this one's first list.
        intent.start_time = listing.first;
    }
    if listing.started < intent.start_time {
        return None;
    }
    let outcome = match &state.memory.sent {
        Some(sent) => answered(state, listing, sent, &intent),
        None => unanswered(state, listing, &intent),
    };
    Some((intent, outcome))
}

/// The platform answered with a stamp: a list that does not show it yet is stale.
fn answered(state: &State, listing: &Listing, sent: &Stamp, intent: &Intent) -> Outcome {
    let entry = listing.entry.as_ref().filter(|entry| entry.stamp.id == sent.id);
    if let Some(entry) = entry.filter(|entry| entry.stamp.version == sent.version) {
        return Outcome::Live(entry.stamp.clone(), Evidence::Proof);
    }
    if entry.is_some_and(|entry| entry.stamp.version > sent.version) {
        return Outcome::Live(sent.clone(), Evidence::Proof);
    }
    // A list that still shows the state from before is stale, for as long as a deploy may take to appear. Any other state that
    // persists is a later out-of-band change; either way our deploy took effect, and the comparison starts from there.
    let is_before = entry.is_some() || listing.entry.as_ref().map(|entry| &entry.stamp) == intent.before.as_ref();
    let soonest = if is_before {
        effective_until(state, listing, intent)
    } else {
        listing.last_write.unwrap_or(intent.start_time)
    };
    match shown_since(state, listing, soonest) {
        Ok(()) => Outcome::Live(sent.clone(), Evidence::Proof),
        Err(then) => Outcome::ListAt(then.min(listing.started + state.timing.stale_list())),
    }
}

/// The response was lost: only the lists can show the outcome.
fn unanswered(state: &State, listing: &Listing, intent: &Intent) -> Outcome {
    let entry = listing.entry.as_ref();
    if let Some(entry) = entry.filter(|entry| Some(&entry.stamp) != intent.before.as_ref()) {
        match state.found(entry) {
            Some(found) => {
                if let Some(evidence) = evidence_of(state, entry, intent, found) {
                    return Outcome::Live(entry.stamp.clone(), evidence);
                }
            }
            None => return Outcome::ReadBody(entry.stamp.clone()),
        }
    }
    // Whatever else the list shows, the request may still be in flight: nothing is repeated before it can't be any more.
    match shown_since(state, listing, effective_until(state, listing, intent)) {
        Ok(()) => Outcome::Gone,
        Err(then) => Outcome::ListAt(then),
    }
}

/// After this time a deploy whose response was lost can't take effect any more. Where an earlier process sent it, the time that it
/// noted may be another clock's: then it is counted from this one's first list, which came later.
fn effective_until(state: &State, listing: &Listing, intent: &Intent) -> Timestamp {
    intent.start_time.max(listing.first) + state.timing.deploy_deadline() + state.timing.unknown_outcome()
}

/// Two lists showed the same: the first requested at `soonest` or later, the second at least the confirmation delay after it.
/// Otherwise the time of the next list.
fn shown_since(state: &State, listing: &Listing, soonest: Timestamp) -> Result<(), Timestamp> {
    let Some(first) = listing.lists.iter().find(|list| **list >= soonest) else {
        return Err(soonest);
    };
    let second = *first + state.timing.second_list();
    if listing.started >= second { Ok(()) } else { Err(second) }
}

/// What says that the live content is that of the intent.
fn evidence_of(state: &State, entry: &LiveFunction, intent: &Intent, found: Found<'_>) -> Option<Evidence> {
    if let Some(content) = state.content_of(&intent.source_digest) {
        return evidence(content, entry, found);
    }
    // The source has changed since, and nothing is at hand that could be compared.
    let is_marked = entry.mark.is_some() && entry.mark == revision(&intent.source_digest);
    is_marked.then_some(Evidence::Mark)
}

fn succeeded(state: &mut State, intent: &Intent, stamp: Stamp, evidence: Evidence, now: Timestamp) {
    let entry = state
        .listing
        .as_ref()
        .and_then(|listing| listing.entry.as_ref())
        .filter(|entry| entry.stamp == stamp);
    // What was sent, so that a later change of it is drift; what the list shows, if a crash has lost what was sent.
    let verify_jwt = state
        .memory
        .sent_jwt
        .or_else(|| entry.and_then(|entry| entry.verify_jwt))
        .unwrap_or(true);
    let type_ = match intent.type_ {
        IntentType::RollOut => FunctionEventType::Deployed,
        IntentType::Correction => FunctionEventType::Corrected,
        IntentType::RollBack => FunctionEventType::RolledBack,
    };
    state.memory.checks = None;
    make_applied(state, &intent.source_digest, verify_jwt, stamp, type_, now);
    if let Some(applied) = &mut state.memo.applied {
        applied.unproved = evidence == Evidence::Mark;
    }
    state.memo.drift = match (intent.type_, state.memo.drift.take()) {
        (IntentType::Correction, Some(drift)) => Some(Drift {
            corrected_time: Some(now),
            ..drift
        }),
        _ => None,
    };
}

/// Records content of this digest as applied, with an entry in the history.
pub(super) fn make_applied(
    state: &mut State,
    digest: &str,
    verify_jwt: bool,
    stamp: Stamp,
    type_: FunctionEventType,
    now: Timestamp,
) {
    let revision = revision(digest)
        .map(|revision| revision.to_string())
        .unwrap_or_default();
    remember(state, type_, &revision, Some(stamp.version), now);
    let PlatformState::Present(platform) = &state.platform else {
        return;
    };
    // Checks that passed in one project, with its secrets, prove nothing about another.
    let moved = state
        .memo
        .applied
        .as_ref()
        .is_some_and(|applied| applied.project != platform.project);
    if moved {
        state.memo.proven = None;
    }
    let content = state.content_of(digest);
    state.memo.applied = Some(Applied {
        program_digest: content.map(|content| content.program_digest()),
        project: platform.project.clone(),
        revision,
        source_digest: digest.to_owned(),
        verify_jwt,
        body_digest: None,
        import_map: None,
        unproved: false,
        stamp,
    });
}

pub(super) fn remember(
    state: &mut State,
    type_: FunctionEventType,
    revision: &str,
    version: Option<i64>,
    now: Timestamp,
) {
    let event = FunctionEvent {
        type_,
        revision: revision.to_owned(),
        version,
        time: now,
    };
    status::remember(&mut state.memo.history, event);
}

/// The revision of a digest from a status.
pub(super) fn revision(digest: &str) -> Option<Revision> {
    digest.parse::<SourceDigest>().ok().map(|digest| digest.revision())
}
