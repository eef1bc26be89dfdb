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

impl Secrets<'_> {
    /// A whole Secret, of which several keys are needed as they are at one time; `None` where there is none.
    pub async fn whole(&self, name: &str) -> Result<Option<Secret>, SecretProblem> {
        let secrets = Api::<Secret>::namespaced(self.client.clone(), self.namespace);
        match answer(secrets.get_opt(name)).await {
            Some(Ok(secret)) => Ok(secret),
            Some(Err(kube::Error::Api(status))) if status.is_forbidden() => Err(SecretProblem::AccessMissing(format!(
                "the operator is not allowed to read Secret `{name}`; to allow it, run: {}",
                self.names.grant_namespace(self.namespace)
            ))),
            Some(Err(_)) | None => Err(SecretProblem::Unanswered(format!(
                "the API server did not answer for Secret `{name}`"
            ))),
        }
    }

    /// The text of one key, if the Secret offers this use.
    pub async fn text(&self, reference: &SecretKeyReference, wanted: SecretUse) -> Result<SecretString, SecretProblem> {
        let secret = self.whole(&reference.name).await?;
        secret_text(secret, self.namespace, reference, wanted).map(SecretString::new)
    }

    /// One key's value, as `parse` understands it. `what` it should be is part of the error.
    pub async fn value<T, E: Display>(
        &self,
        reference: &SecretKeyReference,
        wanted: SecretUse,
        what: &str,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Result<T, SecretProblem> {
        let text = self.text(reference, wanted).await?;
        parse(text.reveal()).map_err(|error| {
            let SecretKeyReference { name, key } = reference;
            SecretProblem::Invalid(format!("key `{key}` of Secret `{name}` is not {what}: {error}"))
        })
    }
}
