//! Reads one key of one Secret.

use std::fmt::Display;

use ace_api::{SecretKeyReference, SecretUse};
use ace_domain::inputs::{SecretProblem, secret_text};
use ace_egress::SecretString;
use k8s_openapi::api::core::v1::Secret;
use kube::{Api, Client};

use ace_runtime::request::answer;

use super::grants::Installation;

/// The Secrets of a namespace.
pub struct Secrets<'a> {
    /// Client of the API server.
    pub client: &'a Client,
    /// Names in the commands of messages.
    pub names: &'a Installation,
    pub namespace: &'a str,
}

/// Why a key can't be used. No text contains any part of a value.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum SecretError {
    /// The Secret or its key does not exist.
    #[error("{0}")]
    Missing(String),
    /// The Secret does not offer this use; the text has the command that adds it.
    #[error("{0}")]
    NotOffered(String),
    /// The operator is not allowed to read Secrets of the namespace; this command allows it.
    #[error("the operator is not allowed to read Secrets of this namespace; to allow it, run: {0}")]
    Forbidden(String),
    /// No answer, or a temporary refusal.
    #[error("the API server did not answer for Secret `{0}`")]
    Unanswered(String),
    /// The value is not what it should be.
    #[error("{0}")]
    Invalid(String),
}

impl From<SecretProblem> for SecretError {
    fn from(problem: SecretProblem) -> Self {
        match problem {
            SecretProblem::Missing(message) => Self::Missing(message),
            SecretProblem::NotOffered(message) => Self::NotOffered(message),
        }
    }
}

impl Secrets<'_> {
    /// The text of one key, if the Secret offers this use.
    pub async fn text(&self, reference: &SecretKeyReference, wanted: SecretUse) -> Result<SecretString, SecretError> {
        let secrets = Api::<Secret>::namespaced(self.client.clone(), self.namespace);
        let secret = match answer(secrets.get_opt(&reference.name)).await {
            Some(Ok(secret)) => secret,
            Some(Err(kube::Error::Api(status))) if status.is_forbidden() => {
                return Err(SecretError::Forbidden(self.names.grant_namespace(self.namespace)));
            }
            Some(Err(_)) | None => return Err(SecretError::Unanswered(reference.name.clone())),
        };
        Ok(secret_text(secret, self.namespace, reference, wanted).map(SecretString::new)?)
    }

    /// One key's value, as `parse` understands it. `what` it should be is part of the error.
    pub async fn value<T, E: Display>(
        &self,
        reference: &SecretKeyReference,
        wanted: SecretUse,
        what: &str,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Result<T, SecretError> {
        let text = self.text(reference, wanted).await?;
        parse(text.reveal()).map_err(|error| {
            let SecretKeyReference { name, key } = reference;
            SecretError::Invalid(format!("key `{key}` of Secret `{name}` is not {what}: {error}"))
        })
    }
}
