//! Reading one key of one Secret.

use ace_api::SecretKeyReference;
use k8s_openapi::api::core::v1::Secret;
use kube::{Api, Client};

use crate::api_server::answer;

/// Why there is no value. None of these holds any part of one.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum SecretError {
    /// The Secret or its key is not there.
    #[error("{0}")]
    Missing(String),
    /// The operator may not read Secrets of the namespace.
    #[error("the operator may not read Secrets of the namespace")]
    Forbidden,
    /// No answer.
    #[error("the API server did not answer")]
    Unanswered,
}

/// The text of one key.
pub async fn read_secret(
    client: &Client,
    namespace: &str,
    reference: &SecretKeyReference,
) -> Result<String, SecretError> {
    let (name, key) = (&reference.name, &reference.key);
    let secrets = Api::<Secret>::namespaced(client.clone(), namespace);
    let secret = match answer(secrets.get(name)).await {
        Some(Ok(secret)) => secret,
        Some(Err(kube::Error::Api(status))) if status.is_not_found() => {
            return Err(SecretError::Missing(format!("there is no Secret `{name}`")));
        }
        Some(Err(kube::Error::Api(status))) if status.is_forbidden() => return Err(SecretError::Forbidden),
        Some(Err(_)) | None => return Err(SecretError::Unanswered),
    };
    let value = secret.data.unwrap_or_default().remove(key);
    let value = value.ok_or_else(|| SecretError::Missing(format!("Secret `{name}` has no key `{key}`")))?;
    String::from_utf8(value.0).map_err(|_| SecretError::Missing(format!("key `{key}` of Secret `{name}` is not text")))
}
