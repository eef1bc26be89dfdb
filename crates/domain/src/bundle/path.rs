use std::borrow::Borrow;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Longest path in bytes. The longest in the real tree has 61; 512 leaves room and keeps messages and headers bounded.
pub const PATH_BYTES: usize = 512;

/// Where a file lies in a source tree: relative, `/` between segments, UTF-8, at most [`PATH_BYTES`] bytes, without empty
/// segments, `.`, `..` or control characters.
///
/// Ordered by bytes, which is the order of digests and archives.
#[derive(Clone, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct TreePath(String);

/// Why a text is no [`TreePath`].
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
pub enum TreePathError {
    /// The text is empty.
    #[error("the path is empty")]
    Empty,
    /// It begins with `/`.
    #[error("the path is absolute; write it relative to the source's root")]
    Absolute,
    /// A segment is empty, `.` or `..`.
    #[error("the path has an empty, `.` or `..` segment; write it without")]
    Segment,
    /// A control character is in it.
    #[error("the path has a control character")]
    Control,
    /// More than [`PATH_BYTES`] bytes.
    #[error("the path is longer than {PATH_BYTES} bytes")]
    TooLong,
}

impl TreePath {
    /// Checks `text` against the rules of the type.
    pub fn new(text: impl Into<String>) -> Result<Self, TreePathError> {
        let text = text.into();
        if text.is_empty() {
            return Err(TreePathError::Empty);
        }
        if text.len() > PATH_BYTES {
            return Err(TreePathError::TooLong);
        }
        if text.starts_with('/') {
            return Err(TreePathError::Absolute);
        }
        if text.chars().any(char::is_control) {
            return Err(TreePathError::Control);
        }
        if text.split('/').any(|segment| matches!(segment, "" | "." | "..")) {
            return Err(TreePathError::Segment);
        }
        Ok(Self(text))
    }

    /// The path as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The folder that the file lies in; empty at the root.
    pub fn folder(&self) -> &str {
        self.0.rsplit_once('/').map_or("", |(folder, _)| folder)
    }

    pub fn name(&self) -> &str {
        self.0.rsplit_once('/').map_or(&self.0, |(_, name)| name)
    }

    /// What follows the last dot of the name; none for `LICENSE` and `.env`.
    pub fn extension(&self) -> Option<&str> {
        self.name()
            .rsplit_once('.')
            .filter(|(stem, _)| !stem.is_empty())
            .map(|(_, extension)| extension)
    }

    /// `name` in the same folder as this file.
    pub fn beside(&self, name: &str) -> Result<Self, TreePathError> {
        match self.folder() {
            "" => Self::new(name),
            folder => Self::new(format!("{folder}/{name}")),
        }
    }
}

impl fmt::Display for TreePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for TreePath {
    type Err = TreePathError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::new(text)
    }
}

impl TryFrom<String> for TreePath {
    type Error = TreePathError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::new(text)
    }
}

impl From<TreePath> for String {
    fn from(path: TreePath) -> Self {
        path.0
    }
}

impl AsRef<str> for TreePath {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

// `Ord`, `Eq` and `Hash` of the wrapper are those of the text, so maps can be asked with a `&str`.
impl Borrow<str> for TreePath {
    fn borrow(&self) -> &str {
        &self.0
    }
}
