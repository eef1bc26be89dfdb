//! What is known of a database's backups.

use jiff::Timestamp;
use kube::KubeSchema;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use crate::{
    CommonStatus, Drift,
    common::status::{object_status, time},
};

/// What is known of the backups.
#[derive(Clone, Debug, Default, Deserialize, KubeSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ScheduleStatus {
    /// What every status has.
    #[serde(flatten)]
    pub common: CommonStatus,
    /// nextTime is the next slot; none while the schedule is suspended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "time")]
    pub next_time: Option<Timestamp>,
    /// last is the backup that was made last for a slot.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last: Option<LastBackup>,
    /// newestPoint is the newest one that the database can be restored to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub newest_point: Option<RecoveryPoint>,
    /// missed are slots at which nothing could be begun, or only much later.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub missed: Option<MissedSlots>,
    /// drill is the last one that has ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub drill: Option<DrillStatus>,
    /// nextDrills are the next slots of `spec.drills`; none while the schedule is suspended.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 4))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".into()]))]
    pub next_drills: Vec<NextDrill>,
    /// retention is what becomes of the backups that there are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retention: Option<RetentionStatus>,
    /// drift lists copies that are not what was stored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub drift: Option<Drift>,
}

object_status!(ScheduleStatus, drift);

/// A backup of a slot.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub struct LastBackup {
    /// name of the Backup.
    #[schemars(length(max = 253))]
    pub name: String,
    /// slot that it was made for.
    #[schemars(schema_with = "time")]
    pub slot: Timestamp,
    /// result so far.
    pub result: BackupResult,
}

/// What became of a backup.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub enum BackupResult {
    /// It is being made, or waits.
    Running,
    /// It is stored.
    Complete,
    /// Every attempt failed, or it was cancelled.
    Failed,
    /// Somebody deleted it.
    Deleted,
}

/// A point that the database can be restored to.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub struct RecoveryPoint {
    /// time of the point, by the clock of the database.
    #[schemars(schema_with = "time")]
    pub time: Timestamp,
    /// from is the name of the Backup; `PITR` for the platform's point-in-time recovery and `Daily` for a daily backup of its own, whose times are rounded to the hour.
    #[schemars(length(max = 253))]
    pub from: String,
    /// bytes that are stored for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes: Option<i64>,
}

/// A drill that has ended.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DrillStatus {
    /// name of the Restore.
    #[schemars(length(max = 253))]
    pub name: String,
    /// point that was restored: the time of the backup's snapshot.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "time")]
    pub point: Option<Timestamp>,
    /// recoveryTime from the first request until the last assertion passed, such as `6m12s`; none of a drill that failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 32))]
    pub recovery_time: Option<String>,
    /// predictedRecoveryTime of the newest backup: its size, by the bytes per second of the last five drills that did not fail.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 32))]
    pub predicted_recovery_time: Option<String>,
}

/// The next slot of a drill.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub struct NextDrill {
    /// name of the drill.
    #[schemars(length(max = 63))]
    pub name: String,
    /// time of the slot.
    #[schemars(schema_with = "time")]
    pub time: Timestamp,
}

/// Slots at which nothing could be begun.
#[derive(Clone, Debug, Default, Deserialize, Eq, KubeSchema, PartialEq, Serialize)]
pub struct MissedSlots {
    /// count of them since the object was created.
    pub count: i64,
    /// slots that were missed last, the newest first, at most five.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "times")]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub slots: Vec<Timestamp>,
}

fn times(generator: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "array", "maxItems": 5, "items": time(generator) })
}

/// What becomes of the backups that there are.
#[derive(Clone, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub struct RetentionStatus {
    /// keep is how many backups are kept.
    pub keep: i64,
    /// expiring is how many are being deleted, or wait to be.
    pub expiring: i64,
    /// held is how many are kept because their `spec.hold` is set.
    pub held: i64,
    /// next is the one that expires next, if each slot from now on gets a verified backup.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<ExpiringBackup>,
    /// blocked says why nothing expires.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 400))]
    pub blocked: Option<String>,
}

/// A backup that will expire.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub struct ExpiringBackup {
    /// name of the Backup.
    #[schemars(length(max = 253))]
    pub name: String,
    /// time of the slot whose backup takes its place.
    #[schemars(schema_with = "time")]
    pub time: Timestamp,
}
