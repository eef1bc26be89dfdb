//! Recognises live content whose stamp is unknown: by its body digest, its mark, or its bytes.

use ace_api::{EdgeFunction, FunctionEventType};
use bytes::Bytes;
use jiff::Timestamp;

use super::{
    compare::FOREIGN,
    intent::make_applied,
    state::{BodyContent, LiveFunction, State},
};
use crate::bundle::{BodyDigest, BodyFiles, Closure, Proof, proves};

/// How a transpiled script names its source map.
const SOURCE_MAP: &[u8] = b"//# sourceMappingURL=";

/// Recognises content that was redeployed unchanged, or that was deployed out of band before this object did.
pub(super) fn recognise(object: &EdgeFunction, state: &mut State, now: Timestamp) {
    let Some(listing) = state.listing.as_ref().filter(|listing| listing.is_fresh()) else {
        return;
    };
    let Some(entry) = listing.entry.clone() else { return };
    let body = state.body_of(&entry).map(|body| body.content.clone());
    let files = match &body {
        Some(BodyContent::Files { files, digest }) => Some((files.as_ref(), *digest)),
        _ => None,
    };
    let Some(applied) = state.applied().cloned() else {
        return adopt_at_first_contact(object, state, &entry, body.is_some(), files, now);
    };
    if applied.stamp == entry.stamp {
        // There may have been a deploy between our list and the body: foreign content must not become the applied body.
        let content = state.content_of(&applied.source_digest);
        let is_ours = content.is_none_or(|content| is_content(content, &entry, files.map(|(files, _)| files)));
        if applied.body_digest.is_none()
            && is_ours
            && let (Some((_, digest)), Some(applied)) = (files, &mut state.memo.applied)
        {
            applied.body_digest = Some(digest.to_string());
        }
        return;
    }
    if body.is_none() {
        return;
    }
    // The same bundle with other metadata: the JWT rule or the name was changed.
    let same_bundle = entry.stamp.bundle_digest.is_some()
        && (&entry.stamp.id, entry.stamp.version, &entry.stamp.bundle_digest)
            == (&applied.stamp.id, applied.stamp.version, &applied.stamp.bundle_digest);
    let found = files.map(|(files, _)| files);
    let same = match (&applied.body_digest, files) {
        (Some(before), Some((_, digest))) => *before == digest.to_string(),
        _ => match state.content_of(&applied.source_digest) {
            Some(content) => is_content(content, &entry, found),
            None => (entry.mark.as_ref()).is_some_and(|mark| mark.to_string() == applied.revision),
        },
    };
    let wanted = state.content().filter(|content| is_content(content, &entry, found));
    let wanted = wanted.map(|content| content.digest().to_string());
    let digest = files.map(|(_, digest)| digest);
    if same || wanted.as_deref() == Some(&applied.source_digest) {
        redeployed(state, &entry, digest.map(|digest| digest.to_string()));
    } else if same_bundle {
        // The body is not that of this bundle: the list is older than the body, or the form of bodies has changed.
        redeployed(state, &entry, applied.body_digest);
    } else if let Some(wanted) = wanted {
        adopt(object, state, &wanted, &entry, digest, now);
    }
}

fn redeployed(state: &mut State, entry: &LiveFunction, body: Option<String>) {
    if let Some(applied) = &mut state.memo.applied {
        applied.stamp = entry.stamp.clone();
        applied.body_digest = body;
    }
}

/// Nothing was applied so far: adopts the desired content, or that of an archive.
fn adopt_at_first_contact(
    object: &EdgeFunction,
    state: &mut State,
    entry: &LiveFunction,
    body_read: bool,
    files: Option<(&BodyFiles, BodyDigest)>,
    now: Timestamp,
) {
    if !body_read {
        return;
    }
    let archived = state.archived().map(|archived| &archived.content);
    let mut known = state.content().into_iter().chain(archived);
    let found = files.map(|(files, _)| files);
    let ours = known.find(|content| is_content(content, entry, found));
    let digest = ours.map(|content| content.digest().to_string());
    if let Some(digest) = digest {
        adopt(object, state, &digest, entry, files.map(|(_, digest)| digest), now);
    }
}

/// The live content is `content` if the bytes prove it, or if the mark says so and the bytes do not contradict it.
fn is_content(content: &Closure, entry: &LiveFunction, body: Option<&BodyFiles>) -> bool {
    let is_marked = entry.mark.as_ref() == Some(&content.revision());
    match body.map(|body| (body, proves(content, body))) {
        Some((_, Proof::Proved)) => true,
        Some((body, Proof::Differs(_))) => is_marked && is_transpiled(content, body),
        Some((_, Proof::Unanchored)) | None => is_marked,
    }
}

/// The files of a marked body that differ from ours are transpiled, not edited: each has a source map.
fn is_transpiled(content: &Closure, body: &BodyFiles) -> bool {
    let is_mapped = |bytes: &Bytes| bytes.windows(SOURCE_MAP.len()).any(|window| window == SOURCE_MAP);
    let mut others = body
        .files()
        .values()
        .filter(|bytes| content.files().values().all(|ours| ours != *bytes))
        .peekable();
    others.peek().is_some() && others.all(is_mapped)
}

fn adopt(
    object: &EdgeFunction,
    state: &mut State,
    digest: &str,
    entry: &LiveFunction,
    body: Option<BodyDigest>,
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
        applied.body_digest = body.map(|digest| digest.to_string());
    }
    if state.memo.live.as_ref().is_some_and(|live| live.revision == FOREIGN) {
        state.memo.live = None;
    }
    state.memo.drift = None;
    state.memory.checks = None;
}
