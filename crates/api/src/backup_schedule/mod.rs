//! `BackupSchedule`: how one database is kept recoverable. This file is what the user writes; `status` is what the operator answers.

mod reasons;
mod recovery;
mod status;

use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Duration, LocalReference, SecretKeyReference, VerificationLevel};

pub use reasons::{DrilledReason, FreshReason, ScheduleDriftReason, ScheduleReason, VerifiedReason};
pub use recovery::{Drill, RecoveryObjective};
pub use status::{
    BackupResult, DrillStatus, ExpiringBackup, LastBackup, MissedSlots, NextDrill, RecoveryPoint, RetentionStatus,
    ScheduleStatus,
};

/// How one database is kept recoverable: when it is backed up, where to, for whom, how that is verified, and what is kept.
#[allow(clippy::duplicated_attributes, reason = "each column repeats its keys")]
#[derive(Clone, CustomResource, Debug, Deserialize, KubeSchema, PartialEq, Serialize)]
#[kube(
    group = "ops.mobulace.com",
    version = "v1alpha1",
    kind = "BackupSchedule",
    namespaced,
    status = "ScheduleStatus",
    derive = "PartialEq",
    shortname = "bks",
    category = "ace",
    doc = "BackupSchedule is how one database is kept recoverable: when it is backed up, where to, for whom it is encrypted, how each backup is verified, and which ones are kept. Its status says how old the newest point is, whether that was verified, and whether the objective can be met at all. Deleting it deletes no Backup.",
    selectable = ".spec.platformRef.name",
    printcolumn(name = "Schedule", type_ = "string", json_path = ".spec.schedule"),
    printcolumn(name = "Last", type_ = "date", json_path = ".status.newestPoint.time"),
    printcolumn(name = "Size", type_ = "integer", json_path = ".status.newestPoint.bytes"),
    printcolumn(
        name = "Fresh",
        type_ = "string",
        json_path = ".status.conditions[?(@.type==\"Fresh\")].status"
    ),
    printcolumn(
        name = "Verified",
        type_ = "string",
        json_path = ".status.conditions[?(@.type==\"Verified\")].status"
    ),
    printcolumn(
        name = "Drilled",
        type_ = "string",
        json_path = ".status.conditions[?(@.type==\"Drilled\")].status"
    ),
    printcolumn(name = "Next", type_ = "string", json_path = ".status.nextTime", priority = 1),
    printcolumn(name = "Missed", type_ = "integer", json_path = ".status.missed.count", priority = 1),
    printcolumn(
        name = "Platform",
        type_ = "string",
        json_path = ".spec.platformRef.name",
        priority = 1
    )
)]
#[x_kube(
    validation = Rule::new("self.platformRef.name == oldSelf.platformRef.name")
        .message("`platformRef` is immutable: create another BackupSchedule for another platform")
        .field_path(".platformRef"),
    validation = Rule::new("!self.schedule.contains('=')")
        .message("`schedule` must not hold a time zone: write that into `timeZone`, such as 'Europe/Berlin'")
        .field_path(".schedule"),
    validation = Rule::new("self.schedule.contains('=') || self.schedule.startsWith('@') || self.schedule.split(' ').filter(field, field != '').size() == 5")
        .message("`schedule` must have five fields (minute, hour, day of the month, month, day of the week), such as '0 2 * * *', or be a name such as '@daily'")
        .field_path(".schedule"),
    validation = Rule::new("self.jitter.matches('^([0-9]{1,5}(h|m|s|ms)){1,4}$') && duration(self.jitter) <= duration('24h')")
        .message("`jitter` must be at most '24h', such as '10m'")
        .field_path(".jitter"),
    validation = Rule::new("self.deadline.matches('^([0-9]{1,5}(h|m|s|ms)){1,4}$') && duration(self.deadline) >= duration('1m') && duration(self.deadline) <= duration('24h')")
        .message("`deadline` must be between '1m' and '24h', such as '2h'")
        .field_path(".deadline"),
    validation = Rule::new("self.destinations.all(one, self.destinations.exists_one(other, other.name == one.name))")
        .message("`destinations` must not name one BackupDestination twice: a second copy needs another one")
        .field_path(".destinations"),
    validation = Rule::new("!has(self.drills) || self.drills.size() == 0 || has(self.encryption.identitySecretRef)")
        .message("`drills` need the identity that opens the archives: name it in `encryption.identitySecretRef`")
        .field_path(".drills"),
    validation = Rule::new("!has(self.drills) || self.drills.all(one, !has(one.assertions) || one.assertions.all(asked, self.drills.exists_one(other, has(other.assertions) && other.assertions.exists(same, same.name == asked.name))))")
        .message("`drills` must not name two assertions alike: drills that are due at one minute are one Restore, which has the assertions of all")
        .field_path(".drills")
)]
#[serde(rename_all = "camelCase")]
pub struct BackupScheduleSpec {
    /// platformRef names the Platform, in the same namespace; its `spec.database` says what is backed up. Immutable.
    pub platform_ref: LocalReference,
    /// schedule of the backups: five fields as cron has them (minute, hour, day of the month, month, day of the week), or `@hourly`, `@daily`, `@weekly`, `@monthly` or `@yearly`. `L` is the last day of a month and `SUN#1` its first Sunday. A time of the day that the clock skips is made up for right behind the gap, and one that it shows twice counts once.
    #[schemars(length(min = 1, max = 64))]
    pub schedule: String,
    /// timeZone of the schedule, and of the days that `retention` counts: a name of the IANA database. Zones are built in.
    #[serde(default = "BackupScheduleSpec::default_time_zone")]
    #[schemars(length(max = 64))]
    #[x_kube(validation = Rule::new("self.matches('^[A-Za-z][A-Za-z0-9+_/-]*$')").message("`timeZone` must be a name of the IANA database, such as 'Europe/Berlin'"))]
    pub time_zone: String,
    /// jitter is how much later a backup or a drill may begin, so that those of many schedules do not begin together: always the same for one object, and never more than half the time until the next slot.
    #[serde(default = "BackupScheduleSpec::default_jitter")]
    pub jitter: Duration,
    /// catchUp says what becomes of slots that were missed, of backups and of drills.
    #[serde(default)]
    pub catch_up: CatchUp,
    /// immediate makes a first backup when the object is new, besides those at its slots.
    #[serde(default)]
    pub immediate: bool,
    /// deadline of each attempt, between `1m` and `24h`.
    #[serde(default = "BackupScheduleSpec::default_deadline")]
    pub deadline: Duration,
    /// attempts of a backup before it has failed, one to five. Each dumps a new snapshot.
    #[serde(default = "BackupScheduleSpec::default_attempts")]
    #[schemars(range(min = 1, max = 5))]
    pub attempts: i32,
    /// destinations of each backup, one to five. The first that answers takes the stream, and the others get a copy.
    #[schemars(length(min = 1, max = 5))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub destinations: Vec<ScheduleDestination>,
    /// encryption of the archives. There is none without.
    pub encryption: BackupEncryption,
    /// scope is what of the database is left out, and what must be in it.
    #[serde(default, skip_serializing_if = "BackupScope::is_empty")]
    pub scope: BackupScope,
    /// proof that is written into the manifest of each backup.
    #[serde(default)]
    pub proof: BackupProof,
    /// verify says how much each backup is verified once it is stored.
    #[serde(default)]
    pub verify: VerifyLevel,
    /// drills restore the newest complete backup into the scratch server of the Platform, at times of their own; at most four. Each is a Restore named `<schedule>-drill-<minute of the slot in UTC>`, which goes with the schedule; those that are due at one minute are one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 4))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".into()]))]
    pub drills: Vec<Drill>,
    /// objective says how much may be lost, and how long it may take to have the rest back.
    pub objective: RecoveryObjective,
    /// retention says which backups are kept. Ages count from the newest verified backup, and not from now: while none succeeds, none expires.
    #[serde(default)]
    pub retention: Retention,
    /// failedLimit is how many failed Backups are kept, for their messages, and how many drills that have ended.
    #[serde(default = "BackupScheduleSpec::default_failed_limit")]
    #[schemars(range(min = 1, max = 50))]
    pub failed_limit: i32,
    /// suspend starts no backup and no drill, and lets none expire. What the database could be restored to goes on growing old, and `Fresh` with it.
    #[serde(default)]
    pub suspend: bool,
}

