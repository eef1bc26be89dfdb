//! Archives: content kept in ConfigMaps, to be deployed again or inspected.

use std::{collections::BTreeMap, sync::Arc};

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::state::{Archived, Body, BodyContent};
use crate::bundle::{ArchiveLimits, Closure, ClosureManifest, TreePath, holds_secrets, read_archive, write_archive};

/// Most bytes that an archive's tar.gz may have: a ConfigMap takes 1 MiB in all.
pub const ARCHIVE_BYTES: usize = 900 * 1024;
/// Archives of foreign bodies that are kept for each function.
pub const FOREIGN_ARCHIVES: usize = 3;

const CONTENT: &str = "content.tar.gz";
const BUNDLE: &str = "bundle.eszip";
const MANIFEST: &str = "manifest.json";
/// Names of files that are not in the archive, because they hold secrets.
const LEFT_OUT: &str = "left-out.txt";

/// Data and binary data of the ConfigMap.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ArchiveData {
    pub data: BTreeMap<String, String>,
    pub binary: BTreeMap<String, Bytes>,
}

/// Why content can't be archived, or an archive not be used.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum ArchiveFault {
    /// It packs to this many bytes.
    #[error("the content packs to {0} bytes, more than the {ARCHIVE_BYTES} that an archive can hold")]
    TooLarge(usize),
    /// The platform returned no content that could be archived.
    #[error("the body can't be read")]
    Unreadable,
    /// A key is missing, or the content does not have the digest of its manifest.
    #[error("the archive is damaged: {0}")]
    Damaged(String),
}

#[derive(Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
struct Manifest {
    closure: ClosureManifest,
    #[serde(rename = "verifyJWT")]
    verify_jwt: bool,
}

/// The archive of content that passed its checks, with its JWT rule.
///
/// # Panics
/// Never: a manifest of paths and digests is JSON.
pub fn proven_archive(content: &Closure, verify_jwt: bool) -> Result<ArchiveData, ArchiveFault> {
    let packed = packed(content.files())?;
    let manifest = Manifest {
        closure: content.manifest(),
        verify_jwt,
    };
    let text = serde_json::to_string_pretty(&manifest).expect("a manifest of paths and digests is JSON");
    Ok(ArchiveData {
        data: [(MANIFEST.to_owned(), text)].into(),
        binary: [(CONTENT.to_owned(), packed)].into(),
    })
}

/// Reads back what [`proven_archive`] made. The digest is recomputed, so that a damaged archive is never deployed.
pub fn read_proven_archive(archive: &ArchiveData) -> Result<Archived, ArchiveFault> {
    let damaged = |what: String| ArchiveFault::Damaged(what);
    let manifest = archive
        .data
        .get(MANIFEST)
        .ok_or_else(|| damaged(format!("no key `{MANIFEST}`")))?;
    let manifest: Manifest = serde_json::from_str(manifest).map_err(|error| damaged(error.to_string()))?;
    let packed = archive
        .binary
        .get(CONTENT)
        .ok_or_else(|| damaged(format!("no key `{CONTENT}`")))?;
    let tree = read_archive(packed, &ArchiveLimits::default()).map_err(|error| damaged(error.to_string()))?;
    if let Some((path, why)) = tree.left_out().iter().next() {
        return Err(damaged(format!("{path} {why}")));
    }
    let content = Closure::restore(manifest.closure, tree).map_err(|error| damaged(error.to_string()))?;
    Ok(Archived {
        content: Arc::new(content),
        verify_jwt: manifest.verify_jwt,
    })
}

/// The archive of a foreign body: its files, or the bundle where the platform gives nothing else. Of files that hold secrets it has
/// the names only; a bundle can't be taken apart.
///
/// # Panics
/// Never: a stamp is JSON.
pub fn foreign_archive(body: &Body) -> Result<ArchiveData, ArchiveFault> {
    let stamp = serde_json::to_string_pretty(&body.stamp).expect("a stamp is JSON");
    let mut data: BTreeMap<_, _> = [("stamp.json".to_owned(), stamp)].into();
    let binary = match &body.content {
        BodyContent::Files { files, .. } => {
            let files = files.files().iter().map(|(path, bytes)| (inside(path), bytes.clone()));
            let (secrets, files): (BTreeMap<_, _>, _) =
                files.partition(|(path, bytes)| holds_secrets(path.name(), bytes));
            if !secrets.is_empty() {
                let names: Vec<_> = secrets.keys().map(TreePath::as_str).collect();
                data.insert(LEFT_OUT.to_owned(), names.join("\n"));
            }
            (CONTENT.to_owned(), packed(&files)?)
        }
        BodyContent::Bundle(bytes) if bytes.len() > ARCHIVE_BYTES => return Err(ArchiveFault::TooLarge(bytes.len())),
        BodyContent::Bundle(bytes) => (BUNDLE.to_owned(), Bytes::copy_from_slice(bytes)),
        BodyContent::TooLarge => return Err(ArchiveFault::Unreadable),
    };
    Ok(ArchiveData {
        data,
        binary: [binary].into(),
    })
}

/// A body's paths are relative to its entrypoint and may contain `..` (`../_shared/cors.ts`); an archive's must not.
fn inside(path: &str) -> TreePath {
    let named: Vec<&str> = path
        .split('/')
        .filter(|part| !part.is_empty() && *part != ".")
        .map(|part| if part == ".." { "_parent" } else { part })
        .collect();
    TreePath::new(named.join("/")).unwrap_or_else(|_| {
        let clean: String = path
            .chars()
            .map(|c| if c.is_ascii_alphanumeric() { c } else { '_' })
            .take(200)
            .collect();
        TreePath::new(format!("file_{clean}")).expect("letters, digits and '_' are a path")
    })
}

fn packed(files: &BTreeMap<TreePath, Bytes>) -> Result<Bytes, ArchiveFault> {
    let packed = write_archive(files);
    if packed.len() > ARCHIVE_BYTES {
        Err(ArchiveFault::TooLarge(packed.len()))
    } else {
        Ok(packed.into())
    }
}

#[cfg(test)]
mod tests;
