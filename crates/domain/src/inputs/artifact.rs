use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use ace_api::SecretFiles;

use super::closures::Closures;
use crate::bundle::{LeftOut, Scope, Tree, TreeIndex, TreePath};
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
    pub tree: Arc<SourceTree>,
}

impl PartialEq for Artifact {
    fn eq(&self, other: &Self) -> bool {
        (&self.revision, &self.digest) == (&other.revision, &other.digest)
    }
}

impl Eq for Artifact {}

/// A tree with what was learned of it: each file is parsed once for all functions, each closure computed once.
pub struct SourceTree {
    root: Arc<TreeIndex>,
    /// Bytes of the tree and its index as they were read.
    size: usize,
    /// What of the source the tree has.
    scope: Scope,
    /// The folders that are being read. They share what was learned with the root, and end with their last reader.
    folders: Mutex<HashMap<TreePath, Weak<TreeIndex>>>,
    pub(super) closures: Mutex<Closures>,
}

impl SourceTree {
    /// A tree of which nothing was learned. Files that hold secrets are left out of it.
    pub fn new(tree: Tree) -> Self {
        Self::of(TreeIndex::new(tree.without_secrets()))
    }

    /// The next content of the same source; the results for unchanged files are kept.
    #[must_use]
    pub fn renewed(&self, tree: Tree) -> Self {
        Self::of(self.root.renewed(tree.without_secrets()))
    }

    fn of(root: TreeIndex) -> Self {
        /// The nodes of one file in the tree and in its index, with the `Bytes` handle.
        const FILE: usize = 400;
        let (files, left_out) = (root.tree().iter(), root.tree().left_out());
        let kept: usize = files
            .map(|(path, bytes)| 2 * path.as_str().len() + bytes.len() + FILE)
            .sum();
        Self {
            size: kept + left_out.keys().map(|path| path.as_str().len() + FILE).sum::<usize>(),
            scope: Scope::Everything,
            root: Arc::new(root),
            folders: Mutex::default(),
            closures: Mutex::default(),
        }
    }

    /// The same tree, which has a part of the source only.
    #[must_use]
    pub fn within(self, scope: Scope) -> Self {
        Self { scope, ..self }
    }

    /// What of the source the tree has.
    pub fn scope(&self) -> &Scope {
        &self.scope
    }

    /// The files from the root.
    pub fn tree(&self) -> &Tree {
        self.root.tree()
    }

    /// The files below `folder` (the root without one), shared by all callers; `None` if there are none.
    pub fn at(&self, folder: Option<&TreePath>) -> Option<Arc<TreeIndex>> {
        let Some(folder) = folder else {
            return Some(self.root.clone());
        };
        let mut folders = self.folders.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(index) = folders.get(folder).and_then(Weak::upgrade) {
            return Some(index);
        }
        let index = Arc::new(self.root.below(folder)?);
        folders.retain(|_, index| index.strong_count() > 0);
        folders.insert(folder.clone(), Arc::downgrade(&index));
        Some(index)
    }

    /// The files below `folder` (the root without one) that hold secrets, by their paths from the root.
    pub fn secret_files(&self, folder: Option<&TreePath>) -> Option<SecretFiles> {
        let prefix = folder.map_or_else(String::new, |folder| format!("{folder}/"));
        let all = self.tree().left_out().iter();
        let secrets = all.filter(|(path, why)| **why == LeftOut::Secret && path.as_str().starts_with(&prefix));
        SecretFiles::of(secrets.map(|(path, _)| path.as_str()))
    }

    /// How many folders have an index at the moment.
    #[cfg(test)]
    fn read_folders(&self) -> usize {
        let folders = self.folders.lock().unwrap_or_else(PoisonError::into_inner);
        folders.values().filter(|index| index.strong_count() > 0).count()
    }

    /// Approximate size in memory, in bytes, with what was learned so far.
    pub fn bytes(&self) -> usize {
        let closures = self.closures.lock().unwrap_or_else(PoisonError::into_inner);
        self.size + self.root.learned_bytes() + closures.bytes()
    }
}

impl fmt::Debug for SourceTree {
    /// Without the files: a state may be logged, source code must not be.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SourceTree({} files)", self.tree().len())
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::SourceTree;
    use crate::bundle::{Tree, TreePath};

    fn carrying(files: &[(&str, &'static [u8])]) -> SourceTree {
        let files = files
            .iter()
            .map(|(path, bytes)| (TreePath::new(*path).unwrap(), Bytes::from_static(bytes)));
        SourceTree::new(Tree::from_files(files).unwrap())
    }

    #[test]
    fn files_with_secrets_are_named_by_their_folder_and_nobody_has_their_content() {
        let key = b"-----BEGIN PRIVATE KEY-----";
        let tree = carrying(&[
            ("apps/.env.local", b"A=1"),
            ("functions/.env", b"A=1"),
            ("functions/.env.example", b"A="),
            ("functions/hello/.npmrc", b"//r/:_authToken=x"),
            ("functions/hello/id_rsa", key),
            ("functions/hello/index.ts", key),
        ]);
        let named = |folder: &str| {
            let folder = (!folder.is_empty()).then(|| folder.parse().unwrap());
            tree.secret_files(folder.as_ref())
                .map(|found| (found.count, found.paths.join(" ")))
        };
        let in_functions = "functions/.env functions/hello/.npmrc functions/hello/id_rsa";
        assert_eq!(named("functions"), Some((3, in_functions.to_owned())));
        assert_eq!(named(""), Some((4, format!("apps/.env.local {in_functions}"))));
        assert_eq!(named("function"), None);
        let kept: Vec<_> = tree.tree().iter().map(|(path, _)| path.as_str()).collect();
        assert_eq!(kept, ["functions/.env.example", "functions/hello/index.ts"]);
        let next = tree.renewed(Tree::from_keys([(".env", Bytes::from_static(b"A=2"))]).unwrap());
        assert_eq!((next.tree().len(), next.secret_files(None).unwrap().count), (0, 1));
    }

    #[test]
    fn of_many_files_with_secrets_the_first_are_listed_and_all_are_counted() {
        let files = (10..40).map(|at| (format!("d{at}/.env"), Bytes::new()));
        let files = files.map(|(path, bytes)| (TreePath::new(path).unwrap(), bytes));
        let found = SourceTree::new(Tree::from_files(files).unwrap())
            .secret_files(None)
            .unwrap();
        assert_eq!(
            (found.count, found.paths.len(), found.paths[7].as_str()),
            (30, 8, "d17/.env")
        );
    }

    #[test]
    fn folders_that_nobody_reads_any_more_take_no_memory() {
        let folders: Vec<String> = (1..40).map(|depth| vec!["d"; depth].join("/")).collect();
        let deepest = folders.last().unwrap();
        let files = (0..500).map(|at| (TreePath::new(format!("{deepest}/{at}.ts")).unwrap(), Bytes::new()));
        let tree = SourceTree::new(Tree::from_files(files).unwrap());
        let before = tree.bytes();
        for folder in &folders {
            assert_eq!(tree.at(Some(&folder.parse().unwrap())).unwrap().tree().len(), 500);
        }
        assert_eq!((tree.bytes(), tree.read_folders()), (before, 0));
    }
}
