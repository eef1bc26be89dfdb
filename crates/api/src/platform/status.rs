//! What is known of a project.

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{CommonStatus, common::status::object_status};

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
