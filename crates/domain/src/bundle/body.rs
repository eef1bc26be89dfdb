use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::container;
use super::digest::{self, Fields, InvalidDigest, Sha};
use super::path::TreePath;

/// The files of a deployed body, by their path relative to the entrypoint's folder.
///
/// The anchor is the path that the platform names as entrypoint, present or not (a transpiled body has another name for it).
/// Where the parts are named in another form than the entrypoint, or the platform names none, it is the one file that shares
/// the longest end of its path with that name, or with the entrypoint that our source has. Where no file fits, the body is
/// not anchored: paths are then the container's own, and nothing is proved of it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct BodyFiles {
    entrypoint: Option<String>,
    files: BTreeMap<String, Bytes>,
    /// Of each file. A body is compared several times in one reconcile.
    hashes: BTreeMap<String, Sha>,
}

/// Digest of a deployed body, independent of the deploy: over the entrypoint's name, and each file's path relative to it,
/// length and bytes. The container's name, which changes with each deploy, and the folder that the deploy used are left out.
///
/// As text `sha256:` and 64 lower-case hexadecimal digits.
#[derive(Clone, Copy, Deserialize, Eq, Hash, PartialEq, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct BodyDigest(Sha);

impl BodyFiles {
    /// Takes the parts of a body as the platform names them, the entrypoint as its list or the body's metadata names it,
    /// and the entrypoint of our own source.
    pub fn new(
        parts: impl IntoIterator<Item = (String, Bytes)>,
        entrypoint_path: Option<&str>,
        expected: &TreePath,
    ) -> Self {
        let parts: BTreeMap<String, Bytes> = parts
            .into_iter()
            .map(|(path, bytes)| (container::strip(&path), bytes))
            .collect();
        let named = entrypoint_path.map(container::strip).filter(|path| !path.is_empty());
        let anchor = match named {
            Some(path) if parts.keys().any(|part| same_form(part, &path)) => Some(path),
            Some(path) => alike(&parts, &path).or_else(|| alike(&parts, expected.as_str())),
            None => alike(&parts, expected.as_str()),
        };
        let Some(anchor) = anchor else {
            return Self::of(None, parts);
        };
        let (folder, name) = container::split(&anchor);
        let files = parts
            .into_iter()
            .map(|(path, bytes)| (container::relative(&path, folder), bytes))
            .collect();
        Self::of(Some(name.to_owned()), files)
    }

    fn of(entrypoint: Option<String>, files: BTreeMap<String, Bytes>) -> Self {
        let hashes = files
            .iter()
            .map(|(path, bytes)| (path.clone(), digest::of_bytes(bytes)))
            .collect();
        Self {
            entrypoint,
            files,
            hashes,
        }
    }

    /// Name of the entrypoint; `None` when the body has no file that could be it.
    pub fn entrypoint(&self) -> Option<&str> {
        self.entrypoint.as_deref()
    }

    /// The files, by path relative to the entrypoint's folder.
    pub fn files(&self) -> &BTreeMap<String, Bytes> {
        &self.files
    }

    pub(super) fn hashes(&self) -> &BTreeMap<String, Sha> {
        &self.hashes
    }

    /// Sum of the files' sizes.
    pub fn bytes(&self) -> usize {
        self.files.values().map(Bytes::len).sum()
    }

    /// The digest of this body.
    pub fn digest(&self) -> BodyDigest {
        let mut fields = Fields::new("ops.mobulace.com/body/v1");
        fields.bytes(self.entrypoint.as_deref().unwrap_or_default().as_bytes());
        fields.number(self.files.len());
        for ((path, bytes), hash) in self.files.iter().zip(self.hashes.values()) {
            fields.bytes(path.as_bytes());
            fields.number(bytes.len());
            fields.bytes(hash);
        }
        BodyDigest(fields.finish())
    }
}

/// Whether two paths begin in the same folder, or are the same.
fn same_form(one: &str, other: &str) -> bool {
    let (first, second) = (one.split_once('/'), other.split_once('/'));
    one == other
        || first
            .zip(second)
            .is_some_and(|((first, _), (second, _))| first == second)
}

/// The file that shares the longest end of its path with `path`, if no other shares as much.
fn alike(parts: &BTreeMap<String, Bytes>, path: &str) -> Option<String> {
    let shared = |part: &&String| container::common_end(part, path);
    let longest = parts
        .keys()
        .map(|part| shared(&part))
        .max()
        .filter(|longest| *longest > 0)?;
    let mut best = parts.keys().filter(|part| shared(part) == longest);
    best.next().filter(|_| best.next().is_none()).cloned()
}

impl fmt::Display for BodyDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&digest::text(&self.0))
    }
}

impl fmt::Debug for BodyDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for BodyDigest {
    type Err = InvalidDigest;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        digest::parse(text).map(Self)
    }
}

impl TryFrom<String> for BodyDigest {
    type Error = InvalidDigest;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<BodyDigest> for String {
    fn from(digest: BodyDigest) -> Self {
        digest.to_string()
    }
}
