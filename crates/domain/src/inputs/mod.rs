//! What is seen of the objects that a kind names.

mod artifact;
mod config_map;
mod secret;
mod source;

pub use artifact::{Artifact, ArtifactState, SourceKey, SourceTree};
pub use config_map::{Carried, carried, read_config_map, sha256};
pub use secret::secret_text;
pub use source::{folder, wanted};

/// The Platform, as far as a kind cares.
#[derive(Clone, Debug, PartialEq)]
pub enum PlatformState<T> {
    /// There is no such object.
    Absent,
    /// There is one.
    Present(T),
}

/// The content that is wanted.
#[derive(Clone, Debug)]
pub enum SourceState<T> {
    /// Read and understood.
    Ready {
        /// The content.
        content: T,
        /// Revision of the artifact that it was read from.
        artifact_revision: String,
    },
    /// The source object or its artifact is not there yet.
    Waiting(String),
    /// The archive is refused.
    Refused(String),
    /// The tree lacks something, holds what it must not, or does not parse.
    Invalid(String),
    /// The operator lacks a right.
    AccessMissing(String),
    /// It could not be read this time.
    Failed(String),
}

impl<T> SourceState<T> {
    /// The content, if it could be read.
    pub fn content(&self) -> Option<&T> {
        match self {
            Self::Ready { content, .. } => Some(content),
            _ => None,
        }
    }
}
