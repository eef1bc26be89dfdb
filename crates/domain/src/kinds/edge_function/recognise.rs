//! Recognises live content whose stamp is unknown. Its bytes prove what it is, or the bundle's digest of our own deploy; the mark
//! in its entrypoint's path only suggests it.

use ace_api::{Applied, EdgeFunction, FunctionEventType};
use jiff::Timestamp;

use super::{
    compare::FOREIGN,
    content::{Evidence, Found, evidence, is_same_bundle, of_content},
    intent::make_applied,
    state::{LiveFunction, State},
};
use crate::bundle::Closure;

/// Recognises content that was redeployed unchanged, or that was deployed out of band before this object did.
pub(super) fn recognise(object: &EdgeFunction, state: &mut State, now: Timestamp) {
    let Some(listing) = state.listing.as_ref().filter(|listing| listing.is_fresh()) else {
        return;
    };
    let (Some(entry), started) = (listing.entry.clone(), listing.started) else {
        return;
    };
    let Some(applied) = state.applied().cloned() else {
        return adopt_at_first_contact(object, state, &entry, now);
    };
    if applied.stamp == entry.stamp {
        return remember_applied(state, applied, &entry, started);
    }
    let Some(found) = state.found(&entry) else { return };
    let same = evidence_of_applied(state, &applied, &entry, found);
    let wanted = state.content().and_then(|content| {
        let evidence = evidence(content, &entry, found)?;
        Some((content.digest().to_string(), evidence))
    });
    match (same, wanted) {
        (Some(evidence), _) => redeployed(state, &entry, proved_body(found, evidence), evidence),
        (None, Some((wanted, evidence))) if wanted == applied.source_digest => {
            redeployed(state, &entry, proved_body(found, evidence), evidence);
        }
        (None, Some((wanted, evidence))) => {
            let body = proved_body(found, evidence);
            adopt(object, state, &wanted, &entry, (body, evidence), now);
        }
        (None, None) => {}
    }
}

/// The list shows the stamp of what was applied: what else is known of it is the form in which the platform shows it.
fn remember_applied(state: &mut State, mut applied: Applied, entry: &LiveFunction, listed: Timestamp) {
    if let Some(path) = entry.import_map.path() {
        applied.import_map = Some(path.to_owned());
    }
    let content = state.content_of(&applied.source_digest);
    let proved = content
        .zip(state.found(entry))
        .and_then(|(content, found)| proved_body(found, evidence(content, entry, found)?));
    // There may have been a deploy between the list and the body. One that is not the source counts only if a later list, when
    // it can't be stale any more, still shows the stamp.
    let is_confirmed = state.confirmation_due(&entry.stamp).is_some_and(|due| listed >= due);
    let unconfirmed = state
        .memory
        .unconfirmed
        .as_ref()
        .filter(|_| is_confirmed && !applied.unproved);
    let confirmed = unconfirmed.map(|body| body.digest.to_string());
    if proved.is_some() {
        applied.unproved = false;
    }
    if applied.body_digest.is_none() {
        applied.body_digest = proved.or(confirmed);
    }
    if applied.body_digest.is_some() {
        state.memory.unconfirmed = None;
    }
    if let Some(content) = state.content() {
        know_program(&mut applied, content);
    }
    state.memo.applied = Some(applied);
}

/// What is desired may differ from what was applied in files alone that are imported for their types: then it is live already.
/// Its checks run again, and it is archived. Where no bytes say what is live, the mark in its path does, which only a deploy changes.
fn know_program(applied: &mut Applied, content: &Closure) {
    let (digest, program) = (content.digest().to_string(), content.program_digest());
    if applied.source_digest == digest {
        applied.program_digest = Some(program);
    } else if applied.body_digest.is_some() && applied.program_digest.as_ref() == Some(&program) {
        applied.source_digest = digest;
        applied.revision = content.revision().to_string();
    }
}

fn evidence_of_applied(state: &State, applied: &Applied, entry: &LiveFunction, found: Found<'_>) -> Option<Evidence> {
    let content = state.content_of(&applied.source_digest);
    // As the list showed it before: where it does not echo whole paths, it does so now.
    let listed = applied.import_map.clone();
    let import_map = listed.or_else(|| content.and_then(|content| content.relative_import_map()));
    if !entry.import_map.can_be(import_map.as_deref()) {
        return None;
    }
    match found {
        Found::Files(_, digest) if applied.body_digest.as_ref() == Some(&digest.to_string()) => Some(Evidence::Proof),
        Found::NoFiles if is_same_bundle(applied, entry) => Some(if applied.unproved {
            Evidence::Mark
        } else {
            Evidence::Proof
        }),
        found => match content {
            Some(content) => of_content(content, entry, found),
            // Nothing is at hand that could be compared.
            None if applied.body_digest.is_none() || matches!(found, Found::NoFiles) => {
                let is_marked = entry
                    .mark
                    .as_ref()
                    .is_some_and(|mark| mark.as_str() == applied.revision);
                is_marked.then_some(Evidence::Mark)
            }
            None => None,
        },
    }
}

/// The digest of a body with which later ones can be compared.
fn proved_body(found: Found<'_>, evidence: Evidence) -> Option<String> {
    match (found, evidence) {
        (Found::Files(_, digest), Evidence::Proof) => Some(digest.to_string()),
        _ => None,
    }
}

fn redeployed(state: &mut State, entry: &LiveFunction, body: Option<String>, evidence: Evidence) {
    if let Some(applied) = &mut state.memo.applied {
        // The same bundle has the same files, in whatever form the platform returns it now.
        let kept = applied.body_digest.take().filter(|_| is_same_bundle(applied, entry));
        applied.body_digest = body.or(kept);
        applied.stamp = entry.stamp.clone();
        note_evidence(applied, entry, evidence);
    }
}

fn note_evidence(applied: &mut Applied, entry: &LiveFunction, evidence: Evidence) {
    applied.unproved = evidence == Evidence::Mark;
    applied.import_map = entry.import_map.path().map(str::to_owned);
}

/// Nothing was applied so far: adopts the desired content, or that of an archive.
fn adopt_at_first_contact(object: &EdgeFunction, state: &mut State, entry: &LiveFunction, now: Timestamp) {
    let Some(found) = state.found(entry) else { return };
    let archived = state.archived().map(|archived| &archived.content);
    let mut known = state.content().into_iter().chain(archived);
    let ours = known.find_map(|content| Some((content.digest().to_string(), evidence(content, entry, found)?)));
    if let Some((digest, evidence)) = ours {
        let body = proved_body(found, evidence);
        adopt(object, state, &digest, entry, (body, evidence), now);
    }
}

fn adopt(
    object: &EdgeFunction,
    state: &mut State,
    digest: &str,
    entry: &LiveFunction,
    (body, evidence): (Option<String>, Evidence),
    now: Timestamp,
) {
    let verify_jwt = entry.verify_jwt.unwrap_or(object.spec.verify_jwt);
    make_applied(
        state,
        digest,
        verify_jwt,
        entry.stamp.clone(),
        FunctionEventType::Adopted,
        now,
    );
    if let Some(applied) = &mut state.memo.applied {
        applied.body_digest = body;
        note_evidence(applied, entry, evidence);
    }
    if state.memo.live.as_ref().is_some_and(|live| live.revision == FOREIGN) {
        state.memo.live = None;
    }
    state.memo.drift = None;
    state.memory.checks = None;
}
