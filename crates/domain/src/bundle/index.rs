use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use bytes::Bytes;

use super::closure::{Closure, FunctionSource};
use super::digest::{self, Sha};
use super::error::ClosureError;
use super::lookup;
use super::module::{Fault, Form, Module};
use super::path::TreePath;
use super::tree::Tree;
use super::walk;

/// A tree with the imports and digests of its files: each is parsed and hashed at most once, when a closure first reaches it,
/// however many closures do. Shared between threads by reference.
#[derive(Debug)]
pub struct TreeIndex {
    tree: Tree,
    learned: BTreeMap<TreePath, Arc<Learned>>,
    /// Bytes of what was learned, by this index and by those of folders below it.
    bytes: Arc<AtomicUsize>,
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
        Self {
            tree,
            learned,
            bytes: Arc::default(),
        }
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
        let learned: BTreeMap<_, _> = tree
            .iter()
            .map(|(path, bytes)| (path.clone(), known(path, bytes).unwrap_or_default()))
            .collect();
        let modules = learned.values().filter_map(|learned| learned.module.get());
        let bytes = modules.flatten().map(Module::bytes).sum();
        Self {
            tree,
            learned,
            bytes: Arc::new(AtomicUsize::new(bytes)),
        }
    }

    /// An index of what lies below `folder`, which shares the results with this one; `None` when nothing does.
    pub fn below(&self, folder: &TreePath) -> Option<Self> {
        let tree = self.tree.subtree(folder)?;
        let learned = tree.iter().filter_map(|(path, _)| {
            let learned = self.learned.get(format!("{folder}/{path}").as_str())?;
            Some((path.clone(), learned.clone()))
        });
        Some(Self {
            learned: learned.collect(),
            tree,
            bytes: self.bytes.clone(),
        })
    }

    /// Approximate bytes that the results take; those of the tree are not counted.
    pub fn learned_bytes(&self) -> usize {
        self.bytes.load(Ordering::Relaxed)
    }

    pub fn tree(&self) -> &Tree {
        &self.tree
    }

    /// The import closure of one function; see [`Closure`].
    pub fn closure(&self, source: &FunctionSource<'_>) -> Result<Closure, ClosureError> {
        walk::closure(self, source)
    }

    /// The default import map of a function: that of its entrypoint's folder.
    pub fn own_import_map(&self, source: &FunctionSource<'_>) -> Option<TreePath> {
        lookup::own_import_map(&self.tree, source)
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
        let form = Form::of(path.name())?;
        let (learned, bytes) = (self.learned.get(path)?, self.tree.get(path.as_str())?);
        Some(learned.module.get_or_init(|| {
            let module = form.parse(bytes);
            let bytes = module.as_ref().map_or(0, Module::bytes);
            self.bytes.fetch_add(bytes, Ordering::Relaxed);
            module
        }))
    }
}
