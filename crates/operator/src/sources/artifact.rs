use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use ace_api::SourceKind;
use ace_domain::bundle::{Tree, TreeIndex, TreePath};

/// Names the object that carries a source tree.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct SourceKey {
    /// Namespace of the object, and of all that use it.
    pub namespace: String,
    /// Its kind.
    pub kind: SourceKind,
    /// Its name.
    pub name: String,
}

impl fmt::Display for SourceKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} {}/{}", self.kind, self.namespace, self.name)
    }
}

/// What is known of a source. Every text is one sentence for a condition's message. Cheap to clone.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum ArtifactState {
    /// Its tree.
    Ready(Arc<Artifact>),
    /// The object, or its artifact, is not there yet: what is waited for.
    Waiting(String),
    /// Its content can't be used: what to change.
    Refused(String),
    /// The operator may not read it: the command that mends it.
    AccessMissing(String),
    /// The API server or the artifact server did not answer; it is asked again without anybody's doing.
    Failed(String),
}

impl ArtifactState {
    /// The kind of sight, as a label of bounded cardinality.
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

/// One content of a source. Two are equal when their revisions and digests are.
#[derive(Clone, Debug)]
pub struct Artifact {
    /// How the source names it, at most 256 bytes; of a ConfigMap it is the digest.
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

/// A tree with one index per folder that somebody looks at, so that all functions under one path parse each file once.
pub struct SourceTree {
    tree: Tree,
    indexes: Mutex<HashMap<Option<TreePath>, Option<Arc<TreeIndex>>>>,
}

impl SourceTree {
    /// A tree of which nothing was learned yet.
    pub fn new(tree: Tree) -> Self {
        Self {
            tree,
            indexes: Mutex::default(),
        }
    }

    /// The next content of the same source; what was learned of files that stayed the same is kept.
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

    /// What lies below `folder` (the root without one), shared by all who ask for it; `None` when nothing does.
    pub fn at(&self, folder: Option<&TreePath>) -> Option<Arc<TreeIndex>> {
        let mut indexes = self.indexes.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(index) = indexes.get(&folder.cloned()) {
            return index.clone();
        }
        let index = below(&self.tree, folder).map(|tree| Arc::new(TreeIndex::new(tree)));
        // Paths come from specs: an absent one is not remembered, or wrong specs would fill the memory.
        if index.is_some() {
            indexes.insert(folder.cloned(), index.clone());
        }
        index
    }

    /// Roughly what it holds in memory, in bytes, without what its indexes learn.
    pub(super) fn bytes(&self) -> usize {
        /// A map's node, the `Bytes` handle and the index's slot of one file.
        const FILE: usize = 256;
        self.tree
            .iter()
            .map(|(path, bytes)| path.as_str().len() + bytes.len() + FILE)
            .sum()
    }
}

impl fmt::Debug for SourceTree {
    /// Without the files: a sight may be logged, and source code is not.
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
