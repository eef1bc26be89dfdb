//! What was applied, what is pending, and how the schema differs.

use jiff::Timestamp;
use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::RiskClass;
use crate::{CommonStatus, Drift, ObjectStatus, common::status::time};

/// What was applied, what is pending, and how the schema differs. The ledgers in the database are the truth; this is a memo.
#[derive(Clone, Debug, Default, Deserialize, KubeSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct MigrationSetStatus {
    /// What every status has.
    #[serde(flatten)]
    pub common: CommonStatus,
    /// source is the folder of files as it was last read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<MigrationSource>,
    /// target is the database that this status is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<MigrationTarget>,
    /// head is the highest version in the ledger; while versions that were applied are gone from it, the highest that was seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64))]
    pub head: Option<String>,
    /// applied files.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub applied: Option<i32>,
    /// pending files.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pending: Option<i32>,
    /// unknownApplied versions are in the ledger and have no file: information, not an error.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unknown_applied: Option<i32>,
    /// unverified versions were applied by somebody who did not record the statements: they can't be compared with their files.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unverified: Option<i32>,
    /// plan is what would run next.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan: Option<PlanStatus>,
    /// schema as it was last seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schema: Option<SchemaStatus>,
    /// held is the migration that failed and is not tried again by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held: Option<HeldMigration>,
    /// drift between the reference and the live schema.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub drift: Option<Drift>,
    /// history of what was done, newest first, at most ten entries; `ace_ops.migration` in the database has all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 10))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub history: Vec<MigrationEvent>,
}

impl ObjectStatus for MigrationSetStatus {
    fn common(&self) -> &CommonStatus {
        &self.common
    }

    fn common_mut(&mut self) -> &mut CommonStatus {
        &mut self.common
    }

    fn drift(&self) -> Option<&Drift> {
        self.drift.as_ref()
    }
}

/// The folder of files.
#[derive(Clone, Debug, Deserialize, Eq, KubeSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct MigrationSource {
    /// artifactRevision of the source object that it was read from.
    #[schemars(length(max = 256))]
    pub artifact_revision: String,
    /// files that are migrations.
    pub files: i32,
    /// skipped files whose name is not that of a migration, at most ten.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 10), inner(length(max = 256)))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub skipped: Vec<String>,
}

/// Which database it is.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct MigrationTarget {
    /// systemIdentifier of the cluster: another one is another database.
    #[schemars(length(max = 32))]
    pub system_identifier: String,
    /// timeline: a higher one has been restored or promoted.
    pub timeline: i64,
    /// database by name.
    #[schemars(length(max = 63))]
    pub database: String,
    /// databaseOid is the number that the cluster gave it; one that was dropped and made again has another.
    pub database_oid: i64,
    /// serverVersion of Postgres.
    #[schemars(length(max = 64))]
    pub server_version: String,
}

/// What would run next.
#[derive(Clone, Debug, Deserialize, Eq, KubeSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PlanStatus {
    /// digest that an approval has to name. It covers the database, its head, and version, bytes and risks of each pending file.
    #[schemars(length(max = 71))]
    pub digest: String,
    /// approvalRequired is true while something in it needs an approval that is not there.
    pub approval_required: bool,
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
    /// name of the file, behind its version.
    #[schemars(length(max = 128))]
    pub name: String,
    /// risks of its statements.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 5))]
    #[x_kube(merge_strategy = ListMerge::Set)]
    pub risks: Vec<RiskClass>,
}

/// The schema as it was last seen.
#[derive(Clone, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SchemaStatus {
    /// digest of the live schema.
    #[schemars(length(max = 71))]
    pub digest: String,
    /// referenceDigest of the schema that it should be: as the last run left it, or as it was accepted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 71))]
    pub reference_digest: Option<String>,
    /// objects in the live schema.
    pub objects: i32,
}

/// A migration that failed.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct HeldMigration {
    /// reason why: one of the reasons of `Stalled`.
    #[schemars(length(max = 64))]
    pub reason: String,
    /// message that the condition shows.
    #[schemars(length(max = 1000))]
    pub message: String,
    /// version that failed.
    #[schemars(length(max = 64))]
    pub version: String,
    /// digest (SHA-256) of all pending files at that time: other files are tried.
    #[schemars(length(max = 71))]
    pub digest: String,
    /// generation of the spec at that time.
    pub generation: i64,
    /// reconcileAt: value of the annotation at that time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256))]
    pub reconcile_at: Option<String>,
}

/// One thing that was done.
#[derive(Clone, Debug, Deserialize, Eq, KubeSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct MigrationEvent {
    /// type of what was done.
    #[serde(rename = "type")]
    pub type_: MigrationEventType,
    /// version that it was done with; unset when it was about the schema alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64))]
    pub version: Option<String>,
    /// durationMilliseconds of the run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration_milliseconds: Option<i64>,
    /// warnings of the server, at most four.
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
    /// Somebody else had run the file; its recorded statements are those of the file.
    Adopted,
    /// The file was recorded without being run.
    Baselined,
    /// The live schema became the reference.
    SchemaAccepted,
    /// The live schema became the reference, because another major version of the server or of the operator describes it in other words.
    SchemaReworded,
}
