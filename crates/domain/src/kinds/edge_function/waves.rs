//! Waves: new content waits for the functions of lower waves.

use ace_api::{EdgeFunction, Mode};

/// A function of the same platform and source object, and the content that it wants of the current tree.
#[derive(Clone, Debug)]
pub struct Member<'a> {
    /// The object.
    pub object: &'a EdgeFunction,
    /// Digest of the content that it wants; `None` when the tree does not have it.
    pub wants: Option<String>,
}

/// The members of waves lower than `wave` that do not have, applied and proven, what they want; each with a word on its state.
///
/// Members that are suspended, only observe or are being deleted do not count; stalled ones do.
pub fn blockers<'a>(wave: i32, members: impl IntoIterator<Item = Member<'a>>) -> Vec<String> {
    let mut blockers: Vec<String> = members
        .into_iter()
        .filter(|member| {
            let (spec, metadata) = (&member.object.spec, &member.object.metadata);
            spec.wave < wave && !spec.suspend && spec.mode != Mode::Observe && metadata.deletion_timestamp.is_none()
        })
        .filter_map(|member| {
            let name = member.object.metadata.name.clone().unwrap_or_default();
            let status = member.object.status.as_ref();
            let applied = status
                .and_then(|status| status.applied.as_ref())
                .map(|applied| &applied.source_digest);
            let proven = status
                .and_then(|status| status.proven.as_ref())
                .map(|proven| &proven.source_digest);
            let wants = member.wants.as_ref();
            if wants.is_some() && wants == applied && wants == proven {
                return None;
            }
            let stalled = status
                .into_iter()
                .flat_map(|status| &status.common.conditions)
                .any(|c| c.type_ == "Stalled");
            Some(if stalled {
                format!("{name} (stalled; suspend it to pass)")
            } else {
                name
            })
        })
        .collect();
    blockers.sort();
    blockers
}
