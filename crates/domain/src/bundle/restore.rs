use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::closure::{Closure, FunctionSource, digest, program};
use super::digest::{SourceDigest, of_bytes};
use super::path::TreePath;
use super::tree::Tree;

/// The parts of a closure besides its files: kept with an archive of them, so that the same content can be deployed again. Each
/// is in the digest; what the files say themselves is read from them. (Manifests of before name the files that are imported for
/// their types, and secrets, too: anybody who may write the archive could change those.)
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ClosureManifest {
    /// The file that the platform runs.
    pub entrypoint: TreePath,
    /// The import map that is named to the platform.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub import_map: Option<TreePath>,
    /// Files that are read at run time.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub static_files: BTreeSet<TreePath>,
    /// The digest that the content must have.
    pub digest: SourceDigest,
}

/// Why an archived closure can't be used.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
pub enum RestoreError {
    /// The manifest names a file that is not in the archive.
    #[error("{0} is missing from the archive")]
    Missing(TreePath),
    /// The files are not those that the manifest was made for.
    #[error("the archive's content is {found}, not {expected}")]
    Digest {
        /// The digest in the manifest.
        expected: SourceDigest,
        /// The digest of the files.
        found: SourceDigest,
    },
}

impl Closure {
    /// The manifest that is needed besides the files to restore this closure.
    pub fn manifest(&self) -> ClosureManifest {
        ClosureManifest {
            entrypoint: self.entrypoint.clone(),
            import_map: self.import_map.clone(),
            static_files: self.static_files.clone(),
            digest: self.digest,
        }
    }

    /// The closure that was archived as `manifest` and `files`; its digest is recomputed and must be the same. Its
    /// remote specifiers and secrets are not known. Reads all modules again, as computing it did.
    pub fn restore(manifest: ClosureManifest, files: Tree) -> Result<Self, RestoreError> {
        let ClosureManifest {
            entrypoint,
            import_map,
            static_files,
            digest: expected,
        } = manifest;
        let named = [&entrypoint].into_iter().chain(&import_map).chain(&static_files);
        if let Some(path) = named.into_iter().find(|path| files.get(path.as_str()).is_none()) {
            return Err(RestoreError::Missing(path.clone()));
        }
        let hashes: BTreeMap<_, _> = files
            .iter()
            .map(|(path, bytes)| (path.clone(), of_bytes(bytes)))
            .collect();
        let found = digest(&entrypoint, import_map.as_ref(), files.files(), &hashes, &static_files);
        if found != expected {
            return Err(RestoreError::Digest { expected, found });
        }
        let type_only = type_only(&files, &entrypoint, import_map.as_ref(), &static_files, found);
        let program = program(&entrypoint, import_map.as_ref(), &hashes, &static_files, &type_only);
        Ok(Self {
            entrypoint,
            import_map,
            files: files.into_files(),
            hashes,
            type_only,
            static_files,
            variables: BTreeSet::new(),
            required: BTreeSet::new(),
            remote: BTreeSet::new(),
            unresolved: None,
            templates: Vec::new(),
            digest: found,
            program,
        })
    }
}

/// The files that are imported for their types only. None where the content is not what would be read from these files today: by
/// rules of an earlier version. Then each of them counts as running.
fn type_only(
    files: &Tree,
    entrypoint: &TreePath,
    import_map: Option<&TreePath>,
    static_files: &BTreeSet<TreePath>,
    digest: SourceDigest,
) -> BTreeSet<TreePath> {
    // A pattern that is the path of a file names that file.
    let static_files: Vec<String> = static_files.iter().map(ToString::to_string).collect();
    let source = FunctionSource {
        slug: "",
        entrypoint: Some(entrypoint.as_str()),
        import_map: import_map.map(TreePath::as_str),
        static_files: &static_files,
    };
    Closure::compute(files, &source)
        .ok()
        .filter(|read| read.digest == digest)
        .map(|read| read.type_only)
        .unwrap_or_default()
}
