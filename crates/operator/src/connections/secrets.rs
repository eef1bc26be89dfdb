//! Reads one key of one Secret.

use ace_api::SecretKeyReference;
use ace_domain::reconcile::timing::Timing;
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

/// The text of one key. A refusal counts at the third answer: an API server that has just started refuses what it allows a
/// moment later.
pub async fn read_secret_patiently(
    client: &Client,
    timing: Timing,
    namespace: &str,
    reference: &SecretKeyReference,
) -> Result<SecretString, SecretError> {
    for _ in 0..2 {
        match read_secret(client, namespace, reference).await {
            Err(SecretError::Forbidden) => tokio::time::sleep(timing.rights()).await,
            outcome => return outcome,
        }
    }
    read_secret(client, namespace, reference).await
}

/// The text of one key.
pub async fn read_secret(
    client: &Client,
    namespace: &str,
    reference: &SecretKeyReference,
) -> Result<SecretString, SecretError> {
    let (name, key) = (&reference.name, &reference.key);
    let secrets = Api::<Secret>::namespaced(client.clone(), namespace);
    let secret = match answer(secrets.get(name)).await {
        Some(Ok(secret)) => secret,
        Some(Err(kube::Error::Api(status))) if status.is_not_found() => {
            return Err(SecretError::Missing(format!("there is no Secret `{name}`")));
        }
        Some(Err(kube::Error::Api(status))) if status.is_forbidden() => return Err(SecretError::Forbidden),
        Some(Err(_)) | None => return Err(SecretError::Unanswered(name.clone())),
    };
    let value = secret.data.unwrap_or_default().remove(key);
    let value = value.ok_or_else(|| SecretError::Missing(format!("Secret `{name}` has no key `{key}`")))?;
    let text = String::from_utf8(value.0);
    let text = text.map_err(|_| SecretError::Missing(format!("key `{key}` of Secret `{name}` is not text")))?;
    Ok(SecretString::new(text))
}

#[cfg(test)]
mod tests {
    use std::sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    };

    use ace_api::SecretKeyReference;
    use ace_domain::reconcile::timing::Timing;
    use ace_egress::SecretString;
    use serde_json::json;

    use super::{SecretError, read_secret_patiently};
    use ace_runtime::testing::{Answer, api_server};

    /// The result for a Secret that can be read after so many refusals, and the number of requests.
    async fn read_after(refusals: usize) -> (Result<SecretString, SecretError>, usize) {
        let asked = Arc::new(AtomicUsize::new(0));
        let server = api_server(move |_| {
            if asked.fetch_add(1, Ordering::SeqCst) < refusals {
                return Answer::refusal(403, "Forbidden");
            }
            Answer::json(&json!({ "metadata": { "name": "supabase" }, "data": { "token": "c2Jw" } }))
        })
        .await;
        let reference = SecretKeyReference {
            name: "supabase".to_owned(),
            key: "token".to_owned(),
        };
        let read = read_secret_patiently(&server.client(), Timing::scaled(1_000), "ace", &reference).await;
        (read, server.requests().len())
    }

    #[tokio::test]
    async fn a_refusal_counts_at_the_third_answer() {
        let text = SecretString::new("sbp");
        assert_eq!(read_after(0).await, (Ok(text.clone()), 1));
        assert_eq!(read_after(2).await, (Ok(text), 3));
        assert_eq!(read_after(3).await, (Err(SecretError::Forbidden), 3));
    }
}
