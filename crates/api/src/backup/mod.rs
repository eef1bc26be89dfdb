//! `Backup`: one backup of a Platform's database. This file is what the user writes; `status` is what the operator answers.

mod reasons;
mod status;

use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{DeletionPolicy, LocalReference};

pub use reasons::{BackupDriftReason, BackupReason};
pub use status::{
    Archive, BackupCopy, BackupProgress, BackupRun, BackupStatus, BackupStep, CopyState, Snapshot, Verification,
    VerificationLevel,
};

/// One backup. Exactly one of `scheduleRef` and `import`.
#[allow(clippy::duplicated_attributes, reason = "each column repeats its keys")]
#[derive(Clone, CustomResource, Debug, Deserialize, KubeSchema, PartialEq, Serialize)]
#[kube(
    group = "ops.mobulace.com",
    version = "v1alpha1",
    kind = "Backup",
    namespaced,
    status = "BackupStatus",
    derive = "PartialEq",
    shortname = "bk",
    category = "ace",
    doc = "Backup is one backup of a Platform's database: made once, as its BackupSchedule says, stored in each of the schedule's BackupDestinations, and verified there. It is made by a schedule or by a person, or stands for a backup that is in a store already.",
    printcolumn(name = "Class", type_ = "string", json_path = ".spec.class"),
    printcolumn(name = "Point", type_ = "date", json_path = ".status.snapshot.time"),
    printcolumn(name = "Size", type_ = "integer", json_path = ".status.archive.bytes"),
    printcolumn(name = "Copies", type_ = "string", json_path = ".status.copiesComplete"),
    printcolumn(name = "Verified", type_ = "string", json_path = ".status.verified[0].level"),
    printcolumn(name = "Held", type_ = "string", json_path = ".spec.hold"),
    printcolumn(
        name = "Schedule",
        type_ = "string",
        json_path = ".spec.scheduleRef.name",
        priority = 1
    ),
    printcolumn(name = "Attempt", type_ = "integer", json_path = ".status.run.attempt", priority = 1)
)]
#[x_kube(
    validation = Rule::new("has(self.scheduleRef) != has(self.__import__)")
        .message("exactly one of `scheduleRef` and `import` must be set: a backup is made as a BackupSchedule says, or is in a store already"),
    validation = Rule::new("has(self.scheduleRef) == has(oldSelf.scheduleRef) && (!has(self.scheduleRef) || self.scheduleRef.name == oldSelf.scheduleRef.name) && has(self.__import__) == has(oldSelf.__import__) && (!has(self.__import__) || self.__import__.manifest == oldSelf.__import__.manifest && self.__import__.destination.name == oldSelf.__import__.destination.name) && self.class == oldSelf.class && self.reason == oldSelf.reason")
        .message("a Backup is immutable but for `hold`, `cancel` and `deletionPolicy`: create another Backup"),
    validation = Rule::new("self.cancel || !oldSelf.cancel")
        .message("`cancel` can't be taken back: create another Backup")
        .field_path(".cancel")
)]
#[serde(rename_all = "camelCase")]
pub struct BackupSpec {
    /// scheduleRef names the BackupSchedule that says what is backed up, where to and for whom, as it is when the backup begins. Immutable.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schedule_ref: Option<LocalReference>,
    /// import names a backup that is in a store already: nothing is backed up, and no retention deletes it. Immutable.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub import: Option<ImportedBackup>,
    /// class says what the backup is for. Immutable.
    #[serde(default)]
    pub class: BackupClass,
    /// reason in words, for people. Immutable.
    #[serde(default)]
    #[schemars(length(max = 256))]
    pub reason: String,
    /// hold says why the backup must be kept, such as an incident's name: while it is set, the backup does not expire, and is not deleted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 128))]
    pub hold: Option<String>,
    /// cancel ends a backup that is not complete. It can't be taken back.
    #[serde(default)]
    pub cancel: bool,
    /// deletionPolicy says what happens to the stored data when this object is deleted. With `Delete` its manifest is renamed at once, and the data goes 72 h later.
    #[serde(default)]
    pub deletion_policy: DeletionPolicy,
}

/// A backup that is in a store already.
#[derive(Clone, Debug, Deserialize, Eq, KubeSchema, PartialEq, Serialize)]
pub struct ImportedBackup {
    /// destination names the BackupDestination where it is.
    pub destination: LocalReference,
    /// manifest is the path of its manifest below the destination's prefix.
    #[schemars(length(max = 512))]
    #[x_kube(validation = Rule::new("self.matches('^[^/]+(/[^/]+)*/manifest\\\\.json$') && !self.contains('..')").message("`manifest` must be the path of a manifest below the destination's prefix, such as 'nightly/2026/11/23/20261123T010003Z-5e0c71aa-7c1e/manifest.json'"))]
    pub manifest: String,
}

impl BackupClass {
    /// The class of this name.
    pub fn named(name: &str) -> Option<Self> {
        serde_json::from_value(name.into()).ok()
    }
}

/// What a backup is for.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, Hash, JsonSchema, PartialEq, Serialize)]
pub enum BackupClass {
    /// A slot of its schedule.
    Scheduled,
    /// A person asked for it.
    #[default]
    Manual,
    /// A MigrationSet waits for it.
    PreMigration,
    /// Something went wrong, and what is there is to be kept.
    Incident,
}
