use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::closure::{Closure, digest, program};
use super::digest::{SourceDigest, of_bytes};
use super::path::TreePath;
use super::tree::Tree;

/// The parts of a closure besides its files: kept with an archive of them, so that the same content can be deployed again.
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
    /// Files of which nothing runs.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub type_only: BTreeSet<TreePath>,
    /// Names that the running files read from the environment.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub secrets: BTreeSet<String>,
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
            type_only: self.type_only.clone(),
            secrets: self.variables.clone(),
            digest: self.digest,
        }
    }

    /// The closure that was archived as `manifest` and `files`; its digest is recomputed and must be the same. Its
    /// remote specifiers are not known.
    pub fn restore(manifest: ClosureManifest, files: Tree) -> Result<Self, RestoreError> {
        let ClosureManifest {
            entrypoint,
            import_map,
            static_files,
            type_only,
            secrets,
            digest: expected,
        } = manifest;
        let named = [&entrypoint]
            .into_iter()
            .chain(&import_map)
            .chain(&static_files)
            .chain(&type_only);
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
        let program = program(&entrypoint, import_map.as_ref(), &hashes, &static_files, &type_only);
        Ok(Self {
            entrypoint,
            import_map,
            files: files.into_files(),
            hashes,
            type_only,
            static_files,
            variables: secrets,
            required: BTreeSet::new(),
            remote: BTreeSet::new(),
            unresolved: None,
            templates: Vec::new(),
            digest: found,
            program,
        })
    }
}
