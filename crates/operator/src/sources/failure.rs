use kube::Error;

use super::{ArtifactState, SourceKey};
use crate::connections::grants::Installation;

/// What came of asking the API server for an object.
#[derive(Debug)]
pub(super) enum Asked<T> {
    /// The object.
    Found(T),
    /// It is not there.
    Absent,
    /// The operator has no right to read it.
    Forbidden,
    /// No answer, or none that says anything about the object.
    Unanswered(String),
}

impl<T> Asked<T> {
    /// Reads what a GET brought; `None` of the outer option is a deadline that passed.
    pub(super) fn from(answer: Option<Result<Option<T>, Error>>) -> Self {
        match answer {
            Some(Ok(Some(object))) => Self::Found(object),
            Some(Ok(None)) => Self::Absent,
            Some(Err(error)) => match status_code(&error) {
                Some(404) => Self::Absent,
                Some(403) => Self::Forbidden,
                Some(code) => Self::Unanswered(format!("the API server answered {code}")),
                // An object that does not parse is no matter of the connection, but asking again is all that can be done.
                None if matches!(error, Error::SerdeError(_)) => {
                    Self::Unanswered("the API server's answer could not be read".to_owned())
                }
                None => Self::Unanswered("the API server did not answer".to_owned()),
            },
            None => Self::Unanswered("the API server did not answer in time".to_owned()),
        }
    }
}

/// The HTTP status of an error that the API server answered with.
pub(super) fn status_code(error: &Error) -> Option<u16> {
    match error {
        Error::Api(status) => Some(status.code),
        _ => None,
    }
}

/// That the operator may not read the object of `key`, with the command that mends it.
pub(super) fn access_missing(key: &SourceKey, installation: &Installation) -> ArtifactState {
    let command = match key.kind {
        ace_api::SourceKind::ConfigMap => installation.grant_namespace(&key.namespace),
        _ => installation.grant_cluster(),
    };
    ArtifactState::AccessMissing(format!("the operator may not read {key}; allow it with `{command}`"))
}
