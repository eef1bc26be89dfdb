//! Waves: new content is rolled out after that of the functions in lower waves.

use ace_api::{ConditionType, EdgeFunction, Mode};

/// A function of the same Platform and source object, with its desired content in the current tree.
#[derive(Clone, Debug)]
pub struct Member<'a> {
    pub object: &'a EdgeFunction,
    /// Digest of its desired content; `None` if the tree does not have it.
    pub wants: Option<String>,
}

/// Others wait for this function: it is neither suspended, nor in mode `Observe`, nor being deleted.
pub(super) fn counts(object: &EdgeFunction) -> bool {
    let spec = &object.spec;
    !spec.suspend && spec.mode != Mode::Observe && object.metadata.deletion_timestamp.is_none()
}

pub(super) fn is_stalled(object: &EdgeFunction) -> bool {
    let status = object.status.as_ref();
    status.is_some_and(|status| ConditionType::Stalled.is_true(&status.common.conditions))
}

/// Names of the functions in waves lower than `wave` whose desired content is not applied and proven, with a note if they are
/// stalled.
///
/// Functions that are suspended, in mode `Observe` or being deleted do not block; stalled ones do.
pub fn blockers<'a>(wave: i32, members: impl IntoIterator<Item = Member<'a>>) -> Vec<String> {
    let mut blockers: Vec<String> = members
        .into_iter()
        .filter(|member| member.object.spec.wave < wave && counts(member.object))
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
            Some(if is_stalled(member.object) {
                format!("{name} (stalled; fix it, or suspend it to continue without it)")
            } else {
                name
            })
        })
        .collect();
    blockers.sort();
    blockers
}
