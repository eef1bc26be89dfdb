use std::borrow::Borrow;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::ops::Bound;

use bytes::Bytes;
use thiserror::Error;

use super::left_out::LeftOut;
use super::path::{TreePath, TreePathError};
use super::secrets::holds_secrets;

/// A source tree: files by path. Folders exist only through the files in them. Cloning shares the bytes.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Tree {
    files: BTreeMap<TreePath, Bytes>,
    /// What the source has and the tree has not.
    left_out: BTreeMap<TreePath, LeftOut>,
    /// The names at the root of a source of which the tree has a part only.
    root: Option<RootNames>,
}

/// The first names at the root of a source, and whether there are more.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(super) struct RootNames(BTreeSet<String>);

impl RootNames {
    /// How many are listed.
    const LISTED: usize = 4;

    /// Adds the name that a path begins with.
    pub(super) fn add(&mut self, path: &TreePath) {
        let name = path.as_str().split('/').next().unwrap_or_default();
        // One more than are listed tells that there are more.
        let is_first = self.0.len() <= Self::LISTED || self.0.last().is_some_and(|last| name < last.as_str());
        if is_first && !self.0.contains(name) {
            self.0.insert(name.to_owned());
            if self.0.len() > Self::LISTED + 1 {
                self.0.pop_last();
            }
        }
    }
}

impl fmt::Display for RootNames {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("nothing");
        }
        let first: Vec<String> = self
            .0
            .iter()
            .take(Self::LISTED)
            .map(|name| format!("`{name}`"))
            .collect();
        let more = if self.0.len() > Self::LISTED { ", …" } else { "" };
        write!(f, "{}{more}", first.join(", "))
    }
}

/// Why a file can't be added to a tree.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
pub enum TreeError {
    /// A file is already there.
    #[error("{0} occurs twice")]
    Duplicate(TreePath),
    /// One path is needed as a file and as a folder.
    #[error("{0} is both a file and a folder")]
    FileAndFolder(TreePath),
    /// A ConfigMap's key that is no path.
    #[error("the key {key:?} can't be a file name: {source}")]
    Key {
        /// The key as written.
        key: String,
        /// The rule that it breaks.
        source: TreePathError,
    },
}

/// Why nothing of a source is in a folder.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
pub enum MissingFolder {
    /// It is in the source, or something on the way to it, and is not read.
    #[error("{path} {why}")]
    LeftOut {
        /// What is left out, from the source's root.
        path: TreePath,
        why: LeftOut,
    },
    /// No file of the source is in it.
    #[error("the source has no folder `{folder}`, only {only}: correct `spec.source.path`, or what the source has")]
    Absent {
        /// The path at which it was expected.
        folder: TreePath,
        /// The first names at the source's root.
        only: String,
    },
}

impl Tree {
    /// What to say of a folder that is not in the tree.
    pub fn missing(&self, folder: &TreePath) -> MissingFolder {
        if let Some((path, why)) = self.left_out_at(folder.as_str()) {
            let path = path.clone();
            return MissingFolder::LeftOut { path, why };
        }
        let names = || {
            let mut names = RootNames::default();
            self.files.keys().for_each(|path| names.add(path));
            names
        };
        MissingFolder::Absent {
            folder: folder.clone(),
            only: self.root.clone().unwrap_or_else(names).to_string(),
        }
    }

    /// The same tree, of a source that has these names at its root.
    pub(super) fn of_a_source_with(self, root: RootNames) -> Self {
        Self {
            root: Some(root),
            ..self
        }
    }

    /// A tree of the given files; refuses duplicates and a path that would be a file and a folder.
    pub fn from_files(files: impl IntoIterator<Item = (TreePath, Bytes)>) -> Result<Self, TreeError> {
        let mut tree = Self::default();
        for (path, bytes) in files {
            tree.add(path, bytes)?;
        }
        Ok(tree)
    }

    /// A tree of a ConfigMap's keys: each key is a file at the root, since keys can't contain `/`.
    pub fn from_keys<K: Into<String>>(keys: impl IntoIterator<Item = (K, Bytes)>) -> Result<Self, TreeError> {
        let mut tree = Self::default();
        for (key, bytes) in keys {
            let key = key.into();
            let path = TreePath::new(key.clone()).map_err(|source| TreeError::Key { key, source })?;
            tree.add(path, bytes)?;
        }
        Ok(tree)
    }

    pub fn add(&mut self, path: TreePath, bytes: Bytes) -> Result<(), TreeError> {
        self.check(&path)?;
        self.files.insert(path, bytes);
        Ok(())
    }

