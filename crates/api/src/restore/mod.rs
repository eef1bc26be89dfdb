//! `Restore`: a backup that is restored once. This file is what the user writes; `status` is what the operator answers.

mod reasons;
mod status;

use jiff::Timestamp;
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{LocalReference, VerificationLevel, common::status::time};

pub use reasons::RestoreReason;
pub use status::{AssertionResult, RestorePoint, RestoreRun, RestoreStatus, RestoreStep, RestoreStepName};

/// One restore. It happens once.
#[allow(clippy::duplicated_attributes, reason = "each column repeats its keys")]
#[derive(Clone, CustomResource, Debug, Deserialize, KubeSchema, PartialEq, Serialize)]
#[kube(
    group = "ops.mobulace.com",
    version = "v1alpha1",
    kind = "Restore",
    namespaced,
    status = "RestoreStatus",
    derive = "PartialEq",
    shortname = "rst",
    category = "ace",
    doc = "Restore is a backup that is restored once. With `target: Scratch` it is a drill: the backup is downloaded, decrypted and restored into the Platform's scratch server, each table's rows are compared with what the source had, and the database is dropped.",
    printcolumn(name = "Source", type_ = "string", json_path = ".status.point.backup"),
    printcolumn(name = "Target", type_ = "string", json_path = ".spec.target"),
    printcolumn(name = "Rows", type_ = "integer", json_path = ".status.point.rows"),
    printcolumn(name = "Took", type_ = "string", json_path = ".status.recoveryTime"),
    printcolumn(
        name = "Platform",
        type_ = "string",
        json_path = ".spec.platformRef.name",
        priority = 1
    )
)]
#[x_kube(
    validation = Rule::new("self.platformRef.name == oldSelf.platformRef.name && self.target == oldSelf.target && has(self.source.backup) == has(oldSelf.source.backup) && (!has(self.source.backup) || self.source.backup == oldSelf.source.backup) && has(self.source.latest) == has(oldSelf.source.latest) && (!has(self.source.latest) || self.source.latest.schedule == oldSelf.source.latest.schedule && self.source.latest.level == oldSelf.source.latest.level && has(self.source.latest.before) == has(oldSelf.source.latest.before) && (!has(self.source.latest.before) || self.source.latest.before == oldSelf.source.latest.before)) && has(self.assertions) == has(oldSelf.assertions) && (!has(self.assertions) || self.assertions == oldSelf.assertions)")
        .message("a Restore is immutable but for `cancel`: create another Restore"),
    validation = Rule::new("self.cancel || !oldSelf.cancel")
        .message("`cancel` can't be taken back: create another Restore")
        .field_path(".cancel")
)]
#[serde(rename_all = "camelCase")]
pub struct RestoreSpec {
    /// platformRef names the Platform whose scratch server is used. Immutable.
    pub platform_ref: LocalReference,
    /// source says what is restored. Immutable.
    pub source: RestoreSource,
    /// target says where to. Immutable.
    #[serde(default)]
    pub target: RestoreTarget,
    /// assertions are asked of the restored database. Immutable.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".into()]))]
    pub assertions: Vec<Assertion>,
    /// cancel ends a restore that has not ended, and drops its database. It can't be taken back.
    #[serde(default)]
    pub cancel: bool,
}

/// What is restored. Exactly one of `backup` and `latest`.
#[derive(Clone, Debug, Deserialize, Eq, KubeSchema, PartialEq, Serialize)]
#[x_kube(
    validation = Rule::new("has(self.backup) != has(self.latest)")
        .message("exactly one of `backup` and `latest` must be set")
)]
pub struct RestoreSource {
    /// backup names the Backup.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 253))]
    #[x_kube(validation = Rule::new("self.matches('^[a-z0-9]([-.a-z0-9]*[a-z0-9])?$')").message("`backup` must be an object's name: lower-case letters, digits, '-' and '.', such as 'nightly-202611230100'"))]
    pub backup: Option<String>,
    /// latest is the newest Backup of a schedule.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latest: Option<LatestBackup>,
}

/// The newest Backup of a schedule.
#[derive(Clone, Debug, Deserialize, Eq, KubeSchema, PartialEq, Serialize)]
pub struct LatestBackup {
    /// schedule names the BackupSchedule.
    #[schemars(length(max = 253))]
    #[x_kube(validation = Rule::new("self.matches('^[a-z0-9]([-.a-z0-9]*[a-z0-9])?$')").message("`schedule` must be an object's name: lower-case letters, digits, '-' and '.', such as 'nightly'"))]
    pub schedule: String,
    /// before is a time that its snapshot must not be after.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "time", length(max = 64))]
    pub before: Option<Timestamp>,
    /// level that it must have passed.
    #[serde(default)]
    pub level: VerificationLevel,
}

/// Where a backup is restored to.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub enum RestoreTarget {
    /// A database of its own on the Platform's scratch server, which is dropped at the end.
    #[default]
    Scratch,
}

/// A question to a restored database.
#[derive(Clone, Debug, Deserialize, Eq, KubeSchema, PartialEq, Serialize)]
pub struct Assertion {
    /// name of the assertion.
    #[schemars(length(max = 63))]
    #[x_kube(validation = Rule::new("self.matches('^[a-z0-9]([-a-z0-9]*[a-z0-9])?$')").message("`name` must be lower-case letters, digits and '-', such as 'opt-ins'"))]
    pub name: String,
    /// sql is one statement that reads, and returns one value.
    #[schemars(length(min = 1, max = 4096))]
    pub sql: String,
    /// expect is the value as text: `t` and `f` for a boolean.
    #[schemars(length(max = 256))]
    pub expect: String,
}
