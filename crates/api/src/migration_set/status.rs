//! What was applied, what is pending, and how the schema differs.

use jiff::Timestamp;
use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::RiskClass;
use crate::{
    CommonStatus, Drift, HeldOutcome, SecretFiles,
    common::{
        readable::readable,
        status::{object_status, time},
    },
};

/// What was applied, what is pending, and how the schema differs, as last observed in the database.
#[derive(Clone, Debug, Default, Deserialize, KubeSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct MigrationSetStatus {
    /// What every status has.
    #[serde(flatten)]
    pub common: CommonStatus,
    /// source is the folder of migrations as it was last read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<MigrationSource>,
    /// target is the database that this status describes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<MigrationTarget>,
    /// head is the highest version in the ledger; while applied versions are missing from the ledger, the highest that was ever observed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64))]
    pub head: Option<String>,
    /// applied is the number of files that are applied.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub applied: Option<i32>,
    /// pending is the number of files that are not applied yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pending: Option<i32>,
    /// unknownApplied is the number of versions in the ledger that have no file: information, not an error.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unknown_applied: Option<i32>,
    /// unverified is the number of versions whose statements are not recorded in the ledger, so that they can't be compared with their files.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unverified: Option<i32>,
    /// plan is what would run next.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan: Option<PlanStatus>,
    /// schema as it was last observed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schema: Option<SchemaStatus>,
    /// held is the migration that failed and is not retried until files, spec or `reconcile-at` change.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held: Option<HeldMigration>,
    /// retry is the migration whose run failed and is repeated, so that its attempts are counted beyond a restart of the operator.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry: Option<RetriedMigration>,
    /// drift is how the live schema differs from the desired one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub drift: Option<Drift>,
    /// history lists what was done, newest first, at most ten entries; `ace_ops.migration` in the database has all.
    #[serde(default, deserialize_with = "readable", skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 10))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub history: Vec<MigrationEvent>,
}

object_status!(MigrationSetStatus, drift);

/// The folder of files.
#[derive(Clone, Debug, Deserialize, Eq, KubeSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct MigrationSource {
    /// artifactRevision of the source object that it was read from.
    #[schemars(length(max = 256))]
    pub artifact_revision: String,
    /// files is the number of files that are migrations.
    pub files: i32,
    /// skipped lists files whose name is not that of a migration, and folders in which there is SQL, at most ten.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 10), inner(length(max = 256)))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub skipped: Vec<String>,
    /// secretFiles lists what holds secrets below `spec.source.path`: `.env` and its like, a `.npmrc` that logs in, private keys. None of it is deployed or archived, but whoever can read the source can read it: leave it out of the source.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret_files: Option<SecretFiles>,
}

/// Identity of the database.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct MigrationTarget {
    /// systemIdentifier of the PostgreSQL cluster: another one means another database.
    #[schemars(length(max = 32))]
    pub system_identifier: String,
    /// timeline of the PostgreSQL cluster: a higher one means that it was restored or promoted.
    pub timeline: i64,
    /// database is its name.
    #[schemars(length(max = 63))]
    pub database: String,
    /// databaseOid is its object identifier; a database that was dropped and created again has another one.
    pub database_oid: i64,
    /// serverVersion of Postgres.
    #[schemars(length(max = 64))]
    pub server_version: String,
}

impl MigrationTarget {
    /// The major version of the server: 15 of `15.18` and of `15beta2`.
    pub fn server_major(&self) -> i32 {
        let major = self.server_version.split(|c: char| !c.is_ascii_digit()).next();
        major.and_then(|major| major.parse().ok()).unwrap_or_default()
    }
}

/// What would run next.
#[derive(Clone, Debug, Deserialize, Eq, KubeSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PlanStatus {
    /// digest of the plan, which an approval names. It covers the database, its head, and version, content and risks of each pending file.
    #[schemars(length(max = 71))]
    pub digest: String,
    /// approvalRequired is true while a statement of the plan needs an approval and has none.
    pub approval_required: bool,
    /// backup names the Backup by which the plan may run, or for which it waits; unset where it needs none. It does not expire meanwhile.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 253))]
    pub backup: Option<String>,
    /// pending migrations in their order, at most twenty.
    #[schemars(length(max = 20))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub pending: Vec<PendingMigration>,
}