impl BackupScheduleSpec {
    fn default_time_zone() -> String {
        "Etc/UTC".to_owned()
    }

    fn default_jitter() -> Duration {
        Duration::from_secs(0)
    }

    fn default_deadline() -> Duration {
        Duration::from_secs(2 * 3_600)
    }

    fn default_attempts() -> i32 {
        3
    }

    fn default_failed_limit() -> i32 {
        5
    }
}

/// What becomes of slots that were missed.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub enum CatchUp {
    /// One backup makes up for all of them.
    #[default]
    Once,
    /// The next backup is made at the next slot.
    Never,
}

/// Where backups are stored.
#[derive(Clone, Debug, Deserialize, Eq, KubeSchema, PartialEq, Serialize)]
pub struct ScheduleDestination {
    /// name of the BackupDestination, in the same namespace.
    #[schemars(length(max = 253))]
    #[x_kube(validation = Rule::new("self.matches('^[a-z0-9]([-.a-z0-9]*[a-z0-9])?$')").message("`name` must be an object's name: lower-case letters, digits, '-' and '.', such as 'primary'"))]
    pub name: String,
    /// required: a backup is not complete without its copy here.
    #[serde(default = "ScheduleDestination::default_required")]
    pub required: bool,
}

impl ScheduleDestination {
    fn default_required() -> bool {
        true
    }
}

