//! What is known of a store.

use jiff::Timestamp;
use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    CommonStatus, Drift,
    common::status::{object_status, time},
};

/// What is known of the store.
#[derive(Clone, Debug, Default, Deserialize, KubeSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DestinationStatus {
    /// What every status has.
    #[serde(flatten)]
    pub common: CommonStatus,
    /// store is its type and the bucket, container or directory, such as `s3/ace-backups`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 300))]
    pub store: Option<String>,
    /// capabilities are what the store can do. They are tried once for each spec with objects below `.ace/` in the prefix.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capabilities: Option<StoreCapabilities>,
    /// stored is what the last list shows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stored: Option<StoredBackups>,
    /// drift lists what Backups have stored and is gone or another, then what below the prefix belongs to no backup.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub drift: Option<Drift>,
}

object_status!(DestinationStatus, drift);

/// What a store can do.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[allow(clippy::struct_excessive_bools, reason = "each is a field of the status")]
pub struct StoreCapabilities {
    /// conditionalCreate: the store refuses to create an object that is there.
    pub conditional_create: bool,
    /// ranges: a part of an object can be read.
    pub ranges: bool,
    /// multipart: an object can be uploaded in parts.
    pub multipart: bool,
    /// checksums: the store takes uploads with a SHA-256 checksum, which it compares.
    pub checksums: bool,
    /// delete: the key may delete what it wrote. Without it nothing expires.
    pub delete: bool,
}

/// What a list of the prefix shows.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct StoredBackups {
    /// backups that are complete: each has a manifest, which is written last.
    pub backups: i64,
    /// bytes of complete backups.
    pub bytes: i64,
    /// newest is when the newest complete backup was begun.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "time")]
    pub newest: Option<Timestamp>,
    /// unfinished directories have no manifest: a backup is being written there, or was not finished. What nobody writes is deleted after a day.
    pub unfinished: i64,
    /// unlisted backups are complete, and no Backup of this namespace names them; `catalogue: Import` makes one for each.
    #[serde(default)]
    pub unlisted: i64,
}
