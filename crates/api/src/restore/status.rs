//! What became of a restore.

use jiff::Timestamp;
use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    CommonStatus, HeldOutcome, VerificationLevel,
    common::status::{object_status, time},
};

/// What became of the restore.
#[derive(Clone, Debug, Default, Deserialize, KubeSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RestoreStatus {
    /// What every status has.
    #[serde(flatten)]
    pub common: CommonStatus,
    /// run is written before the first request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<RestoreRun>,
    /// point is what was restored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub point: Option<RestorePoint>,
    /// steps that are done, in their order, and how long each took.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 8))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".into()]))]
    pub steps: Vec<RestoreStep>,
    /// recoveryTime from the start until the last assertion passed, such as `6m12s`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 32))]
    pub recovery_time: Option<String>,
    /// assertions, and what became of each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".into()]))]
    pub assertions: Vec<AssertionResult>,
    /// held is the outcome.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held: Option<HeldOutcome>,
}

object_status!(RestoreStatus);

/// The attempt.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RestoreRun {
    /// id of the attempt, a part of the name of its database.
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
}

/// What was restored.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RestorePoint {
    /// backup that was restored.
    #[schemars(length(max = 253))]
    pub backup: String,
    /// time of its snapshot.
    #[schemars(schema_with = "time")]
    pub time: Timestamp,
    /// bytes of its archive.
    pub bytes: i64,
    /// level that the restore proved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "VerificationLevel")]
    pub level: Option<VerificationLevel>,
    /// tables whose rows are those of the source.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tables: Option<i64>,
    /// rows in these tables.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rows: Option<i64>,
}

/// A step that is done.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub struct RestoreStep {
    /// name of the step.
    pub name: RestoreStepName,
    /// duration of the step, such as `14s`.
    #[schemars(length(max = 32))]
    pub duration: String,
}

/// What a restore does.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, JsonSchema, PartialEq, Serialize)]
pub enum RestoreStepName {
    /// Manifest and head of the archive are read, and the database is made.
    Fetch,
    /// The archive is downloaded, decrypted and restored.
    Restore,
    /// The rows of the restored tables are counted and hashed.
    Prove,
    /// They are compared with those of the source, and assertions are asked.
    Compare,
}

/// What became of an assertion.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub struct AssertionResult {
    /// name of the assertion.
    #[schemars(length(max = 63))]
    pub name: String,
    /// passed: the value was the expected one.
    pub passed: bool,
    /// digest of the value; the value itself is not kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 128))]
    pub digest: Option<String>,
}
