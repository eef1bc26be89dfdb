//! The closures of functions: each is computed once for a tree and the parts of a spec, and kept with the tree.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError};

use super::SourceTree;
use crate::bundle::{Closure, FunctionSource, TreePath};

/// Bytes of closures that one tree keeps, without the files: some ten thousand of fourteen files.
const KEPT: usize = 16 << 20;

/// The parts of a spec that a closure depends on.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct FunctionParts {
    /// Folder of the tree that paths begin at; the root without one.
    pub folder: Option<TreePath>,
    pub slug: String,
    pub entrypoint: Option<String>,
    pub import_map: Option<String>,
    pub static_files: Vec<String>,
}

/// A closure, or the message that says what to change.
pub type Outcome = Result<Arc<Closure>, String>;

/// Closures of one tree; the least recently used are evicted above [`KEPT`] bytes.
#[derive(Debug, Default)]
pub(super) struct Closures {
    uses: u64,
    bytes: usize,
    held: HashMap<FunctionParts, Held>,
}

#[derive(Debug)]
struct Held {
    outcome: Outcome,
    bytes: usize,
    used: u64,
}

impl Closures {
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    fn get(&mut self, parts: &FunctionParts) -> Option<Outcome> {
        self.uses += 1;
        let held = self.held.get_mut(parts)?;
        held.used = self.uses;
        Some(held.outcome.clone())
    }

    fn put(&mut self, parts: FunctionParts, outcome: Outcome) {
        self.uses += 1;
        let bytes = parts.bytes() + outcome.as_ref().map_or_else(String::len, |closure| closure.overhead());
        let held = Held {
            outcome,
            bytes,
            used: self.uses,
        };
        self.bytes += bytes;
        if let Some(before) = self.held.insert(parts, held) {
            self.bytes -= before.bytes;
        }
        while self.bytes > KEPT {
            let oldest = self.held.iter().min_by_key(|(_, held)| held.used);
            let Some(held) = oldest
                .map(|(parts, _)| parts.clone())
                .and_then(|parts| self.held.remove(&parts))
            else {
                return;
            };
            self.bytes -= held.bytes;
        }
    }
}

impl FunctionParts {
    fn bytes(&self) -> usize {
        /// The key and the entry.
        const ENTRY: usize = 320;
        let texts = [&self.entrypoint, &self.import_map].into_iter().flatten();
        let texts = texts.chain(&self.static_files).map(|text| text.len() + 24);
        let folder = self.folder.as_ref().map_or(0, |folder| folder.as_str().len());
        ENTRY + self.slug.len() + folder + texts.sum::<usize>()
    }
}

impl SourceTree {
    /// The closure, if it was computed before.
    pub fn known(&self, parts: &FunctionParts) -> Option<Outcome> {
        let mut closures = self.closures.lock().unwrap_or_else(PoisonError::into_inner);
        closures.get(parts)
    }

    /// Computes a closure, which can take as long as 20 MB take to be read.
    pub fn closure(&self, parts: FunctionParts) -> Outcome {
        let outcome = self.compute(&parts);
        let mut closures = self.closures.lock().unwrap_or_else(PoisonError::into_inner);
        closures.put(parts, outcome.clone());
        outcome
    }

    fn compute(&self, parts: &FunctionParts) -> Outcome {
        let folder = parts.folder.as_ref();
        let index = self.at(folder).ok_or_else(|| {
            let missing = folder.map(|folder| self.tree().missing(folder).to_string());
            missing.unwrap_or_default()
        })?;
        let source = FunctionSource {
            slug: &parts.slug,
            entrypoint: parts.entrypoint.as_deref(),
            import_map: parts.import_map.as_deref(),
            static_files: &parts.static_files,
        };
        let closure = index.closure(&source).map_err(|error| error.to_string())?;
        match closure.unresolved() {
            Some(error) => Err(error.to_string()),
            None => Ok(Arc::new(closure)),
        }
    }
}
