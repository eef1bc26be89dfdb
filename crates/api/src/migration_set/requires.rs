//! What there must be before migrations run.

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::RiskClass;
use crate::{Duration, VerifyLevel};

/// What there must be before a plan runs.
#[derive(Clone, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub struct MigrationRequirements {
    /// backup that must have been made before a plan runs that can lose data. Without it, none is asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backup: Option<RequiredBackup>,
}

impl MigrationRequirements {
    pub(super) fn is_empty(&self) -> bool {
        self.backup.is_none()
    }
}

/// A backup of this very database that is taken after its last applied migration. Where there is none, one is made, of class
/// `PreMigration`.
#[derive(Clone, Debug, Deserialize, Eq, KubeSchema, PartialEq, Serialize)]
#[x_kube(
    validation = Rule::new("self.maxAge.matches('^([0-9]{1,5}(h|m|s|ms)){1,4}$') && duration(self.maxAge) >= duration('1m') && duration(self.maxAge) <= duration('720h')")
        .message("`maxAge` must be between '1m' and '720h', such as '1h'")
        .field_path(".maxAge")
)]
#[serde(rename_all = "camelCase")]
pub struct RequiredBackup {
    /// schedule names the BackupSchedule whose backups count, in the same namespace; it must be one of the same Platform.
    #[schemars(length(max = 253))]
    #[x_kube(validation = Rule::new("self.matches('^[a-z0-9]([-.a-z0-9]*[a-z0-9])?$')").message("`schedule` must be an object's name: lower-case letters, digits, '-' and '.', such as 'nightly'"))]
    pub schedule: String,
    /// maxAge is how old the backup's snapshot may be when the first file runs, by the clock of the database's server.
    #[serde(default = "RequiredBackup::default_max_age")]
    pub max_age: Duration,
    /// verified is the level that the backup must have passed; the schedule's `verify` must reach it.
    #[serde(default)]
    pub verified: VerifyLevel,
    /// for lists the classes of risk for which the backup is needed: a plan without any of them needs none.
    #[serde(rename = "for", default = "RequiredBackup::default_for")]
    #[schemars(length(min = 1, max = 5))]
    #[x_kube(merge_strategy = ListMerge::Set)]
    pub classes: Vec<RiskClass>,
}

impl RequiredBackup {
    fn default_max_age() -> Duration {
        Duration::from_secs(3_600)
    }

    fn default_for() -> Vec<RiskClass> {
        vec![RiskClass::DataLoss, RiskClass::DataChange, RiskClass::Opaque]
    }
}