/// For whom archives are encrypted, with age (<https://age-encryption.org>).
#[derive(Clone, Debug, Deserialize, Eq, KubeSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct BackupEncryption {
    /// recipients are public keys, one to eight. Any one of their identities opens an archive: let one of them lie where the cluster's loss can't reach it.
    #[schemars(length(min = 1, max = 8), inner(length(max = 128)))]
    #[x_kube(
        merge_strategy = ListMerge::Set,
        validation = Rule::new("!self.exists(key, key.matches('(?i)secret'))").message("`recipients` must not hold a secret key: write the public key that `age-keygen -y` prints for it, which begins with 'age1', and replace the secret key, which others may have read by now"),
        validation = Rule::new("self.exists(key, key.matches('(?i)secret')) || self.all(key, key.matches('^age1[02-9ac-hj-np-z]{58}$'))").message("`recipients` must be age's public keys: 'age1' and 58 letters and digits, as `age-keygen` prints them")
    )]
    pub recipients: Vec<String>,
    /// identitySecretRef names the identity that opens the archives; it needs to be one of the recipients'. Without it nothing above `Bytes` can be verified. The Secret must offer `backup-key` in its label `ops.mobulace.com/use`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identity_secret_ref: Option<SecretKeyReference>,
}

/// What of the database is left out, and what must be in it.
#[derive(Clone, Debug, Default, Deserialize, Eq, KubeSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct BackupScope {
    /// excludeSchemas are left out, besides the platform's own.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64), inner(length(min = 1, max = 63)))]
    #[x_kube(merge_strategy = ListMerge::Set)]
    pub exclude_schemas: Vec<String>,
    /// excludeData are tables whose definition is kept and whose rows are not, as `schema.table`. The manifest names them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64), inner(length(max = 127)))]
    #[x_kube(merge_strategy = ListMerge::Set, validation = Rule::new("self.all(table, table.matches('^[^.]+[.].+$'))").message("`excludeData` must name tables with their schemas, such as 'public.page_views'"))]
    pub exclude_data: Vec<String>,
    /// require are tables without which a backup is none, at most 64.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["table".into()]))]
    pub require: Vec<RequiredTable>,
}

impl BackupScope {
    fn is_empty(&self) -> bool {
        self == &Self::default()
    }
}

