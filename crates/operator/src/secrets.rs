//! Reading one key of one Secret.

use std::time::Duration;

use ace_api::SecretKeyReference;
use k8s_openapi::api::core::v1::Secret;
use kube::{Api, Client};

/// Deadline of one read: kube's client has none of its own.
const DEADLINE: Duration = Duration::from_secs(20);

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
    let secret = match tokio::time::timeout(DEADLINE, secrets.get(name)).await {
        Ok(Ok(secret)) => secret,
        Ok(Err(kube::Error::Api(status))) if status.is_not_found() => {
            return Err(SecretError::Missing(format!("there is no Secret `{name}`")));
        }
        Ok(Err(kube::Error::Api(status))) if status.is_forbidden() => return Err(SecretError::Forbidden),
        Ok(Err(_)) | Err(_) => return Err(SecretError::Unanswered),
    };
    let value = secret.data.unwrap_or_default().remove(key);
    let value = value.ok_or_else(|| SecretError::Missing(format!("Secret `{name}` has no key `{key}`")))?;
    String::from_utf8(value.0).map_err(|_| SecretError::Missing(format!("key `{key}` of Secret `{name}` is not text")))
}
