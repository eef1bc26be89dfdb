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
    match usable(source, artifact_state) {
        Ok(artifact) => content(source, artifact, read(artifact)),
        Err(state) => state,
    }
}

/// The artifact to read, or why there is none; the spec may pin another digest.
pub fn usable<'a, T>(source: &Source, artifact_state: &'a ArtifactState) -> Result<&'a Artifact, SourceState<T>> {
    let artifact = match artifact_state {
        ArtifactState::Ready(artifact) => artifact,
        ArtifactState::Waiting(message) => return Err(SourceState::Waiting(message.clone())),
        ArtifactState::Refused(message) => return Err(SourceState::Refused(message.clone())),
        ArtifactState::AccessMissing(message) => return Err(SourceState::AccessMissing(message.clone())),
        ArtifactState::Failed(message) => return Err(SourceState::Failed(message.clone())),
    };
    if let Some(pin) = source.digest.as_ref().filter(|pin| **pin != artifact.digest) {
        let has = &artifact.digest;
        let waits = format!("`spec.source.digest` pins {pin}, and the source has {has}");
        return Err(SourceState::Waiting(waits));
    }
    Ok(artifact)
}

/// What was read of an artifact.
pub fn content<T>(source: &Source, artifact: &Artifact, read: Result<T, String>) -> SourceState<T> {
    match read {
        Ok(content) => SourceState::Ready {
            content,
            artifact_revision: artifact.revision.clone(),
            secret_files: artifact.tree.secret_files(folder(source).ok().flatten().as_ref()),
        },
        Err(message) => SourceState::Invalid(message),
    }
}

/// The folder of the content; `None` is the whole tree.
pub fn folder(source: &Source) -> Result<Option<TreePath>, String> {
    let path = source.path.as_deref().map(TreePath::new).transpose();
    path.map_err(|error| format!("`spec.source.path`: {error}"))
}
