//! One upload: its files, where they lie in the container, and its digest.

use std::collections::BTreeMap;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use super::Refusal;

/// Bytes of a bundle that the platform accepts: 20 MB after bundling (its documented limit).
pub const BUNDLE_LIMIT: usize = 20 * 1024 * 1024;

/// Longest name of a file or folder, in bytes, that a file system takes.
const NAME_LIMIT: usize = 255;

/// Files of a bundle by their path below the container's folder, e.g. `source/supabase/functions/hello/index.ts`.
pub type Files = BTreeMap<String, Bytes>;

/// What one deploy uploaded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Bundle {
    /// Names this upload among all; the reason why the digest differs from deploy to deploy.
    pub deployment: Uuid,
    /// The version it was uploaded as; part of the container's path, even when `PUT` gives it another later.
    pub version: i64,
    /// Name the upload asked for.
    pub name: Option<String>,
    /// JWT rule the upload asked for.
    pub verify_jwt: Option<bool>,
    /// Path of the entrypoint below the container's folder.
    pub entrypoint: String,
    /// Path of the import map below the container's folder.
    pub import_map: Option<String>,
    /// SHA-256 of [`Bundle::blob`], lower-case hexadecimal.
    pub digest: String,
    /// Not in the project's record: they lie beside it on disk.
    #[serde(skip)]
    pub files: Files,
}

impl Bundle {
    /// What stands for the eszip: `EZBR`, the deployment's id, and each file with its lengths.
    ///
    /// The real bundle embeds the container's path, so that its digest differs for the same sources; the id does the
    /// same here. It is opaque to clients: no reader of real eszips is meant to succeed on it.
    pub fn blob(&self) -> Vec<u8> {
        let mut blob = b"EZBR".to_vec();
        blob.extend_from_slice(self.deployment.as_bytes());
        for (path, bytes) in &self.files {
            blob.extend_from_slice(&(path.len() as u64).to_be_bytes());
            blob.extend_from_slice(path.as_bytes());
            blob.extend_from_slice(&(bytes.len() as u64).to_be_bytes());
            blob.extend_from_slice(bytes);
        }
        blob
    }

    /// Computes the digest, and refuses what is larger than [`BUNDLE_LIMIT`].
    pub(super) fn seal(mut self) -> Result<Bundle, Refusal> {
        // Summed first, so that an oversized upload is not copied once more only to be refused.
        let sources: usize = self
            .files
            .iter()
            .map(|(path, bytes)| path.len() + bytes.len() + 16)
            .sum();
        if sources + 20 > BUNDLE_LIMIT {
            return Err(Refusal::BundleTooLarge);
        }
        self.digest = hex::encode(Sha256::digest(self.blob()));
        Ok(self)
    }
}

/// Where a file that a deploy calls `name` lies below the container's folder: under `source/`, or beside it when the name
/// leads there (`../_shared/cors.ts` becomes `_shared/cors.ts`).
pub fn container_path(name: &str) -> Result<String, Refusal> {
    let bad = || Refusal::BadPath {
        path: name.chars().take(200).collect(),
    };
    if name.starts_with('/') || name.contains('\0') || name.ends_with('/') {
        return Err(bad());
    }
    let mut parts = vec!["source"];
    for part in name.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop().ok_or_else(bad)?;
            }
            part if part.len() > NAME_LIMIT => return Err(bad()),
            part => parts.push(part),
        }
    }
    if parts.is_empty() || parts == ["source"] {
        return Err(bad());
    }
    Ok(parts.join("/"))
}

/// Refuses a file whose path is also a folder of another file: no file system could hold both.
pub(super) fn no_file_is_a_folder(files: &Files) -> Result<(), Refusal> {
    for path in files.keys() {
        let mut folder = path.as_str();
        while let Some((parent, _)) = folder.rsplit_once('/') {
            if files.contains_key(parent) {
                return Err(Refusal::BadPath {
                    path: parent.to_owned(),
                });
            }
            folder = parent;
        }
    }
    Ok(())
}
