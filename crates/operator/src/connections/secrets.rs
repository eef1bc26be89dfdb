//! Reads one key of one Secret.

use ace_api::SecretKeyReference;
use ace_domain::inputs::secret_text;
use ace_egress::SecretString;
use k8s_openapi::api::core::v1::Secret;
use kube::{Api, Client};

use ace_runtime::request::answer;

/// Why a key can't be read. No text contains any part of a value.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum SecretError {
    /// The Secret or its key does not exist.
    #[error("{0}")]
    Missing(String),
    /// The operator is not allowed to read Secrets of the namespace.
    #[error("the operator is not allowed to read Secrets of the namespace")]
    Forbidden,
    /// No answer, or a temporary refusal.
    #[error("the API server did not answer for Secret `{0}`")]
    Unanswered(String),
}

/// The text of one key.
pub async fn read_secret(
    client: &Client,
    namespace: &str,
    reference: &SecretKeyReference,
) -> Result<SecretString, SecretError> {
    let secrets = Api::<Secret>::namespaced(client.clone(), namespace);
    let secret = match answer(secrets.get_opt(&reference.name)).await {
        Some(Ok(secret)) => secret,
        Some(Err(kube::Error::Api(status))) if status.is_forbidden() => return Err(SecretError::Forbidden),
        Some(Err(_)) | None => return Err(SecretError::Unanswered(reference.name.clone())),
    };
    let text = secret_text(secret, reference).map_err(SecretError::Missing)?;
    Ok(SecretString::new(text))
}
