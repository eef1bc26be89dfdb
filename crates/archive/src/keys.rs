//! For whom backups are encrypted, and what opens them: X25519 keys of age.

use std::fmt;
use std::sync::Arc;

use age::x25519;
use x25519_dalek::{PublicKey, StaticSecret};

/// Most recipients of one backup. Their stanzas, of about 200 bytes each, have to lie within the [head](crate::HEAD).
pub const MOST_RECIPIENTS: usize = 8;

/// Most bytes of a Secret that are read for identities.
const LONGEST: usize = 64 << 10;

/// For whom a backup is encrypted: 1 to 8, each once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recipients(Vec<x25519::Recipient>);

/// Why a list is none of recipients. Holds no text of it: that may be a secret key. `at` counts from 0.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum RecipientError {
    #[error("there are {0} recipients: write 1 to {MOST_RECIPIENTS}")]
    Count(usize),
    #[error(
        "recipient {at} is a secret key, which is not for a specification: make a new key with `age-keygen`, as this one can be read by \
         others, and write its `age1…`"
    )]
    SecretKey { at: usize },
    #[error("recipient {at} is an SSH key: make a key with `age-keygen`, and write its `age1…`")]
    Ssh { at: usize },
    #[error(
        "recipient {at} is for a plugin of age, or of another kind than X25519: make a key with `age-keygen`, and write its `age1…`"
    )]
    Plugin { at: usize },
    #[error("recipient {at} is no `age1…` of 62 characters, or has a typing error: write what `age-keygen -y` prints")]
    Malformed { at: usize },
    #[error("recipient {at} is of a key that anybody can compute: make a key with `age-keygen`, and write its `age1…`")]
    Weak { at: usize },
    #[error("recipients {first} and {at} are the same: leave one of them out")]
    Duplicate { first: usize, at: usize },
}

impl Recipients {
    /// Takes recipients as they are written in a specification, `age1…` each.
    pub fn parse<T: AsRef<str>>(texts: &[T]) -> Result<Self, RecipientError> {
        if texts.is_empty() || texts.len() > MOST_RECIPIENTS {
            return Err(RecipientError::Count(texts.len()));
        }
        let mut recipients = Vec::with_capacity(texts.len());
        for (at, text) in texts.iter().enumerate() {
            let recipient = recipient(text.as_ref().trim(), at)?;
            if let Some(first) = recipients.iter().position(|known| *known == recipient) {
                return Err(RecipientError::Duplicate { first, at });
            }
            recipients.push(recipient);
        }
        Ok(Self(recipients))
    }

    /// As they are written in a manifest. A recipient is public: it encrypts, and opens nothing.
    pub fn texts(&self) -> Vec<String> {
        self.0.iter().map(ToString::to_string).collect()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &dyn age::Recipient> {
        self.0.iter().map(|recipient| recipient as &dyn age::Recipient)
    }
}

fn recipient(text: &str, at: usize) -> Result<x25519::Recipient, RecipientError> {
    let lower = text.to_ascii_lowercase();
    if lower.contains("age-secret-key") || lower.contains("age-plugin-") || lower.contains("private key") {
        return Err(RecipientError::SecretKey { at });
    }
    if ["ssh-", "ecdsa-", "sk-"].iter().any(|kind| lower.starts_with(kind)) {
        return Err(RecipientError::Ssh { at });
    }
    let malformed = RecipientError::Malformed { at };
    let (kind, key) = bech32::decode(text).map_err(|_| malformed)?;
    match kind.to_lowercase().as_str() {
        "age" => {}
        other if other.starts_with("age1") => return Err(RecipientError::Plugin { at }),
        _ => return Err(malformed),
    }
    let key: [u8; 32] = key.try_into().map_err(|_| malformed)?;
    // A point of small order gives the same secret to everybody, and the library panics at it.
    let any = StaticSecret::from([1; 32]);
    if !any.diffie_hellman(&PublicKey::from(key)).was_contributory() {
        return Err(RecipientError::Weak { at });
    }
    lower.parse().map_err(|_| malformed)
}

/// What opens backups. It has no text form, and its `Debug` shows no part of it.
#[derive(Clone)]
pub struct Identities(Arc<[x25519::Identity]>);

/// Why a Secret holds no identities. Shows no part of it; lines count from 1.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum IdentityError {
    #[error("holds no identity: write what `age-keygen` prints, a line that begins with `AGE-SECRET-KEY-`")]
    Absent,
    #[error("is larger than 64 KiB, or is not a text: write what `age-keygen` prints")]
    NotText,
    #[error("is protected by a passphrase, which nobody types here: write the identity itself")]
    Protected,
    #[error("line {line} is a recipient, which opens nothing: write the `AGE-SECRET-KEY-` that belongs to it")]
    Recipient { line: usize },
    #[error("line {line} is an SSH or plugin key, which is not read here: write an `AGE-SECRET-KEY-` of `age-keygen`")]
    Other { line: usize },
    #[error("line {line} is no identity, or has a typing error: write what `age-keygen` prints")]
    Malformed { line: usize },
}

