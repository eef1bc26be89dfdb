use ace_api::SecretKeyReference;
use k8s_openapi::api::core::v1::Secret;

/// The text of one key of a Secret, or a message that says what is missing, without any part of a value.
pub fn secret_text(secret: Option<Secret>, reference: &SecretKeyReference) -> Result<String, String> {
    let SecretKeyReference { name, key } = reference;
    let secret = secret.ok_or_else(|| format!("there is no Secret `{name}`"))?;
    let value = secret.data.unwrap_or_default().remove(key);
    let value = value.ok_or_else(|| format!("Secret `{name}` has no key `{key}`"))?;
    String::from_utf8(value.0).map_err(|_| format!("key `{key}` of Secret `{name}` is not text"))
}
