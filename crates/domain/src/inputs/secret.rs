use ace_api::{HasSecrets, LABEL_USE, SecretKeyReference, SecretUse, ShownBy};
use k8s_openapi::api::core::v1::Secret;

use crate::reconcile::{
    decision::{Cause, Decision, Requeue},
    refusals::Refusals,
    timing::Timing,
};

/// Why a key of a Secret is not used: messages for a condition. No text has any part of a value.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum SecretProblem {
    /// There is no such Secret, or it has no such key.
    Missing(String),
    /// The Secret does not offer this use; the message has the command that adds it.
    NotOffered(String),
    /// The operator is not allowed to read it; the message has the command that allows it.
    AccessMissing(String),
    /// The API server did not answer.
    Unanswered(String),
    /// The value is not what it should be.
    Invalid(String),
}

impl<R: HasSecrets> From<SecretProblem> for Cause<R> {
    fn from(problem: SecretProblem) -> Self {
        match problem {
            SecretProblem::Missing(message) => Self::new(R::SECRET_MISSING, message),
            SecretProblem::NotOffered(message) => Self::new(R::SECRET_NOT_OFFERED, message),
            SecretProblem::AccessMissing(message) => Self::new(R::SECRET_ACCESS_MISSING, message),
            SecretProblem::Unanswered(message) => Self::new(R::SECRET_UNANSWERED, message),
            SecretProblem::Invalid(message) => Self::new(R::SECRET_INVALID, message),
        }
    }
}

/// What to do while something about Secrets prevents everything. `again`: when it is looked at again although a person has to
/// act. A right that is missing may be there a moment later: see [`is_doubted`].
pub fn prevented<S, R: HasSecrets>(
    cause: &Cause<R>,
    refusals: Refusals,
    timing: Timing,
    again: Requeue,
) -> Decision<S, R> {
    let cause = cause.clone();
    if cause.reason == R::SECRET_ACCESS_MISSING && refusals.are_doubted() {
        Decision::Wait(cause, Requeue::After(timing.rights()))
    } else if cause.reason.shown_by() == ShownBy::Stalled {
        Decision::Refuse(cause, again)
    } else {
        Decision::Wait(cause, Requeue::Backoff)
    }
}

/// Whether the decision is about a right whose refusal is not believed yet: the status stays as it is.
pub fn is_doubted<S, R: HasSecrets>(decision: &Decision<S, R>, refusals: Refusals) -> bool {
    let about = matches!(decision, Decision::Wait(cause, _) | Decision::Refuse(cause, _) if cause.reason == R::SECRET_ACCESS_MISSING);
    about && refusals.are_doubted()
}

/// The text of one key of a Secret of `namespace`, if the Secret offers this use.
pub fn secret_text(
    secret: Option<Secret>,
    namespace: &str,
    reference: &SecretKeyReference,
    wanted: SecretUse,
) -> Result<String, SecretProblem> {
    let SecretKeyReference { name, key } = reference;
    let missing = |message: String| SecretProblem::Missing(message);
    let secret = secret.ok_or_else(|| missing(format!("there is no Secret `{name}`")))?;
    // Before anything is said of its keys: who may name a Secret may not know them.
    let label = secret.metadata.labels.as_ref().and_then(|labels| labels.get(LABEL_USE));
    let label = label.map(String::as_str);
    if !wanted.is_offered(label) {
        return Err(SecretProblem::NotOffered(format!(
            "Secret `{name}` does not offer the use `{}` in its label `{LABEL_USE}`; to allow it, run: {}",
            wanted.as_str(),
            wanted.offer(label, namespace, name)
        )));
    }
    let value = secret.data.unwrap_or_default().remove(key);
    let value = value.ok_or_else(|| missing(format!("Secret `{name}` has no key `{key}`")))?;
    String::from_utf8(value.0)
        .map_err(|_| SecretProblem::Invalid(format!("key `{key}` of Secret `{name}` is not text")))
}

#[cfg(test)]
mod tests {
    use ace_api::{SecretKeyReference, SecretUse};
    use k8s_openapi::api::core::v1::Secret;
    use serde_json::json;

    use super::{SecretProblem, secret_text};

    fn secret(label: Option<&str>) -> Secret {
        let labels = label.map(|label| json!({ "ops.mobulace.com/use": label, "app": "shop" }));
        let data = json!({ "token": "c2Jw", "bytes": "/w==" });
        serde_json::from_value(json!({ "metadata": { "labels": labels }, "data": data })).unwrap()
    }

    fn read(secret: Option<Secret>, key: &str, wanted: SecretUse) -> Result<String, SecretProblem> {
        let reference = SecretKeyReference {
            name: "supabase".to_owned(),
            key: key.to_owned(),
        };
        secret_text(secret, "ace", &reference, wanted)
    }

    #[test]
    fn a_secret_is_read_only_for_the_uses_that_it_offers() {
        for wanted in SecretUse::ALL {
            let own = wanted.as_str();
            let others: Vec<&str> = SecretUse::ALL
                .iter()
                .filter(|other| **other != wanted)
                .map(|other| other.as_str())
                .collect();
            let others = others.join(".");
            for offered in [own.to_owned(), format!("{others}.{own}"), format!("{own}.{others}")] {
                assert_eq!(
                    read(Some(secret(Some(&offered))), "token", wanted),
                    Ok("sbp".to_owned()),
                    "{offered}"
                );
            }
            for (label, command) in [
                (
                    None,
                    format!("kubectl label secret -n ace supabase ops.mobulace.com/use={own}"),
                ),
                (
                    Some(others.as_str()),
                    format!("kubectl label secret -n ace supabase --overwrite ops.mobulace.com/use={others}.{own}"),
                ),
            ] {
                // Which keys it has is not told either.
                for key in ["token", "absent"] {
                    let message = format!(
                        "Secret `supabase` does not offer the use `{own}` in its label `ops.mobulace.com/use`; to allow it, run: {command}"
                    );
                    assert_eq!(
                        read(Some(secret(label)), key, wanted),
                        Err(SecretProblem::NotOffered(message))
                    );
                }
            }
        }
    }

    #[test]
    fn what_is_missing_is_named() {
        let token = |secret, key| read(secret, key, SecretUse::Token);
        let missing = |message: &str| Err(SecretProblem::Missing(message.to_owned()));
        assert_eq!(token(None, "token"), missing("there is no Secret `supabase`"));
        let offered = || Some(secret(Some("token")));
        assert_eq!(
            token(offered(), "absent"),
            missing("Secret `supabase` has no key `absent`")
        );
        assert_eq!(
            token(offered(), "bytes"),
            Err(SecretProblem::Invalid(
                "key `bytes` of Secret `supabase` is not text".to_owned()
            ))
        );
    }
}
