//! What may be shown to a project's gateway.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::Value;

/// Whether this can be the anonymous key of the project: a publishable key, or a JWT for the role `anon` that is not another
/// project's. Functions read what their gateway is shown, and one Secret may hold the access token or a password, too: what is
/// public by design leaves this way, and nothing else.
pub fn is_anon_key(project: &str, text: &str) -> bool {
    let text = text.trim();
    text.starts_with("sb_publishable_") || claims(text).is_some_and(|claims| is_anon(project, &claims))
}

fn is_anon(project: &str, claims: &Value) -> bool {
    // A Supabase that somebody hosts by themselves names no project.
    claims["role"] == "anon" && claims.get("ref").is_none_or(|of| of == project)
}

fn claims(text: &str) -> Option<Value> {
    let (header, rest) = text.split_once('.')?;
    let (claims, signature) = rest.split_once('.')?;
    let decoded = |part: &str| serde_json::from_slice::<Value>(&URL_SAFE_NO_PAD.decode(part).ok()?).ok();
    (decoded(header)?.is_object() && !signature.contains('.'))
        .then(|| decoded(claims))
        .flatten()
}

#[cfg(test)]
mod tests {
    use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
    use serde_json::{Value, json};

    use super::is_anon_key;

    const OWN: &str = "abcdefghijklmnopqrst";

    fn jwt(claims: &Value) -> String {
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        format!("{}.{}.c2lnbmF0dXJl", part(&json!({ "alg": "HS256" })), part(claims))
    }

    #[test]
    fn only_the_projects_own_anonymous_key_is_shown_to_its_gateway() {
        let own = jwt(&json!({ "role": "anon", "ref": OWN, "iss": "supabase" }));
        for key in [
            own.clone(),
            format!("{own}\n"),
            jwt(&json!({ "role": "anon" })),
            "sb_publishable_x".to_owned(),
        ] {
            assert!(is_anon_key(OWN, &key), "{key}");
        }
        for key in [
            jwt(&json!({ "role": "service_role", "ref": OWN })),
            jwt(&json!({ "role": "anon", "ref": "attackersownprojectx" })),
            jwt(&json!({ "role": ["anon"], "ref": OWN })),
            jwt(&json!({ "ref": OWN })),
            jwt(&json!("anon")),
            format!("{own}.more"),
            own.rsplit_once('.').unwrap().0.to_owned(),
            "sbp_0123456789abcdef0123456789abcdef01234567".to_owned(),
            "sb_secret_x".to_owned(),
            "a password".to_owned(),
            "a.b.c".to_owned(),
            String::new(),
        ] {
            assert!(!is_anon_key(OWN, &key), "{key}");
        }
    }
}
