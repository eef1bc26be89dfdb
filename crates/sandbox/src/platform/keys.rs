//! Tokens and keys of the platform: made at random once, kept on disk, checked by the gateway.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, Mac};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::Sha256;

/// Life of the two legacy keys: ten years, as the platform gives them.
const KEY_SECONDS: i64 = 10 * 365 * 24 * 60 * 60;

/// A personal access token: `sbp_` and 40 hexadecimal digits, the form that the official CLI insists on.
pub(super) fn new_token() -> String {
    format!("sbp_{}", hex::encode(rand::random::<[u8; 20]>()))
}

/// Twenty random lower-case letters.
pub(super) fn new_reference() -> String {
    std::iter::repeat_with(|| char::from(rand::random_range(b'a'..=b'z')))
        .take(20)
        .collect()
}

/// The keys of one project. Never printed.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Keys {
    pub(super) jwt_secret: String,
    pub(super) anon: String,
    pub(super) service_role: String,
}

impl fmt::Debug for Keys {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Keys(..)")
    }
}

impl Keys {
    pub(super) fn new(reference: &str, now_seconds: i64) -> Keys {
        let jwt_secret = hex::encode(rand::random::<[u8; 32]>());
        let key = |role: &str| {
            let expires = now_seconds + KEY_SECONDS;
            let claims = json!({"iss": "supabase", "ref": reference, "role": role, "iat": now_seconds, "exp": expires});
            sign(&claims, &jwt_secret)
        };
        Keys {
            anon: key("anon"),
            service_role: key("service_role"),
            jwt_secret,
        }
    }
}

/// A JWT of these claims under HS256.
fn sign(claims: &Value, secret: &str) -> String {
    let encode = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let signed = format!("{}.{}", encode(&json!({"alg": "HS256", "typ": "JWT"})), encode(claims));
    let signature = URL_SAFE_NO_PAD.encode(mac(&signed, secret).finalize().into_bytes());
    format!("{signed}.{signature}")
}

/// Whether `token` is a JWT under HS256 and this secret that is valid now (`exp` and `nbf`, where it has them).
pub(super) fn verify(token: &str, secret: &str, now_seconds: i64) -> bool {
    let Some((signed, signature)) = token.rsplit_once('.') else {
        return false;
    };
    let Some((header, claims)) = signed.split_once('.') else {
        return false;
    };
    let part = |text: &str| -> Option<Value> { serde_json::from_slice(&URL_SAFE_NO_PAD.decode(text).ok()?).ok() };
    let (Some(header), Some(claims)) = (part(header), part(claims)) else {
        return false;
    };
    let Ok(signature) = URL_SAFE_NO_PAD.decode(signature) else {
        return false;
    };
    // NumericDate may have a fraction (RFC 7519 §2): compared as numbers, and a claim that is none is not believed.
    let time = |name: &str| claims.get(name).map(|claim| claim.as_f64().unwrap_or(f64::NAN));
    #[expect(
        clippy::cast_precision_loss,
        reason = "seconds since 1970 stay exact in f64 for millions of years"
    )]
    let now = now_seconds as f64;
    header["alg"] == "HS256"
        && claims.is_object()
        && mac(signed, secret).verify_slice(&signature).is_ok()
        && time("exp").is_none_or(|expires| now < expires)
        && time("nbf").is_none_or(|begins| begins <= now)
}

fn mac(message: &str, secret: &str) -> Hmac<Sha256> {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("HMAC takes keys of every length");
    mac.update(message.as_bytes());
    mac
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{Keys, new_reference, new_token, sign, verify};

    #[test]
    fn keys_of_a_project_pass_its_own_check_and_no_other() {
        let (keys, other) = (Keys::new("a", 1_000), Keys::new("a", 1_000));
        let checks = [
            verify(&keys.anon, &keys.jwt_secret, 1_001),
            verify(&keys.service_role, &keys.jwt_secret, 1_001),
            verify(&keys.anon, &other.jwt_secret, 1_001),
        ];
        assert_eq!(checks, [true, true, false]);
    }

    #[test]
    fn expired_early_foreign_and_garbled_tokens_are_refused() {
        let expired = sign(&json!({"exp": 10}), "secret");
        let early = sign(&json!({"nbf": 30}), "secret");
        let odd = sign(&json!({"exp": "never"}), "secret");
        let unsigned = expired.replace("eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9", "eyJhbGciOiJub25lIn0");
        let tokens = [&expired, &early, &odd, &unsigned, "", "..", "a.b.c", "sbp_"];
        assert_eq!(tokens.map(|token| verify(token, "secret", 20)), [false; 8]);
        assert!(verify(&expired, "secret", 9) && verify(&early, "secret", 30));
    }

    #[test]
    fn a_token_has_the_form_that_the_official_cli_insists_on() {
        let (token, reference) = (new_token(), new_reference());
        let digits = token.strip_prefix("sbp_").unwrap();
        assert!(digits.len() == 40 && digits.bytes().all(|digit| digit.is_ascii_hexdigit()));
        assert!(reference.len() == 20 && reference.bytes().all(|letter| letter.is_ascii_lowercase()));
    }
}
