use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use ace_domain::bundle;

/// Patterns of `tar --exclude` for files that hold secrets by their name; [`is_named`] takes the same. And what a Mac keeps
/// beside a file.
pub(crate) const EXCLUDED: [&str; 7] = [".env*", ".npmrc", "*.key", "*.p8", "*.p12", "*.pfx", "._*"];

/// Whether a file is left out for its secrets: by its name, as `tar` sees it, or by its content.
pub(super) fn holds_secrets(name: &str, content: &[u8]) -> bool {
    is_named(name) || bundle::holds_secrets(name, content)
}

/// Whether a file is left out by [`EXCLUDED`]: by its name, or that of a folder in which it is.
pub(crate) fn is_excluded(path: &str) -> bool {
    path.split('/').any(is_named)
}

pub(super) fn is_named(name: &str) -> bool {
    let has = |extension: &str| name.strip_suffix(extension).is_some();
    name.starts_with(".env") || name == ".npmrc" || [".key", ".p8", ".p12", ".pfx"].into_iter().any(has)
}

/// The same of a file of which only what is needed is read.
pub(super) fn file_holds_secrets(name: &str, path: &Path) -> io::Result<bool> {
    if is_named(name) || !bundle::tells_by_content(name) {
        return Ok(holds_secrets(name, &[]));
    }
    let mut beginning = Vec::new();
    File::open(path)?
        .take(bundle::TELLING_BYTES as u64)
        .read_to_end(&mut beginning)?;
    Ok(bundle::holds_secrets(name, &beginning))
}

#[cfg(test)]
mod tests {
    use super::holds_secrets;

    #[test]
    fn what_holds_secrets_is_known_by_its_name_and_a_key_by_its_content() {
        let key = b"-----BEGIN OPENSSH PRIVATE KEY-----\n";
        for name in [".env", ".env.local", ".npmrc", "server.key", "AuthKey_1.p8"] {
            assert!(holds_secrets(name, b""), "{name}");
        }
        for name in ["id_ed25519", "server.pem"] {
            assert!(
                holds_secrets(name, key) && !holds_secrets(name, b"-----BEGIN CERTIFICATE-----"),
                "{name}"
            );
        }
        for name in ["index.ts", "env.ts", "npmrc.md", "key", "monkey.html"] {
            assert!(!holds_secrets(name, b""), "{name}");
        }
        assert!(!holds_secrets("sign.ts", b"const head = '-----BEGIN PRIVATE KEY-----'"));
    }
}
