//! From the state of a source to the desired content of an object.

use ace_api::Source;

use super::{Artifact, ArtifactState, SourceState};
use crate::bundle::TreePath;

/// The content that `read` extracts from the artifact, unless the spec pins another digest. An error of `read` needs a person.
pub fn wanted<T>(
    source: &Source,
    artifact_state: &ArtifactState,
    read: impl FnOnce(&Artifact) -> Result<T, String>,
) -> SourceState<T> {
    let artifact = match artifact_state {
        ArtifactState::Ready(artifact) => artifact,
        ArtifactState::Waiting(message) => return SourceState::Waiting(message.clone()),
        ArtifactState::Refused(message) => return SourceState::Refused(message.clone()),
        ArtifactState::AccessMissing(message) => return SourceState::AccessMissing(message.clone()),
        ArtifactState::Failed(message) => return SourceState::Failed(message.clone()),
    };
    if let Some(pin) = source.digest.as_ref().filter(|pin| **pin != artifact.digest) {
        let has = &artifact.digest;
        return SourceState::Waiting(format!("`spec.source.digest` pins {pin}, and the source has {has}"));
    }
    match read(artifact) {
        Ok(content) => SourceState::Ready {
            content,
            artifact_revision: artifact.revision.clone(),
        },
        Err(message) => SourceState::Invalid(message),
    }
}

/// The folder of the content; `None` is the whole tree.
pub fn folder(source: &Source) -> Result<Option<TreePath>, String> {
    let path = source.path.as_deref().map(TreePath::new).transpose();
    path.map_err(|error| format!("`spec.source.path`: {error}"))
}
