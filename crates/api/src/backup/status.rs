//! What became of a backup.

use jiff::Timestamp;
use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    CommonStatus, Drift, HeldOutcome,
    common::status::{object_status, time},
};

/// What became of the backup.
#[derive(Clone, Debug, Default, Deserialize, KubeSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct BackupStatus {
    /// What every status has.
    #[serde(flatten)]
    pub common: CommonStatus,
    /// run is the last attempt. It is written before the attempt's first request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<BackupRun>,
    /// progress of the run; only while it lasts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub progress: Option<BackupProgress>,
    /// snapshot is the point that was backed up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub snapshot: Option<Snapshot>,
    /// archive is what was stored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub archive: Option<Archive>,
    /// copies of the archive: one for each destination.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 5))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["destination".into()]))]
    pub copies: Vec<BackupCopy>,
    /// copiesComplete of all copies, such as `1/2`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 16))]
    pub copies_complete: Option<String>,
    /// verified levels, the highest first: when the archive last passed each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 4))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["level".into()]))]
    pub verified: Vec<Verification>,
    /// drift lists the copies that are not what was stored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub drift: Option<Drift>,
    /// held is an outcome that stays until the spec or `reconcile-at` changes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held: Option<HeldOutcome>,
}

object_status!(BackupStatus, drift);

/// One attempt.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct BackupRun {
    /// id of the attempt, a part of the path of what it stores.
    #[schemars(length(max = 16))]
    pub id: String,
    /// attempt counts from 1.
    pub attempt: i32,
    /// startTime of the attempt.
    #[schemars(schema_with = "time")]
    pub start_time: Timestamp,
    /// worker is the process that makes it.
    #[schemars(length(max = 253))]
    pub worker: String,
    /// retryTime is when the next attempt is due, after one that failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "time")]
    pub retry_time: Option<Timestamp>,
    /// message says why the attempt failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1000))]
    pub message: Option<String>,
}

/// How far a run is.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct BackupProgress {
    /// step that is being made.
    pub step: BackupStep,
    /// bytes of the dump so far, before compression.
    pub bytes: i64,
    /// total is about how many bytes there will be: the size of the database.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub total: Option<i64>,
    /// bytesPerSecond since the step began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes_per_second: Option<i64>,
}

/// What a run is doing.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, JsonSchema, PartialEq, Serialize)]
pub enum BackupStep {
    /// It waits until fewer runs of this worker are in progress.
    Queue,
    /// It waits for the lease of the database.
    Lease,
    /// The database is dumped, and what is dumped is stored.
    Dump,
    /// Rows are proved, and the manifest is written.
    Finish,
    /// The stored archive is verified.
    Verify,
    /// The archive is copied to further destinations.
    Copy,
}

/// The point that was backed up, as the database's server tells it.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Snapshot {
    /// time of the snapshot, by the server's clock.
    #[schemars(schema_with = "time")]
    pub time: Timestamp,
    /// lsn of the write-ahead log at that time.
    #[schemars(length(max = 32))]
    pub lsn: String,
    /// systemIdentifier of the PostgreSQL cluster.
    #[schemars(length(max = 32))]
    pub system_identifier: String,
    /// timeline of the PostgreSQL cluster.
    pub timeline: i64,
    /// database that was backed up.
    #[schemars(length(max = 63))]
    pub database: String,
    /// serverVersion of Postgres.
    #[schemars(length(max = 64))]
    pub server_version: String,
    /// head is the newest migration that was applied.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 128))]
    pub head: Option<String>,
    /// schemaDigest of the schema at that time, as MigrationSets have it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 128))]
    pub schema_digest: Option<String>,
}

/// What was stored.
#[derive(Clone, Debug, Deserialize, Eq, KubeSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Archive {
    /// bytes that are stored: compressed and encrypted.
    pub bytes: i64,
    /// rawBytes of the dump.
    pub raw_bytes: i64,
    /// digest of what is stored.
    #[schemars(length(max = 128))]
    pub digest: String,
    /// tables with rows in the archive.
    pub tables: i64,
    /// rows in the archive.
    pub rows: i64,
    /// client is the version of `pg_dump`.
    #[schemars(length(max = 64))]
    pub client: String,
    /// duration from the attempt's start to its manifest, such as `1m30s`.
    #[schemars(length(max = 32))]
    pub duration: String,
    /// notCovered is what the archive does not hold.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64), inner(length(max = 256)))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub not_covered: Vec<String>,
}

/// The archive in one destination.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct BackupCopy {
    /// destination is the name of the BackupDestination.
    #[schemars(length(max = 253))]
    pub destination: String,
    /// path of the directory below the destination's prefix.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 512))]
    pub path: Option<String>,
    /// state of the copy.
    pub state: CopyState,
    /// required: the Backup is not Ready without this copy.
    #[serde(default)]
    pub required: bool,
    /// message says why a copy failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 400))]
    pub message: Option<String>,
}

/// What became of a copy.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, JsonSchema, PartialEq, Serialize)]
pub enum CopyState {
    /// It is being made, or tried again.
    Copying,
    /// Archive and manifest are stored.
    Complete,
    /// It could not be made; it is tried again at intervals.
    Failed,
    /// It was complete, and is gone.
    Missing,
    /// It was complete, and is another now.
    Changed,
}

/// A level, and when it was last passed.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub struct Verification {
    /// level that the archive passed.
    pub level: VerificationLevel,
    /// time when it last did.
    #[schemars(schema_with = "time")]
    pub time: Timestamp,
}

/// How much of an archive was verified. Each level includes the ones before.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, Hash, JsonSchema, Ord, PartialEq, PartialOrd, Serialize)]
pub enum VerificationLevel {
    /// What is stored was read to its end: its digest is right, and it could be decrypted and decompressed.
    Bytes,
    /// `pg_restore` read the archive to its end, and it has just the tables that were proved.
    #[default]
    Archive,
    /// It was restored into the Platform's scratch server without an error.
    Restored,
    /// Each table that was restored has just the rows that the source had.
    Content,
}
