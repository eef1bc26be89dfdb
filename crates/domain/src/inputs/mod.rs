//! What is known of the objects that a kind names, and what it means where one of them can't be used.

mod artifact;
mod closures;
mod config_map;
mod secret;
mod source;

#[cfg(test)]
mod tests;

use std::time::Duration;

use ace_api::{HasPlatform, HasSource, LocalReference, SecretFiles};

pub use artifact::{Artifact, ArtifactState, SourceTree};
pub use closures::FunctionParts;
pub use config_map::{Carried, carried, read_config_map, sha256};
pub use secret::{SecretProblem, is_doubted, prevented, secret_text};
pub use source::{content, folder, folder_read, source_references, usable, wanted, with_less};

use crate::reconcile::{
    decision::{Cause, Decision, Requeue},
    status::suspended_by_user,
    timing::Timing,
};

/// The Platform that an object names.
#[derive(Clone, Debug, PartialEq)]
pub enum PlatformState<T> {
    Absent,
    Present(T),
}

/// What every kind has to know of its Platform.
pub trait PlatformFacts {
    /// `spec.interval`, not scaled.
    fn interval(&self) -> Duration;
    fn is_suspended(&self) -> bool;
}

impl<T: PlatformFacts> PlatformState<T> {
    /// The Platform, where the object may be checked and changed; else what there is to decide. `suspend`: the object's own
    /// `spec.suspend`.
    pub fn usable<S, R: HasPlatform>(&self, suspend: bool, named: &LocalReference) -> Result<&T, Decision<S, R>> {
        match self {
            _ if suspend => Err(Decision::Settled(Requeue::OnChange)),
            Self::Absent => {
                let message = format!("there is no Platform `{}` in this namespace", named.name);
                let cause = Cause::new(R::WAITING_FOR_PLATFORM, message);
                Err(Decision::Wait(cause, Requeue::OnChange))
            }
            Self::Present(platform) if platform.is_suspended() => Err(Decision::Settled(Requeue::OnChange)),
            Self::Present(platform) => Ok(platform),
        }
    }

    /// Why nothing is checked or changed, if the object itself or the Platform is suspended.
    pub fn suspension<R: HasPlatform>(&self, suspend: bool, named: &LocalReference) -> Option<Cause<R>> {
        match self {
            _ if suspend => Some(suspended_by_user(R::SUSPENDED_BY_USER)),
            Self::Present(platform) if platform.is_suspended() => {
                let message = format!("Platform `{}` is suspended: nothing is checked or changed", named.name);
                Some(Cause::new(R::SUSPENDED_BY_PLATFORM, message))
            }
            Self::Absent | Self::Present(_) => None,
        }
    }

    /// The Platform's interval, scaled.
    pub fn interval(&self, timing: Timing) -> Duration {
        match self {
            Self::Present(platform) => timing.interval(platform.interval()),
            Self::Absent => timing.backoff_most(),
        }
    }
}

#[derive(Clone, Debug)]
pub enum SourceState<T> {
    Ready {
        content: T,
        /// Revision of the artifact that it was read from.
        artifact_revision: String,
        /// What the folder has that no reader should have.
        secret_files: Option<SecretFiles>,
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

/// Why a source can't be used.
#[derive(Clone, Debug, PartialEq)]
pub enum SourceProblem<R> {
    /// It is not there yet.
    Waiting(Cause<R>),
    /// It could not be read this time; it may well be as it was.
    Unread(Cause<R>),
    Refused(Cause<R>),
}

impl<T> SourceState<T> {
    /// The content, if it could be read.
    pub fn content(&self) -> Option<&T> {
        match self {
            Self::Ready { content, .. } => Some(content),
            _ => None,
        }
    }

    /// Why there is no content.
    pub fn problem<R: HasSource>(&self) -> Option<SourceProblem<R>> {
        let cause = |reason, message: &String| Cause::new(reason, message.clone());
        Some(match self {
            Self::Ready { .. } => return None,
            Self::Waiting(message) => SourceProblem::Waiting(cause(R::WAITING_FOR_SOURCE, message)),
            Self::Failed(message) => SourceProblem::Unread(cause(R::RETRYING, message)),
            Self::Refused(message) => SourceProblem::Refused(cause(R::SOURCE_REFUSED, message)),
            Self::Invalid(message) => SourceProblem::Refused(cause(R::SOURCE_INVALID, message)),
            Self::AccessMissing(message) => SourceProblem::Refused(cause(R::ACCESS_MISSING, message)),
        })
    }
}
