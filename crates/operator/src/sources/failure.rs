use ace_domain::inputs::ArtifactState;
use ace_domain::reconcile::key::SourceKey;
use kube::Error;

use crate::connections::grants::Installation;

/// The result of a GET of an object.
#[derive(Debug)]
pub(super) enum Lookup<T> {
    Found(T),
    /// It does not exist.
    Absent,
    Forbidden,
    /// No answer, or none about the object.
    Unanswered(String),
}

impl<T> Lookup<T> {
    /// The result of a GET; `None` of the outer option is a deadline that passed.
    pub(super) fn from(answer: Option<Result<Option<T>, Error>>) -> Self {
        match answer {
            Some(Ok(Some(object))) => Self::Found(object),
            Some(Ok(None)) => Self::Absent,
            Some(Err(error)) => match status_code(&error) {
                Some(404) => Self::Absent,
                Some(403) => Self::Forbidden,
                Some(code) => Self::Unanswered(format!("the API server answered {code}")),
                // An object that does not parse is no problem of the connection, but can only be retried.
                None if matches!(error, Error::SerdeError(_)) => {
                    Self::Unanswered("the API server's answer could not be read".to_owned())
                }
                None => Self::Unanswered("the API server did not answer".to_owned()),
            },
            None => Self::Unanswered("the API server did not answer in time".to_owned()),
        }
    }
}

/// The HTTP status of an error from the API server.
pub(super) fn status_code(error: &Error) -> Option<u16> {
    match error {
        Error::Api(status) => Some(status.code),
        _ => None,
    }
}

/// The state for a missing right to read the object of `key`, with the command that grants it.
pub(super) fn access_missing(key: &SourceKey, installation: &Installation) -> ArtifactState {
    let command = match key.kind {
        ace_api::SourceKind::ConfigMap => installation.grant_namespace(&key.namespace),
        _ => installation.grant_cluster(&key.namespace),
    };
    ArtifactState::AccessMissing(format!(
        "the operator is not allowed to read {key}; to allow it, run: {command}"
    ))
}
