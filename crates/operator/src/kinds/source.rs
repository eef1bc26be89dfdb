//! What a source shows of what a kind wants.

use ace_api::Source;
use ace_domain::{sight::SourceSight, source::TreePath};

use crate::sources::{Artifact, Sight};

/// What `read` makes of the artifact in sight, unless the spec pins another one. Why it can't be read is for a person.
pub(super) fn wanted<T>(
    source: &Source,
    sight: &Sight,
    read: impl FnOnce(&Artifact) -> Result<T, String>,
) -> SourceSight<T> {
    let artifact = match sight {
        Sight::Ready(artifact) => artifact,
        Sight::Waiting(message) => return SourceSight::Waiting(message.clone()),
        Sight::Refused(message) => return SourceSight::Refused(message.clone()),
        Sight::AccessMissing(message) => return SourceSight::AccessMissing(message.clone()),
        Sight::Failed(message) => return SourceSight::Failed(message.clone()),
    };
    if let Some(pin) = source.digest.as_ref().filter(|pin| **pin != artifact.digest) {
        let has = &artifact.digest;
        return SourceSight::Waiting(format!("`spec.source.digest` pins {pin}, and the source has {has}"));
    }
    match read(artifact) {
        Ok(content) => SourceSight::Ready {
            content,
            artifact_revision: artifact.revision.clone(),
        },
        Err(message) => SourceSight::Invalid(message),
    }
}

/// The folder in which it lies; none is the whole tree.
pub(super) fn folder(source: &Source) -> Result<Option<TreePath>, String> {
    let path = source.path.as_deref().map(TreePath::new).transpose();
    path.map_err(|error| format!("`spec.source.path`: {error}"))
}
