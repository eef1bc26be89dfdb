use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use crate::bundle::{Tree, TreeIndex, TreePath};
use crate::reconcile::key::SourceKey;

/// The state of a source. Every text is a message for a condition. Cheap to clone.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum ArtifactState {
    /// Its content was read.
    Ready(Arc<Artifact>),
    /// The object or its artifact does not exist yet.
    Waiting(String),
    /// Its content can't be used; the text says what to change.
    Refused(String),
    /// The operator is not allowed to read it; the text has the command that grants it.
    AccessMissing(String),
    /// The API server or the artifact server did not answer; it is retried.
    Failed(String),
}

impl ArtifactState {
    /// The content was read.
    pub fn ready(revision: String, digest: String, tree: Arc<SourceTree>) -> Self {
        Self::Ready(Arc::new(Artifact { revision, digest, tree }))
    }

    /// There is no such object.
    pub fn absent(key: &SourceKey) -> Self {
        Self::Waiting(format!("{key} does not exist; create it"))
    }

    /// `what` was read, and has no valid content.
    pub fn unusable(what: impl fmt::Display, why: &str) -> Self {
        Self::Refused(format!("{what} can't be used: {why}"))
    }

    /// The kind of state, as a label of bounded cardinality.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Ready(_) => "Ready",
            Self::Waiting(_) => "Waiting",
            Self::Refused(_) => "Refused",
            Self::AccessMissing(_) => "AccessMissing",
            Self::Failed(_) => "Failed",
        }
    }
}

/// One content of a source. Two are equal if their revisions and digests are.
#[derive(Clone, Debug)]
pub struct Artifact {
    /// Revision as the source names it, at most 256 bytes; the digest for a ConfigMap.
    pub revision: String,
    /// `sha256:` and 64 digits: of the tar.gz, or of a ConfigMap's flat keys.
    pub digest: String,
    /// The files.
    pub tree: Arc<SourceTree>,
}

impl PartialEq for Artifact {
    fn eq(&self, other: &Self) -> bool {
        (&self.revision, &self.digest) == (&other.revision, &other.digest)
    }
}

impl Eq for Artifact {}

/// A tree with one index per folder that is used, so that all functions under one path parse each file once.
pub struct SourceTree {
    tree: Tree,
    indexes: Mutex<HashMap<Option<TreePath>, Option<Arc<TreeIndex>>>>,
}

impl SourceTree {
    /// A tree without any index.
    pub fn new(tree: Tree) -> Self {
        Self {
            tree,
            indexes: Mutex::default(),
        }
    }

    /// The next content of the same source; the results for unchanged files are kept.
    #[must_use]
    pub fn renewed(&self, tree: Tree) -> Self {
        let known = self.indexes.lock().unwrap_or_else(PoisonError::into_inner);
        let indexes = known
            .iter()
            .filter_map(|(folder, index)| {
                let next = index.as_ref()?.renewed(below(&tree, folder.as_ref())?);
                Some((folder.clone(), Some(Arc::new(next))))
            })
            .collect();
        drop(known);
        Self {
            tree,
            indexes: Mutex::new(indexes),
        }
    }

    /// The files from the root.
    pub fn tree(&self) -> &Tree {
        &self.tree
    }

    /// The files below `folder` (the root without one), shared by all callers; `None` if there are none.
    pub fn at(&self, folder: Option<&TreePath>) -> Option<Arc<TreeIndex>> {
        let mut indexes = self.indexes.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(index) = indexes.get(&folder.cloned()) {
            return index.clone();
        }
        let index = below(&self.tree, folder).map(|tree| Arc::new(TreeIndex::new(tree)));
        // Paths come from specs: one that does not exist is not cached, or wrong specs would fill the memory.
        if index.is_some() {
            indexes.insert(folder.cloned(), index.clone());
        }
        index
    }

    /// Approximate size in memory, in bytes, without its indexes.
    pub fn bytes(&self) -> usize {
        /// A map's node, the `Bytes` handle and the index's slot of one file.
        const FILE: usize = 256;
        self.tree
            .iter()
            .map(|(path, bytes)| path.as_str().len() + bytes.len() + FILE)
            .sum()
    }
}

impl fmt::Debug for SourceTree {
    /// Without the files: a state may be logged, source code must not be.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SourceTree({} files)", self.tree.len())
    }
}

fn below(tree: &Tree, folder: Option<&TreePath>) -> Option<Tree> {
    match folder {
        None => Some(tree.clone()),
        Some(folder) => tree.subtree(folder),
    }
}
