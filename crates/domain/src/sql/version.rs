use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Most digits of a [`Version`]. People write 1 to 14 of them.
pub const VERSION_DIGITS: usize = 64;

/// What orders a migration and names it in both ledgers: the digits before the first `_` of its file name, as written.
///
/// Opaque: `20260204300000` has an hour 30, and `20251217` no hour at all. Ordered as the official CLI orders them, by
/// bytes, so `"1" < "10" < "2"`.
#[derive(Clone, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct Version(String);

/// A text that is no [`Version`].
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[error("a version is written as 1 to {VERSION_DIGITS} digits")]
pub struct InvalidVersion;

impl Version {
    /// The digits as written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Version {
    type Err = InvalidVersion;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let valid = (1..=VERSION_DIGITS).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
        valid.then(|| Self(text.to_owned())).ok_or(InvalidVersion)
    }
}

impl TryFrom<String> for Version {
    type Error = InvalidVersion;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<Version> for String {
    fn from(version: Version) -> Self {
        version.0
    }
}