    /// Whether something can be at `path`.
    fn check(&self, path: &TreePath) -> Result<(), TreeError> {
        let text = path.as_str();
        let has = |path: &str| self.files.contains_key(path) || self.left_out.contains_key(path);
        let ancestor = ancestors(text).find(|folder| has(folder));
        if let Some(ancestor) = ancestor.and_then(|folder| TreePath::new(folder).ok()) {
            return Err(TreeError::FileAndFolder(ancestor));
        }
        if self.has_folder(text) || below(&self.left_out, &format!("{text}/")).next().is_some() {
            return Err(TreeError::FileAndFolder(path.clone()));
        }
        if has(text) {
            return Err(TreeError::Duplicate(path.clone()));
        }
        Ok(())
    }

    /// Notes what the source has and the tree has not.
    pub fn leave_out(&mut self, path: TreePath, why: LeftOut) -> Result<(), TreeError> {
        // Two names may have the same path where characters of both are replaced.
        if why == LeftOut::Name && self.left_out.get(&path) == Some(&why) {
            return Ok(());
        }
        self.check(&path)?;
        self.left_out.insert(path, why);
        Ok(())
    }

    /// Takes the files out that hold secrets: no reader of the tree has their content.
    #[must_use]
    pub fn without_secrets(mut self) -> Self {
        let is_secret = |path: &TreePath, bytes: &mut Bytes| holds_secrets(path.name(), bytes);
        let secrets = self.files.extract_if(.., is_secret).map(|(path, _)| path);
        self.left_out.extend(secrets.map(|path| (path, LeftOut::Secret)));
        self
    }

    /// What the source has and the tree has not, with the reason, by path.
    pub fn left_out(&self) -> &BTreeMap<TreePath, LeftOut> {
        &self.left_out
    }

    /// What was left out at `path`, or at a folder on the way to it.
    pub fn left_out_at(&self, path: &str) -> Option<(&TreePath, LeftOut)> {
        let mut way = ancestors(path).chain([path]);
        let (path, why) = way.find_map(|at| self.left_out.get_key_value(at))?;
        Some((path, *why))
    }

    /// What lies below `folder`, with paths relative to it; `None` when nothing does.
    pub fn subtree(&self, folder: &TreePath) -> Option<Self> {
        let prefix = format!("{folder}/");
        let (files, left_out) = (relative(&self.files, &prefix), relative(&self.left_out, &prefix));
        let is_there = !files.is_empty() || !left_out.is_empty();
        is_there.then_some(Self {
            files,
            left_out,
            root: None,
        })
    }

    /// The bytes of one file.
    pub fn get(&self, path: &str) -> Option<&Bytes> {
        self.files.get(path)
    }

    /// The file whose path differs from `path` in upper and lower case only: on many a file system it is the same file.
    pub(super) fn in_other_case(&self, path: &str) -> Option<&TreePath> {
        let wanted = path.to_lowercase();
        self.files.keys().find(|path| path.as_str().to_lowercase() == wanted)
    }

    /// Whether any file lies below `folder`.
    pub fn has_folder(&self, folder: &str) -> bool {
        below(&self.files, &format!("{folder}/")).next().is_some()
    }

    /// All files, ordered by path.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&TreePath, &Bytes)> {
        self.files.iter()
    }

    pub fn len(&self) -> usize {
        self.files.len()
    }

    /// Whether there is no file.
    pub fn is_empty(&self) -> bool {
        self.files.is_empty()
    }

    /// The files by path.
    pub fn files(&self) -> &BTreeMap<TreePath, Bytes> {
        &self.files
    }

    pub(super) fn into_files(self) -> BTreeMap<TreePath, Bytes> {
        self.files
    }
}

/// The folders on the way to `path`, from the root.
pub(super) fn ancestors(path: &str) -> impl Iterator<Item = &str> {
    path.match_indices('/').filter_map(|(end, _)| path.get(..end))
}

/// The entries whose paths begin like this.
pub(super) fn below<'a, K: Borrow<str> + Ord, T>(
    entries: &'a BTreeMap<K, T>,
    prefix: &'a str,
) -> impl Iterator<Item = (&'a K, &'a T)> {
    entries
        .range::<str, _>((Bound::Included(prefix), Bound::Unbounded))
        .take_while(move |(path, _)| (*path).borrow().starts_with(prefix))
}

/// What lies below a folder, seen from there.
fn relative<T: Clone>(entries: &BTreeMap<TreePath, T>, prefix: &str) -> BTreeMap<TreePath, T> {
    let seen = |path: &TreePath| TreePath::new(path.as_str().strip_prefix(prefix)?).ok();
    below(entries, prefix)
        .filter_map(|(path, entry)| Some((seen(path)?, entry.clone())))
        .collect()
}
