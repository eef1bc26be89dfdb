//! Waves: new content is rolled out after that of the functions in lower waves.

use ace_api::{EdgeFunction, Mode};

/// A function of the same Platform and source object, with its desired content in the current tree.
#[derive(Clone, Debug)]
pub struct Member<'a> {
    pub object: &'a EdgeFunction,
    /// Digest of its desired content; `None` if the tree does not have it.
    pub wants: Option<String>,
}

/// Names of the functions in waves lower than `wave` whose desired content is not applied and proven, with a note if they are
/// stalled.
///
/// Functions that are suspended, in mode `Observe` or being deleted do not block; stalled ones do.
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
                format!("{name} (stalled; fix it, or suspend it to continue without it)")
            } else {
                name
            })
        })
        .collect();
    blockers.sort();
    blockers
}
