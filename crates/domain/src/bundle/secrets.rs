//! Files that hold secrets, known by their names and contents.

use super::module;

/// Bytes of a file that are enough where its content tells, except of a `.npmrc`: a key in PEM begins in them.
pub const TELLING_BYTES: usize = 4096;
/// What a file beside `.env` is called that shows which values it has.
const EXAMPLES: [&str; 6] = ["example", "sample", "template", "tmpl", "dist", "schema"];
/// Files of keys that are always private.
const KEYS: [&str; 3] = ["p8", "p12", "pfx"];
/// Settings of a `.npmrc` that log in.
const LOGINS: [&str; 3] = ["_authToken", "_auth", "_password"];

/// What a file's name says.
enum Named {
    Secret,
    /// Only its content tells: this does.
    Tells(fn(&[u8]) -> bool),
    Harmless,
}

/// Whether a file holds secrets: `.env` and its like, a `.npmrc` that logs in, a private key. A module may name a key in a text,
/// and is source nevertheless.
pub fn holds_secrets(name: &str, content: &[u8]) -> bool {
    match named(name) {
        Named::Secret => true,
        Named::Tells(tells) => tells(content),
        Named::Harmless => false,
    }
}

/// Whether [`holds_secrets`] depends on the content of a file of this name.
pub fn tells_by_content(name: &str) -> bool {
    matches!(named(name), Named::Tells(_))
}

fn named(name: &str) -> Named {
    if name == ".npmrc" {
        return Named::Tells(logs_in);
    }
    if is_environment(name) {
        return Named::Secret;
    }
    match name.rsplit_once('.') {
        None | Some((_, "pem")) => Named::Tells(has_private_key),
        Some((_, "key")) => Named::Tells(is_no_public_key),
        Some((_, extension)) if KEYS.contains(&extension) => Named::Secret,
        Some(_) => Named::Harmless,
    }
}

/// `.env`, `.env.local`, `.env-production`, `.envrc`; no example of one, and no module.
fn is_environment(name: &str) -> bool {
    let Some(rest) = name.strip_prefix(".env") else {
        return false;
    };
    let last = rest.rsplit(['.', '-', '_']).next().unwrap_or_default();
    let is_one = rest.is_empty() || rest == "rc" || rest.starts_with(['.', '-', '_']);
    is_one && !EXAMPLES.contains(&last) && module::language(name).is_none()
}

fn beginning(content: &[u8]) -> String {
    String::from_utf8_lossy(content.get(..TELLING_BYTES).unwrap_or(content)).into_owned()
}

fn has_private_key(content: &[u8]) -> bool {
    let beginning = beginning(content);
    beginning.contains("-----BEGIN") && beginning.contains("PRIVATE KEY-----")
}

/// A key in whatever form; no public one, no certificate, and no presentation, which is a ZIP file.
fn is_no_public_key(content: &[u8]) -> bool {
    let is_public = beginning(content).contains("-----BEGIN") && !has_private_key(content);
    !is_public && !content.starts_with(b"PK\x03\x04")
}

/// A setting that logs in has a value, which is not that of a variable.
fn logs_in(content: &[u8]) -> bool {
    let text = String::from_utf8_lossy(content);
    let settings = text.lines().filter_map(|line| line.split_once('='));
    settings.into_iter().any(|(key, value)| {
        let (key, value) = (key.trim(), value.trim().trim_matches(['"', '\'']));
        let name = key.rsplit(':').next().unwrap_or(key);
        let is_comment = key.starts_with(['#', ';']);
        !is_comment && LOGINS.contains(&name) && !value.is_empty() && !value.starts_with("${")
    })
}

#[cfg(test)]
mod tests {
    use super::holds_secrets;

    const KEY: &[u8] = b"-----BEGIN OPENSSH PRIVATE KEY-----\n";
    const CERTIFICATE: &[u8] = b"-----BEGIN CERTIFICATE-----\n";

    #[test]
    fn environments_are_secrets_and_their_examples_are_not() {
        for name in [
            ".env",
            ".envrc",
            ".env.local",
            ".env-prod",
            ".env_old",
            ".env.example.local",
        ] {
            assert!(holds_secrets(name, b""), "{name}");
        }
        for name in [
            ".env.example",
            ".env.local.sample",
            ".env-template",
            ".env.dist",
            ".env.d.ts",
            ".environment",
            "env.ts",
        ] {
            assert!(!holds_secrets(name, b"KEY=1"), "{name}");
        }
    }

    #[test]
    fn a_npmrc_is_a_secret_where_it_has_a_login_of_its_own() {
        let secrets: [&[u8]; 4] = [
            b"//registry.npmjs.org/:_authToken=npm_1\n",
            b"registry=https://r\n_auth = dXNlcg==",
            b"//r/:_password=\"cGFzcw==\"",
            b"; comment\r\n_authToken='x'\r\n",
        ];
        for content in secrets {
            assert!(holds_secrets(".npmrc", content), "{}", String::from_utf8_lossy(content));
        }
        let harmless: [&[u8]; 5] = [
            b"",
            b"registry=https://r",
            b"//r/:_authToken=${NPM_TOKEN}",
            b"#//r/:_authToken=npm_1",
            b"//r/:always-auth=true",
        ];
        for content in harmless {
            assert!(
                !holds_secrets(".npmrc", content),
                "{}",
                String::from_utf8_lossy(content)
            );
        }
    }

    #[test]
    fn keys_are_known_by_what_they_are() {
        for (name, content) in [
            ("id_ed25519", KEY),
            ("server.pem", KEY),
            ("server.key", KEY),
            ("raw.key", b"0123"),
            ("AuthKey_1.p8", b""),
            ("store.p12", b"\x30"),
            ("store.pfx", b"\x30"),
        ] {
            assert!(holds_secrets(name, content), "{name}");
        }
        for (name, content) in [
            ("server.pem", CERTIFICATE),
            ("jwt.key", b"-----BEGIN PUBLIC KEY-----\n"),
            ("slides.key", b"PK\x03\x04"),
            ("LICENSE", b"text"),
            ("sign.ts", KEY),
            ("monkey.html", KEY),
        ] {
            assert!(!holds_secrets(name, content), "{name}");
        }
    }
}