/// One migration that was not applied.
#[derive(Clone, Debug, Deserialize, Eq, KubeSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PendingMigration {
    /// version of the file.
    #[schemars(length(max = 64))]
    pub version: String,
    /// name of the file, after its version.
    #[schemars(length(max = 128))]
    pub name: String,
    /// risks of its statements.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 5))]
    #[x_kube(merge_strategy = ListMerge::Set)]
    pub risks: Vec<RiskClass>,
}

/// The schema as it was last observed.
#[derive(Clone, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SchemaStatus {
    /// digest of the live schema.
    #[schemars(length(max = 71))]
    pub digest: String,
    /// referenceDigest is the digest of the desired schema: as the last run left it, or as it was accepted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 71))]
    pub reference_digest: Option<String>,
    /// objects is the number of objects in the live schema.
    pub objects: i32,
    /// ignored is the number of objects that differ and are no drift, by `spec.drift.ignore`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ignored: Option<i32>,
}

/// A migration that failed.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct HeldMigration {
    /// What every held outcome has.
    #[serde(flatten)]
    pub outcome: HeldOutcome,
    /// version that failed.
    #[schemars(length(max = 64))]
    pub version: String,
    /// digest (SHA-256) of all pending files at that time. Changed files are tried.
    #[schemars(length(max = 71))]
    pub digest: String,
}

/// A migration whose run failed for a cause that may pass.
#[derive(Clone, Debug, Deserialize, Eq, KubeSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RetriedMigration {
    /// version of the migration.
    #[schemars(length(max = 64))]
    pub version: String,
    /// digest (SHA-256) of its file. A changed file is tried at once, and its attempts are counted from one.
    #[schemars(length(max = 71))]
    pub digest: String,
    /// reconcileAt is the value of the annotation at the last attempt. Another value asks for the next attempt at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256))]
    pub reconcile_at: Option<String>,
    /// generation of the object at the last attempt. With another one the next attempt is made at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub generation: Option<i64>,
    /// failures lists those that are unlike each other, the last one last, at most eight.
    #[schemars(length(max = 8))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub failures: Vec<RepeatedFailure>,
    /// attempts that failed, also those that `failures` has no room for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attempts: Option<i32>,
    /// message says what happened at the last attempt.
    #[schemars(length(max = 1024))]
    pub message: String,
    /// advice says what a person does if it goes on.
    #[schemars(length(max = 1024))]
    pub advice: String,
    /// time at which the last attempt failed.
    #[schemars(schema_with = "time")]
    pub time: Timestamp,
}

/// Failures of one kind at one line.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RepeatedFailure {
    /// kind of the failure: a SQLSTATE, `SessionLost`, or `Other`.
    #[schemars(length(max = 16))]
    pub kind: String,
    /// line of the statement in the file; unset if it is not from the file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<i64>,
    /// times it has happened.
    pub times: i32,
    /// restarts of the server between two of them.
    pub restarts: i32,
    /// serverStart is when the server had last started before the last of them.
    #[schemars(length(max = 64))]
    pub server_start: String,
}

/// One thing that was done.
#[derive(Clone, Debug, Deserialize, Eq, KubeSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct MigrationEvent {
    /// type of what was done.
    #[serde(rename = "type")]
    pub type_: MigrationEventType,
    /// version of the migration; unset if only the schema was concerned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64))]
    pub version: Option<String>,
    /// durationMilliseconds of the run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration_milliseconds: Option<i64>,
    /// warnings that the server reported, at most four.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 4), inner(length(max = 200)))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub warnings: Vec<String>,
    /// time when it was done.
    #[schemars(schema_with = "time")]
    pub time: Timestamp,
}

/// Types of what was done.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub enum MigrationEventType {
    /// The file was run.
    Applied,
    /// The file had been run out of band; its recorded statements are those of the file.
    Adopted,
    /// The file was recorded without being run.
    Baselined,
    /// The live schema became the desired one.
    SchemaAccepted,
    /// The live schema became the desired one, because another major version of the server or of the operator describes it in other words.
    SchemaReworded,
}