/// A table without which a backup is none.
#[derive(Clone, Debug, Deserialize, Eq, KubeSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RequiredTable {
    /// table with its schema, exactly as the database has it.
    #[schemars(length(max = 127))]
    #[x_kube(validation = Rule::new("self.matches('^[^.]+[.].+$')").message("`table` must name a table with its schema, such as 'public.recipients'"))]
    pub table: String,
    /// minRows that the table must have.
    #[serde(default = "RequiredTable::default_min_rows")]
    #[schemars(range(min = 0, max = 1_000_000_000_000_i64))]
    pub min_rows: i64,
    /// maxDropPercent is how many rows in a hundred fewer than in the backup before there may be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 100))]
    pub max_drop_percent: Option<i32>,
}

impl RequiredTable {
    fn default_min_rows() -> i64 {
        1
    }
}

/// What a manifest says of the rows.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub enum BackupProof {
    /// How many each table has, and a hash of them: whoever restores an archive can tell that each row is there and the same.
    #[default]
    Rows,
    /// How many each table has.
    Counts,
}

/// How much each backup is verified.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub enum VerifyLevel {
    /// What is stored is read to its end.
    Bytes,
    /// `pg_restore` reads the archive to its end, and finds just the tables that were proved.
    #[default]
    Archive,
    /// It is restored into the scratch server of the Platform, and each table has the rows of the source.
    Content,
}

impl VerifyLevel {
    /// The level that a backup has to pass.
    pub fn level(self) -> VerificationLevel {
        match self {
            Self::Bytes => VerificationLevel::Bytes,
            Self::Archive => VerificationLevel::Archive,
            Self::Content => VerificationLevel::Content,
        }
    }
}

/// Which backups are kept. Each of these keeps its own, and what none of them keeps expires.
#[derive(Clone, Debug, Deserialize, Eq, KubeSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Retention {
    /// last is how many of the newest backups are kept.
    #[serde(default = "Retention::default_last")]
    #[schemars(range(min = 1, max = 1000))]
    pub last: i32,
    /// daily is for how many days one backup each is kept. Days, weeks, months and years without a verified backup do not count.
    #[serde(default = "Retention::default_daily")]
    #[schemars(range(min = 0, max = 1000))]
    pub daily: i32,
    /// weekly is for how many weeks, from Monday on, one backup each is kept.
    #[serde(default = "Retention::default_weekly")]
    #[schemars(range(min = 0, max = 1000))]
    pub weekly: i32,
    /// monthly is for how many months one backup each is kept.
    #[serde(default = "Retention::default_monthly")]
    #[schemars(range(min = 0, max = 1000))]
    pub monthly: i32,
    /// yearly is for how many years one backup each is kept.
    #[serde(default = "Retention::default_yearly")]
    #[schemars(range(min = 0, max = 100))]
    pub yearly: i32,
    /// preMigrationDays is how many days older than the newest verified backup those of class `PreMigration` may be.
    #[serde(default = "Retention::default_pre_migration_days")]
    #[schemars(range(min = 1, max = 3660))]
    pub pre_migration_days: i32,
    /// minVerified is how many verified backups are kept, whatever their age.
    #[serde(default = "Retention::default_min_verified")]
    #[schemars(range(min = 1, max = 1000))]
    pub min_verified: i32,
}

impl Retention {
    fn default_last() -> i32 {
        3
    }

    fn default_daily() -> i32 {
        7
    }

    fn default_weekly() -> i32 {
        13
    }

    fn default_monthly() -> i32 {
        12
    }

    fn default_yearly() -> i32 {
        7
    }

    fn default_pre_migration_days() -> i32 {
        30
    }

    fn default_min_verified() -> i32 {
        2
    }
}

impl Default for Retention {
    fn default() -> Self {
        Self {
            last: Self::default_last(),
            daily: Self::default_daily(),
            weekly: Self::default_weekly(),
            monthly: Self::default_monthly(),
            yearly: Self::default_yearly(),
            pre_migration_days: Self::default_pre_migration_days(),
            min_verified: Self::default_min_verified(),
        }
    }
}