impl Identities {
    /// Reads a file of identities as `age-keygen` writes it: one a line, with empty lines and comments between.
    pub fn parse(secret: &[u8]) -> Result<Self, IdentityError> {
        if secret.len() > LONGEST {
            return Err(IdentityError::NotText);
        }
        if secret.starts_with(b"age-encryption.org/") || secret.starts_with(b"-----BEGIN AGE ENCRYPTED FILE") {
            return Err(IdentityError::Protected);
        }
        let text = std::str::from_utf8(secret).map_err(|_| IdentityError::NotText)?;
        let mut identities = Vec::new();
        for (line, text) in (1..).zip(text.lines().map(str::trim)) {
            if text.is_empty() || text.starts_with('#') {
                continue;
            }
            identities.push(text.parse().map_err(|_| {
                if text.starts_with("age1") {
                    IdentityError::Recipient { line }
                } else if text.starts_with("AGE-PLUGIN-") || text.contains("PRIVATE KEY") || text.starts_with("ssh-") {
                    IdentityError::Other { line }
                } else {
                    IdentityError::Malformed { line }
                }
            })?);
        }
        if identities.is_empty() {
            return Err(IdentityError::Absent);
        }
        Ok(Self(identities.into()))
    }

    /// The recipients that these identities open backups of.
    pub fn recipients(&self) -> Vec<String> {
        self.0.iter().map(|identity| identity.to_public().to_string()).collect()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &dyn age::Identity> {
        self.0.iter().map(|identity| identity as &dyn age::Identity)
    }
}

impl fmt::Debug for Identities {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Identities(..)")
    }
}

#[cfg(test)]
mod tests {
    use bech32::{Bech32, Hrp};

    use super::{Identities, IdentityError, RecipientError, Recipients};

    const SECRET: &str = "AGE-SECRET-KEY-1GQ9778VQXMMJVE8SK7J6VT8UJ4HDQAJUVSFCWCM02D8GEWQ72PVQ2Y5J33";
    const PUBLIC: &str = "age1t7rxyev2z3rw82stdlrrepyc39nvn86l5078zqkf5uasdy86jp6svpy7pa";
    const OTHER: &str = "age1qyqszqgpqyqszqgpqyqszqgpqyqszqgpqyqszqgpqyqszqgpqyqs3290gq";

    #[test]
    fn recipients_are_taken_in_their_order_and_as_age_writes_them() {
        let recipients = Recipients::parse(&[OTHER, &format!(" {}\n", PUBLIC.to_uppercase())]).unwrap();
        assert_eq!(recipients.texts(), [OTHER, PUBLIC]);
    }

