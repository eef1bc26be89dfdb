use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use bytes::Bytes;

use super::closure::{Closure, FunctionSource};
use super::digest::{self, Sha};
use super::error::ClosureError;
use super::module::{self, Fault, Module};
use super::path::TreePath;
use super::tree::Tree;
use super::walk;

/// A tree with the imports and digests of its files: each is parsed and hashed at most once, when a closure first reaches it,
/// however many closures do. Shared between threads by reference.
#[derive(Debug)]
pub struct TreeIndex {
    tree: Tree,
    learned: BTreeMap<TreePath, Arc<Learned>>,
}

#[derive(Debug, Default)]
struct Learned {
    hash: OnceLock<Sha>,
    module: OnceLock<Result<Module, Fault>>,
}

impl TreeIndex {
    /// An index without any parsed file.
    pub fn new(tree: Tree) -> Self {
        let learned = tree.iter().map(|(path, _)| (path.clone(), Arc::default())).collect();
        Self { tree, learned }
    }

    /// An index of the next revision of the tree, which keeps the results for unchanged files.
    #[must_use]
    pub fn renewed(&self, tree: Tree) -> Self {
        let known = |path: &TreePath, bytes: &Bytes| {
            self.learned
                .get(path)
                .filter(|_| self.tree.get(path.as_str()) == Some(bytes))
                .cloned()
        };
        let learned = tree
            .iter()
            .map(|(path, bytes)| (path.clone(), known(path, bytes).unwrap_or_default()))
            .collect();
        Self { tree, learned }
    }

    /// The tree.
    pub fn tree(&self) -> &Tree {
        &self.tree
    }

    /// The import closure of one function; see [`Closure`].
    pub fn closure(&self, source: &FunctionSource<'_>) -> Result<Closure, ClosureError> {
        walk::closure(self, source)
    }

    /// The default import map of a function: that of its entrypoint's folder.
    pub fn own_import_map(&self, source: &FunctionSource<'_>) -> Option<TreePath> {
        walk::own_import_map(&self.tree, source)
    }

    /// How many files have been parsed so far.
    pub fn parsed(&self) -> usize {
        self.learned
            .values()
            .filter(|learned| learned.module.get().is_some())
            .count()
    }

    /// SHA-256 of a file that is in the tree.
    pub(super) fn hash(&self, path: &TreePath, bytes: &[u8]) -> Sha {
        let compute = || digest::of_bytes(bytes);
        self.learned
            .get(path)
            .map_or_else(compute, |learned| *learned.hash.get_or_init(compute))
    }

    /// Imports and environment names of a file; `None` if its name is not that of a module.
    pub(super) fn module(&self, path: &TreePath) -> Option<&Result<Module, Fault>> {
        let language = module::language(path.name())?;
        let (learned, bytes) = (self.learned.get(path)?, self.tree.get(path.as_str())?);
        Some(learned.module.get_or_init(|| module::parse(bytes, language)))
    }
}
