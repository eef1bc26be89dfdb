use std::collections::BTreeMap;
use std::ops::Bound;

use bytes::Bytes;
use thiserror::Error;

use super::path::{TreePath, TreePathError};

/// A source tree: files by path. Folders exist only through the files in them. Cloning shares the bytes.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Tree {
    files: BTreeMap<TreePath, Bytes>,
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

impl Tree {
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

    /// Adds one file.
    pub fn add(&mut self, path: TreePath, bytes: Bytes) -> Result<(), TreeError> {
        let text = path.as_str();
        let ancestor = text
            .match_indices('/')
            .filter_map(|(end, _)| text.get(..end))
            .find(|folder| self.files.contains_key(*folder));
        if let Some(ancestor) = ancestor.and_then(|folder| TreePath::new(folder).ok()) {
            return Err(TreeError::FileAndFolder(ancestor));
        }
        if self.has_folder(text) {
            return Err(TreeError::FileAndFolder(path));
        }
        if self.files.contains_key(&path) {
            return Err(TreeError::Duplicate(path));
        }
        self.files.insert(path, bytes);
        Ok(())
    }

    /// What lies below `folder`, with paths relative to it; `None` when nothing does.
    pub fn subtree(&self, folder: &TreePath) -> Option<Self> {
        let prefix = format!("{folder}/");
        let files: BTreeMap<_, _> = self
            .below(&prefix)
            .filter_map(|(path, bytes)| {
                Some((TreePath::new(path.as_str().strip_prefix(&prefix)?).ok()?, bytes.clone()))
            })
            .collect();
        (!files.is_empty()).then_some(Self { files })
    }

    /// The bytes of one file.
    pub fn get(&self, path: &str) -> Option<&Bytes> {
        self.files.get(path)
    }

    /// Whether any file lies below `folder`.
    pub fn has_folder(&self, folder: &str) -> bool {
        self.below(&format!("{folder}/")).next().is_some()
    }

    /// All files, ordered by path.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&TreePath, &Bytes)> {
        self.files.iter()
    }

    /// Number of files.
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

    pub(super) fn retain(&mut self, mut keep: impl FnMut(&TreePath) -> bool) {
        self.files.retain(|path, _| keep(path));
    }

    fn below<'a>(&'a self, prefix: &'a str) -> impl Iterator<Item = (&'a TreePath, &'a Bytes)> {
        self.files
            .range::<str, _>((Bound::Included(prefix), Bound::Unbounded))
            .take_while(move |(path, _)| path.as_str().starts_with(prefix))
    }
}