    #[test]
    fn what_is_no_recipient_is_refused_with_what_to_write_and_never_shown() {
        let key = |kind: &str, bytes: &[u8]| bech32::encode::<Bech32>(Hrp::parse(kind).unwrap(), bytes).unwrap();
        let (zero, plugin) = (key("age", &[0; 32]), key("age1yubikey", &[7; 33]));
        let (one, short) = (
            {
                let mut one = [0; 32];
                one[0] = 1;
                key("age", &one)
            },
            key("age", &[7; 31]),
        );
        let typing_error = PUBLIC.replace("t7rx", "t7rz");
        let many = [PUBLIC; 9];
        let table: [(&[&str], RecipientError); 14] = [
            (&[], RecipientError::Count(0)),
            (&many, RecipientError::Count(9)),
            (&[SECRET], RecipientError::SecretKey { at: 0 }),
            (&[PUBLIC, &SECRET.to_lowercase()], RecipientError::SecretKey { at: 1 }),
            (
                &["-----BEGIN OPENSSH PRIVATE KEY-----"],
                RecipientError::SecretKey { at: 0 },
            ),
            (
                &["ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI"],
                RecipientError::Ssh { at: 0 },
            ),
            (&["ecdsa-sha2-nistp256 AAAA"], RecipientError::Ssh { at: 0 }),
            (&[&plugin], RecipientError::Plugin { at: 0 }),
            (&[&typing_error], RecipientError::Malformed { at: 0 }),
            (&[&short], RecipientError::Malformed { at: 0 }),
            (&[&key("bc", &[7; 32])], RecipientError::Malformed { at: 0 }),
            (&[&zero], RecipientError::Weak { at: 0 }),
            (&[&one], RecipientError::Weak { at: 0 }),
            (&[PUBLIC, OTHER, PUBLIC], RecipientError::Duplicate { first: 0, at: 2 }),
        ];
        for (texts, expected) in table {
            let error = Recipients::parse(texts).unwrap_err();
            assert_eq!(error, expected, "{texts:?}");
            let shown = format!("{error} {error:?}").to_lowercase();
            assert!(!shown.contains("1gq9778") && !shown.contains("t7rx"), "{shown}");
        }
    }

    #[test]
    fn identities_are_read_from_a_file_of_age_keygen() {
        let file = format!("# created: 2026-11-23T01:00:00Z\n# public key: {PUBLIC}\n{SECRET}\r\n\n{SECRET}\n");
        let identities = Identities::parse(file.as_bytes()).unwrap();
        assert_eq!(identities.recipients(), [PUBLIC, PUBLIC]);
        assert_eq!(
            format!("{identities:?} {identities:#?}"),
            "Identities(..) Identities(..)"
        );
    }

    #[test]
    fn what_is_no_identity_is_named_by_its_line() {
        for (text, expected) in [
            ("", IdentityError::Absent),
            ("# nothing but a comment\n", IdentityError::Absent),
            ("\u{0}", IdentityError::Malformed { line: 1 }),
            (PUBLIC, IdentityError::Recipient { line: 1 }),
            ("# x\nAGE-PLUGIN-YUBIKEY-1QQ\n", IdentityError::Other { line: 2 }),
            ("-----BEGIN OPENSSH PRIVATE KEY-----", IdentityError::Other { line: 1 }),
            ("AGE-SECRET-KEY-1GQ9778", IdentityError::Malformed { line: 1 }),
            ("age-encryption.org/v1\n-> scrypt x 18", IdentityError::Protected),
            (&"#".repeat(64 * 1024 + 1), IdentityError::NotText),
        ] {
            let error = Identities::parse(text.as_bytes()).unwrap_err();
            assert_eq!(error, expected, "{text:.40}");
            assert!(!format!("{error} {error:?}").contains("1GQ9778"), "{error}");
        }
        assert_eq!(Identities::parse(&[0xff, 0xfe]).unwrap_err(), IdentityError::NotText);
    }
}
