use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;

use super::digest::{Fields, Revision, Sha, SourceDigest};
use super::error::ClosureError;
use super::index::TreeIndex;
use super::module::TemplateImport;
use super::path::TreePath;
use super::tree::Tree;

/// A function's source as the spec has it; paths begin at the tree's root.
#[derive(Clone, Copy, Debug)]
pub struct FunctionSource<'a> {
    /// Name of the function on the platform.
    pub slug: &'a str,
    /// Default `<slug>/index.ts`.
    pub entrypoint: Option<&'a str>,
    /// Default: `deno.json`, else `deno.jsonc`, else `import_map.json` of the entrypoint's folder, else none.
    pub import_map: Option<&'a str>,
    /// Globs of files that the function reads at run time.
    pub static_files: &'a [String],
}

/// The content of a function: its entrypoint and every file of the tree that this needs.
///
/// Followed are static and dynamic imports with a constant specifier, re-exports, `import type`, `import("…").T`,
/// `import x = require("…")`, the runtime of JSX that a pragma or the compiler's options name, the modules that a
/// `.wasm` imports from, the import map with the one
/// that a `deno.json` refers to, and the static files. Specifiers of `npm:`, `jsr:`, `node:` and `https:` are the platform's to
/// resolve; a bare one that no import map has is [`Self::unresolved`]. Triple-slash references and `@deno-types` comments are not
/// followed: the CLI uploads no such file either, and nothing runs from them.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Closure {
    pub(super) entrypoint: TreePath,
    pub(super) import_map: Option<TreePath>,
    pub(super) files: BTreeMap<TreePath, Bytes>,
    pub(super) hashes: BTreeMap<TreePath, Sha>,
    pub(super) type_only: BTreeSet<TreePath>,
    pub(super) static_files: BTreeSet<TreePath>,
    pub(super) variables: BTreeSet<String>,
    pub(super) required: BTreeSet<Vec<String>>,
    pub(super) remote: BTreeSet<String>,
    pub(super) unresolved: Option<ClosureError>,
    pub(super) templates: Vec<(TreePath, TemplateImport)>,
    pub(super) digest: SourceDigest,
    pub(super) program: Sha,
}

impl Closure {
    /// The closure of one function over a tree. For several functions of one tree use [`TreeIndex::closure`].
    pub fn compute(tree: &Tree, source: &FunctionSource<'_>) -> Result<Self, ClosureError> {
        TreeIndex::new(tree.clone()).closure(source)
    }

    /// The file that the platform runs.
    pub fn entrypoint(&self) -> &TreePath {
        &self.entrypoint
    }

    /// The import map that is named to the platform.
    pub fn import_map(&self) -> Option<&TreePath> {
        self.import_map.as_ref()
    }

    /// Every file, by path.
    pub fn files(&self) -> &BTreeMap<TreePath, Bytes> {
        &self.files
    }

    /// Files that are only reached through imports of types: nothing of them runs.
    pub fn type_only(&self) -> &BTreeSet<TreePath> {
        &self.type_only
    }

    /// Files that are read at run time.
    pub fn static_files(&self) -> &BTreeSet<TreePath> {
        &self.static_files
    }

    /// Names that the running files read by `Deno.env.get` or `Deno.env.has` with a literal, `SUPABASE_*` included.
    pub fn secrets(&self) -> &BTreeSet<String> {
        &self.variables
    }

    /// Groups of those names of which one has to be set, as `["A", "B"]` for `Deno.env.get("A") ?? Deno.env.get("B")`. A name
    /// with a default (`||`, `??`, a conditional expression) in each file that reads it is in none of them. Empty for a closure
    /// that was restored.
    pub fn required_secrets(&self) -> &BTreeSet<Vec<String>> {
        &self.required
    }

    /// Specifiers that the platform resolves, after the import map.
    pub fn remote(&self) -> &BTreeSet<String> {
        &self.remote
    }

