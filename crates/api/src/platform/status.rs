//! What is known of a project.

use jiff::Timestamp;
use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    CommonStatus,
    common::status::{object_status, time},
};

/// What was observed of the project.
#[derive(Clone, Debug, Default, Deserialize, KubeSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PlatformStatus {
    /// What every status has.
    #[serde(flatten)]
    pub common: CommonStatus,
    /// project as the Management API describes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project: Option<ProjectStatus>,
    /// database as it described itself at the last successful check.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub database: Option<DatabaseStatus>,
    /// functions counts the functions that are live in the project.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub functions: Option<FunctionCount>,
    /// recovery is what the platform itself can restore the database to; asked for while a BackupSchedule counts it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recovery: Option<PlatformRecovery>,
}

object_status!(PlatformStatus);

/// The project as the Management API describes it.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ProjectStatus {
    /// state as the Management API reports it, e.g. `ACTIVE_HEALTHY`.
    #[schemars(length(max = 64))]
    pub state: String,
    /// region where it runs.
    #[schemars(length(max = 64))]
    pub region: String,
}

/// The database as it describes itself.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DatabaseStatus {
    /// serverVersion of Postgres.
    #[schemars(length(max = 64))]
    pub server_version: String,
    /// systemIdentifier of the PostgreSQL cluster: another one means another database.
    #[schemars(length(max = 32))]
    pub system_identifier: String,
    /// timeline of the PostgreSQL cluster: a higher one means that it was restored or promoted.
    pub timeline: i64,
}

/// Functions that are live in the project.
#[derive(Clone, Debug, Default, Deserialize, Eq, KubeSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct FunctionCount {
    /// managed is the number of functions that an EdgeFunction of this namespace describes.
    pub managed: i32,
    /// unmanagedCount is the number of functions that no EdgeFunction of this namespace describes.
    pub unmanaged_count: i32,
    /// unmanaged lists the slugs of functions that no EdgeFunction of this namespace describes, at most fifty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 50), inner(length(max = 64)))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub unmanaged: Vec<String>,
}

/// What the platform itself can restore the database to. Times are rounded to the hour; the metric `ace_backup_recovery_point_age_seconds` is exact.
#[derive(Clone, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub struct PlatformRecovery {
    /// pitr is the window of point-in-time recovery.
    pub pitr: RecoveryWindow,
    /// daily backups of the platform; it makes none while point-in-time recovery is enabled.
    pub daily: DailyBackups,
}

/// The window of point-in-time recovery.
#[derive(Clone, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub struct RecoveryWindow {
    /// enabled in the project.
    pub enabled: bool,
    /// earliest time that it can be restored to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "time")]
    pub earliest: Option<Timestamp>,
    /// latest time that it can be restored to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "time")]
    pub latest: Option<Timestamp>,
}

/// Daily backups of the platform.
#[derive(Clone, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub struct DailyBackups {
    /// count of the complete ones.
    pub count: i32,
    /// newest of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "time")]
    pub newest: Option<Timestamp>,
}
