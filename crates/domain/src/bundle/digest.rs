use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use thiserror::Error;

/// SHA-256 of some bytes.
pub(super) type Sha = [u8; 32];

/// Prefix of digests as text.
const ALGORITHM: &str = "sha256:";
/// Hexadecimal digits of a [`Revision`]: 48 bits, so that among a million revisions a collision has odds of 1 : 500.
const REVISION_DIGITS: usize = 12;

/// Digest of a function's content: entrypoint, import map, and every file of the closure with its path, length and bytes.
///
/// As text `sha256:` and 64 lower-case hexadecimal digits.
#[derive(Clone, Copy, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct SourceDigest(Sha);

/// The first twelve hexadecimal digits of a [`SourceDigest`]: names a content in status, messages and paths.
#[derive(Clone, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct Revision(String);

/// A text that is no digest or revision.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
pub enum InvalidDigest {
    /// Not `sha256:` and 64 lower-case hexadecimal digits.
    #[error("a digest is written sha256: and 64 lower-case hexadecimal digits")]
    Digest,
    /// Not twelve lower-case hexadecimal digits.
    #[error("a revision is written as 12 lower-case hexadecimal digits")]
    Revision,
}

impl SourceDigest {
    pub(super) fn new(hash: Sha) -> Self {
        Self(hash)
    }

    /// The short name of this content.
    pub fn revision(&self) -> Revision {
        let mut digits = hex::encode(self.0);
        digits.truncate(REVISION_DIGITS);
        Revision(digits)
    }
}

impl Revision {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for SourceDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&text(&self.0))
    }
}

impl fmt::Debug for SourceDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for SourceDigest {
    type Err = InvalidDigest;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        parse(text).map(Self)
    }
}

impl TryFrom<String> for SourceDigest {
    type Error = InvalidDigest;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<SourceDigest> for String {
    fn from(digest: SourceDigest) -> Self {
        digest.to_string()
    }
}

impl fmt::Display for Revision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Revision {
    type Err = InvalidDigest;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let valid = text.len() == REVISION_DIGITS && text.bytes().all(is_lower_hex);
        valid.then(|| Self(text.to_owned())).ok_or(InvalidDigest::Revision)
    }
}

impl TryFrom<String> for Revision {
    type Error = InvalidDigest;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<Revision> for String {
    fn from(revision: Revision) -> Self {
        revision.0
    }
}

/// A digest as text.
pub(super) fn text(hash: &Sha) -> String {
    format!("{ALGORITHM}{}", hex::encode(hash))
}

/// A digest from its text, in the one spelling that [`text`] writes.
pub(super) fn parse(text: &str) -> Result<Sha, InvalidDigest> {
    let digits = text
        .strip_prefix(ALGORITHM)
        .filter(|digits| digits.bytes().all(is_lower_hex))
        .ok_or(InvalidDigest::Digest)?;
    let mut hash = Sha::default();
    hex::decode_to_slice(digits, &mut hash).map_err(|_| InvalidDigest::Digest)?;
    Ok(hash)
}

/// `sha256:` and twelve digits of a digest: how content is shown.
pub fn short_digest(digest: &str) -> &str {
    digest.get(..ALGORITHM.len() + REVISION_DIGITS).unwrap_or(digest)
}

/// SHA-256 of a file.
pub(super) fn of_bytes(bytes: &[u8]) -> Sha {
    Sha256::digest(bytes).into()
}

/// Hashes fields so that no two lists of fields give the same input: each is preceded by its length, and the whole by the
/// name of what is hashed.
pub(super) struct Fields(Sha256);

impl Fields {
    pub(super) fn new(domain: &str) -> Self {
        let mut fields = Self(Sha256::new());
        fields.bytes(domain.as_bytes());
        fields
    }

    /// A length, as eight bytes big-endian, and the bytes.
    pub(super) fn bytes(&mut self, bytes: &[u8]) {
        self.number(bytes.len());
        self.0.update(bytes);
    }

    /// A number, as eight bytes big-endian.
    pub(super) fn number(&mut self, number: usize) {
        self.0.update((number as u64).to_be_bytes());
    }

    pub(super) fn finish(self) -> Sha {
        self.0.finalize().into()
    }
}

fn is_lower_hex(byte: u8) -> bool {
    byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte)
}