    /// The first import of a running file that the platform can't resolve: bare, and in no import map. A Node module may be
    /// bare, and what is imported by a call is resolved when it is called, if ever.
    pub fn unresolved(&self) -> Option<&ClosureError> {
        self.unresolved.as_ref()
    }

    /// Imports of running files whose specifier is put together when they run, as `hello/index.ts:3 imports ./lang/…`: what
    /// they lead to is in the content only if something else reaches it. The first thousand, of each the first 200 bytes.
    pub fn template_imports(&self) -> impl Iterator<Item = String> {
        let named = |(path, import): &(TreePath, TemplateImport)| {
            format!("{path}:{} imports {}…", import.line, import.beginning.escape_debug())
        };
        self.templates.iter().map(named)
    }

    /// Digest of the content.
    pub fn digest(&self) -> SourceDigest {
        self.digest
    }

    /// Digest of what runs: that of the content without the files that are imported for their types only, as `sha256:` and 64
    /// digits. The platform's bundle has none of those, so two contents that differ in them alone are one program.
    pub fn program_digest(&self) -> String {
        super::digest::text(&self.program)
    }

    /// Revision of the content: the beginning of its digest.
    pub fn revision(&self) -> Revision {
        self.digest.revision()
    }

    /// Approximate size in memory without its files, which it shares with the tree, in bytes.
    pub fn overhead(&self) -> usize {
        /// The nodes of a file in three maps, with its hash.
        const FILE: usize = 320;
        let paths: usize = self.files.keys().map(|path| 2 * path.as_str().len() + FILE).sum();
        let names = self.variables.iter().chain(&self.remote);
        let names = names.chain(self.required.iter().flatten());
        let names = names.map(|name| name.len() + FILE / 4).sum::<usize>();
        let templates = self.templates.iter();
        let templates = templates.map(|(path, import)| path.as_str().len() + FILE / 4 + import.bytes());
        paths + names + templates.sum::<usize>()
    }

    /// Sum of the files' sizes.
    pub fn bytes(&self) -> usize {
        self.files.values().map(Bytes::len).sum()
    }
}

pub(super) fn program(
    entrypoint: &TreePath,
    import_map: Option<&TreePath>,
    hashes: &BTreeMap<TreePath, Sha>,
    static_files: &BTreeSet<TreePath>,
    type_only: &BTreeSet<TreePath>,
) -> Sha {
    let mut fields = Fields::new("ops.mobulace.com/program/v1");
    fields.bytes(entrypoint.as_str().as_bytes());
    fields.number(usize::from(import_map.is_some()));
    if let Some(path) = import_map {
        fields.bytes(path.as_str().as_bytes());
    }
    for (path, hash) in hashes.iter().filter(|(path, _)| !type_only.contains(*path)) {
        fields.bytes(path.as_str().as_bytes());
        fields.bytes(hash);
        fields.number(usize::from(static_files.contains(path)));
    }
    fields.finish()
}

/// The digest's input: entrypoint, import map, then each file in the order of paths with its length, its SHA-256, and
/// whether it is static; every field is preceded by its length.
pub(super) fn digest(
    entrypoint: &TreePath,
    import_map: Option<&TreePath>,
    files: &BTreeMap<TreePath, Bytes>,
    hashes: &BTreeMap<TreePath, Sha>,
    static_files: &BTreeSet<TreePath>,
) -> SourceDigest {
    let mut fields = Fields::new("ops.mobulace.com/source/v1");
    fields.bytes(entrypoint.as_str().as_bytes());
    fields.number(usize::from(import_map.is_some()));
    if let Some(path) = import_map {
        fields.bytes(path.as_str().as_bytes());
    }
    fields.number(files.len());
    for ((path, bytes), hash) in files.iter().zip(hashes.values()) {
        fields.bytes(path.as_str().as_bytes());
        fields.number(bytes.len());
        fields.bytes(hash);
        fields.number(usize::from(static_files.contains(path)));
    }
    SourceDigest::new(fields.finish())
}
