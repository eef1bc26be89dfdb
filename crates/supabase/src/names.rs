//! Names that become part of a path. They are checked once, here, so that no call can leave its place in the API.

use std::fmt;
use std::str::FromStr;

/// A project's reference: twenty lower-case letters, `^[a-z]{20}$` in the OpenAPI document.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ProjectRef(String);

/// A function's slug, `^[A-Za-z0-9_-]+$` in the OpenAPI document. A deploy wants a letter first; reading does not, so that a
/// function of any legal name can be looked at.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Slug(String);

/// A text that is not the name it should be. The text is left out: it may be anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// Not a project's reference.
    #[error("a project's reference is 20 lower-case letters")]
    ProjectRef,
    /// Not a function's slug.
    #[error("a function's slug is 1 to 256 letters, digits, '-' and '_'")]
    Slug,
}

/// Far above what the platform lets anyone create; it keeps a hostile list from making us build long URLs.
const SLUG_MAXIMUM: usize = 256;

impl ProjectRef {
    /// The text of it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Slug {
    /// The text of it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ProjectRef {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let legal = text.len() == 20 && text.bytes().all(|byte| byte.is_ascii_lowercase());
        if legal {
            Ok(Self(text.to_owned()))
        } else {
            Err(NameError::ProjectRef)
        }
    }
}

impl FromStr for Slug {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let legal = (1..=SLUG_MAXIMUM).contains(&text.len())
            && text
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_');
        if legal {
            Ok(Self(text.to_owned()))
        } else {
            Err(NameError::Slug)
        }
    }
}

impl fmt::Display for ProjectRef {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl fmt::Display for Slug {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::{NameError, ProjectRef, Slug};

    #[test]
    fn a_name_that_could_change_the_path_is_refused() {
        for text in ["", ".", "..", "a/b", "a%2fb", "a?b", "a b", "ä"] {
            assert_eq!(text.parse::<Slug>(), Err(NameError::Slug), "{text}");
        }
        assert_eq!("x".repeat(257).parse::<Slug>(), Err(NameError::Slug));
        assert_eq!("Send_email-2".parse::<Slug>().unwrap().as_str(), "Send_email-2");
        for text in [
            "",
            "short",
            "abcdefghijklmnopqrs1",
            "Abcdefghijklmnopqrst",
            "abcdefghijklmnopqrstu",
        ] {
            assert_eq!(text.parse::<ProjectRef>(), Err(NameError::ProjectRef), "{text}");
        }
        assert_eq!(
            "abcdefghijklmnopqrst".parse::<ProjectRef>().unwrap().to_string(),
            "abcdefghijklmnopqrst"
        );
    }
}
