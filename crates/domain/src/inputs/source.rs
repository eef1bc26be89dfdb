//! From the state of a source to the desired content of an object.

use ace_api::{Source, SourceKind};
use kube::ResourceExt;

use super::{Artifact, ArtifactState, SourceState};
use crate::bundle::{Fit, Folder, TooMany, TreePath};
use crate::reconcile::{dependency::Dependency, key::SourceKey};

/// What an object depends on that reads this source.
pub fn source_references(object: &impl ResourceExt, source: &Source) -> [Dependency; 2] {
    let key = SourceKey::of(object, source);
    let folder = Dependency::SourceFolder(key.clone(), folder_read(source));
    [Dependency::Source(key), folder]
}

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
    let folder = folder_read(source);
    match artifact.tree.scope().fit(folder.as_ref()) {
        Some(Fit::Kept) => Ok(artifact),
        Some(Fit::TooMany(many)) => Err(SourceState::Refused(too_many(source, folder.as_ref(), many))),
        None => Err(SourceState::Failed(
            "another folder of the source is being read".to_owned(),
        )),
    }
}

fn too_many(source: &Source, folder: Option<&TreePath>, many: TooMany) -> String {
    let TooMany { files, limit } = many;
    let within = folder.map_or_else(|| "the source has".to_owned(), |folder| format!("`{folder}` has"));
    let problem = if many.is_alone() {
        format!(
            "{within} {files} files, more than the {limit} that are read; let `spec.source.path` name a smaller folder"
        )
    } else {
        format!(
            "{within} {files} files, and the folders that others read of this large source have so many that they are more than the {limit} that are read; leave out of it what nobody needs"
        )
    };
    with_less(&problem, source.kind)
}

/// What is wrong with a source, and would not be with less in it. It may be a whole repository, of which an object needs one folder:
/// how its kind leaves the rest out.
pub fn with_less(problem: &str, kind: SourceKind) -> String {
    let fields = match kind {
        SourceKind::GitRepository => "`spec.ignore` or `spec.sparseCheckout` of the GitRepository",
        SourceKind::OCIRepository => "`spec.ignore` of the OCIRepository",
        SourceKind::Bucket => "`spec.ignore` of the Bucket",
        SourceKind::ExternalArtifact | SourceKind::ConfigMap => return problem.to_owned(),
    };
    format!("{problem}; {fields} leaves out what nobody needs")
}

/// What was read of an artifact.
pub fn content<T>(source: &Source, artifact: &Artifact, read: Result<T, String>) -> SourceState<T> {
    match read {
        Ok(content) => SourceState::Ready {
            content,
            artifact_revision: artifact.revision.clone(),
            secret_files: artifact.tree.secret_files(folder_read(source).as_ref()),
        },
        Err(message) => SourceState::Invalid(message),
    }
}

/// The folder to be read. That a path is none is told by those who read below it.
pub fn folder_read(source: &Source) -> Folder {
    folder(source).unwrap_or_default()
}

/// The folder of the content; `None` is the whole tree.
pub fn folder(source: &Source) -> Result<Option<TreePath>, String> {
    let path = source.path.as_deref().map(TreePath::new).transpose();
    path.map_err(|error| format!("`spec.source.path`: {error}"))
}
