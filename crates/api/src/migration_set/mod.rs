//! `MigrationSet`: the ordered migrations of one database. This file is what the user writes; `status` is what the operator
//! answers.

mod drift;
mod reasons;
mod requires;
mod status;

use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Duration, LocalReference, Source};

pub use drift::{DriftRules, IgnoredObjects};
pub use reasons::{MigrationReason, SchemaDriftReason};
pub use requires::{MigrationRequirements, RequiredBackup};
pub use status::{
    HeldMigration, MigrationEvent, MigrationEventType, MigrationSetStatus, MigrationSource, MigrationTarget,
    PendingMigration, PlanStatus, RepeatedFailure, RetriedMigration, SchemaStatus,
};

/// The migrations of one database: where the files come from, what needs an approval, and which schemas are watched.
#[derive(Clone, CustomResource, Debug, Deserialize, KubeSchema, PartialEq, Serialize)]
#[kube(
    group = "ops.mobulace.com",
    version = "v1alpha1",
    kind = "MigrationSet",
    namespaced,
    status = "MigrationSetStatus",
    derive = "PartialEq",
    shortname = "migs",
    category = "ace",
    doc = "MigrationSet is the ordered SQL migrations of a Platform's database. Each file runs exactly once, in a transaction with its row in the Supabase CLI's ledger; dangerous statements wait for an approval; and an out-of-band change of the schema is reported as drift.",
    selectable = ".spec.platformRef.name",
    selectable = ".spec.source.name",
    printcolumn(name = "Head", type_ = "string", json_path = ".status.head"),
    printcolumn(name = "Applied", type_ = "integer", json_path = ".status.applied"),
    printcolumn(name = "Pending", type_ = "integer", json_path = ".status.pending"),
    printcolumn(name = "Mode", type_ = "string", json_path = ".spec.mode", priority = 1),
    printcolumn(name = "Plan", type_ = "string", json_path = ".status.plan.digest", priority = 1),
    printcolumn(
        name = "Platform",
        type_ = "string",
        json_path = ".spec.platformRef.name",
        priority = 1
    )
)]
#[x_kube(
    validation = Rule::new("self.platformRef.name == oldSelf.platformRef.name")
        .message("`platformRef` is immutable: create another MigrationSet for another platform")
        .field_path(".platformRef"),
    validation = Rule::new("self.lockTimeout.matches('^([0-9]{1,5}(h|m|s|ms)){1,4}$') && duration(self.lockTimeout) >= duration('100ms') && duration(self.lockTimeout) <= duration('5m')")
        .message("`lockTimeout` must be between '100ms' and '5m', such as '2s'")
        .field_path(".lockTimeout"),
    validation = Rule::new("self.statementTimeout.matches('^([0-9]{1,5}(h|m|s|ms)){1,4}$') && duration(self.statementTimeout) >= duration('1s') && duration(self.statementTimeout) <= duration('24h')")
        .message("`statementTimeout` must be between '1s' and '24h', such as '15m'")
        .field_path(".statementTimeout")
)]
#[serde(rename_all = "camelCase")]
pub struct MigrationSetSpec {
    /// platformRef names the Platform, in the same namespace; its `spec.database` says how to connect. Immutable.
    pub platform_ref: LocalReference,
    /// source of the files: a tree whose folder `path` has files such as `20260301000000_add_codes.sql`. The digits are the version; versions are ordered as text, as the Supabase CLI orders them.
    pub source: Source,
    /// mode says whether pending migrations are run. An out-of-band change of the schema is reported and never corrected, so there is no `Enforce`.
    #[serde(default)]
    pub mode: MigrationMode,
    /// schemas in which out-of-band changes are detected, one to sixteen.
    #[serde(default = "MigrationSetSpec::default_schemas")]
    #[schemars(length(min = 1, max = 16), inner(length(min = 1, max = 63)))]
    #[x_kube(merge_strategy = ListMerge::Set, validation = Rule::new("!self.exists(s, s.startsWith('pg_') || s in ['information_schema', 'ace_ops', 'supabase_migrations'])").message("`schemas` must not name 'pg_*', 'information_schema', 'supabase_migrations' or 'ace_ops': they are the server's and the operator's own"))]
    pub schemas: Vec<String>,
    /// baseline names the migrations that an existing database already has: they are recorded without being run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub baseline: Option<Baseline>,
    /// policy says what needs an approval and what is refused.
    #[serde(default)]
    pub policy: MigrationPolicy,
    /// requires is what there must be before a plan runs.
    #[serde(default, skip_serializing_if = "MigrationRequirements::is_empty")]
    pub requires: MigrationRequirements,
    /// approvals of plans, at most 64. A plan's digest covers the database and the content of every file in it, apart from line ends, so an approval is valid for exactly these.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["plan".into()]))]
    pub approvals: Vec<Approval>,
    /// acceptedSchema is the digest of a live schema (`status.schema.digest`) to accept as the desired one, which ends its drift. It has an effect only while the live schema has this digest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 128))]
    #[x_kube(validation = Rule::new("self.matches('^sha256:[0-9a-f]{64}$')").message("`acceptedSchema` must be 'sha256:' and 64 lower-case hexadecimal digits, as `status.schema.digest` shows it"))]
    pub accepted_schema: Option<String>,
    /// drift says which out-of-band changes are no drift.
    #[serde(default, skip_serializing_if = "DriftRules::is_empty")]
    pub drift: DriftRules,
    /// lockTimeout limits how long a statement waits for a lock, between `100ms` and `5m`; after that its whole file is rolled back and retried. Other sessions queue behind a waiting statement.
    #[serde(default = "MigrationSetSpec::default_lock_timeout")]
    pub lock_timeout: Duration,
    /// statementTimeout limits how long one statement may run, between `1s` and `24h`.
    #[serde(default = "MigrationSetSpec::default_statement_timeout")]
    pub statement_timeout: Duration,
    /// suspend stops reconciliation: nothing is read from or written to the database.
    #[serde(default)]
    pub suspend: bool,
}

impl MigrationSetSpec {
    fn default_schemas() -> Vec<String> {
        vec!["public".to_owned()]
    }

    fn default_lock_timeout() -> Duration {
        Duration::from_secs(2)
    }

    fn default_statement_timeout() -> Duration {
        Duration::from_secs(15 * 60)
    }
}

/// Whether pending migrations are run.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub enum MigrationMode {
    /// Pending migrations are run; out-of-band changes are reported.
    #[default]
    Apply,
    /// Nothing is ever written to the database: pending migrations and drift are only reported.
    Observe,
}

/// Migrations that are recorded without being run.
#[derive(Clone, Debug, Deserialize, Eq, KubeSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Baseline {
    /// through is the last version that is recorded as applied; all files before it are recorded, too. Until they are, it must be the version of a file. `none`: no file made anything of the schema, and all of them run.
    #[schemars(length(max = 64))]
    #[x_kube(validation = Rule::new("self.matches('^([0-9]+|none)$')").message("`through` must be the digits at the start of a migration's file name, such as '20260204400000', or 'none' if no file made anything of the schema"))]
    pub through: String,
    /// schemaDigest of the live schema before any file runs. Nothing is recorded and nothing runs if the live schema has another one.
    #[schemars(length(max = 128))]
    #[x_kube(validation = Rule::new("self.matches('^sha256:[0-9a-f]{64}$')").message("`schemaDigest` must be 'sha256:' and 64 lower-case hexadecimal digits, as `status.schema.digest` shows it"))]
    pub schema_digest: String,
}

impl Baseline {
    /// The last version that is recorded; `None` if none is.
    pub fn version(&self) -> Option<&str> {
        Some(self.through.as_str()).filter(|through| *through != "none")
    }
}

/// What needs an approval, and what is refused.
#[derive(Clone, Debug, Deserialize, Eq, KubeSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct MigrationPolicy {
    /// approve lists the classes of risk that need an approval; an empty list lets everything run.
    #[serde(default = "MigrationPolicy::default_approve")]
    #[schemars(length(max = 5))]
    #[x_kube(merge_strategy = ListMerge::Set)]
    pub approve: Vec<RiskClass>,
    /// outOfOrder says what happens to a pending migration that is older than the newest applied one.
    #[serde(default)]
    pub out_of_order: OutOfOrder,
    /// whileDrifted says whether migrations run while the live schema differs from the desired one.
    #[serde(default)]
    pub while_drifted: WhileDrifted,
}

impl MigrationPolicy {
    fn default_approve() -> Vec<RiskClass> {
        vec![RiskClass::DataLoss, RiskClass::Exposure, RiskClass::Opaque]
    }
}

impl Default for MigrationPolicy {
    fn default() -> Self {
        Self {
            approve: Self::default_approve(),
            out_of_order: OutOfOrder::default(),
            while_drifted: WhileDrifted::default(),
        }
    }
}

/// What can go wrong with a statement that works.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, JsonSchema, Ord, PartialEq, PartialOrd, Serialize)]
pub enum RiskClass {
    /// Rows or columns are lost: DROP TABLE, DROP COLUMN, TRUNCATE, DELETE; not those of what the same plan made.
    DataLoss,
    /// Data becomes readable or writable for more users: row security off, a table without it, a view, policy, privilege or
    /// role that passes it by.
    Exposure,
    /// Rows are changed: INSERT, UPDATE, MERGE.
    DataChange,
    /// A large table that is in use is locked while it is read or rewritten.
    LongLock,
    /// The effect can't be determined from the text: SQL that is put together while it runs, functions that the plan does not
    /// define, statements that the parser does not know.
    Opaque,
}

impl RiskClass {
    /// The word in specs and statuses.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::DataLoss => "DataLoss",
            Self::Exposure => "Exposure",
            Self::DataChange => "DataChange",
            Self::LongLock => "LongLock",
            Self::Opaque => "Opaque",
        }
    }
}

/// What happens to a pending migration that is older than the newest applied one.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub enum OutOfOrder {
    /// Nothing runs until it has a newer version.
    #[default]
    Refuse,
    /// It runs.
    Apply,
}

/// Whether migrations run while the live schema differs from the desired one.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub enum WhileDrifted {
    /// They run; drift from before the run stays drift.
    #[default]
    Apply,
    /// They wait until the drift is gone or accepted.
    Block,
}

/// One approved plan.
#[derive(Clone, Debug, Deserialize, Eq, KubeSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Approval {
    /// plan is the digest that `status.plan.digest` and `kubectl ace plan` show.
    #[schemars(length(max = 128))]
    #[x_kube(validation = Rule::new("self.matches('^sha256:[0-9a-f]{64}$')").message("`plan` must be 'sha256:' and 64 lower-case hexadecimal digits, as `status.plan.digest` shows it"))]
    pub plan: String,
    /// withoutBackup lets this one plan run without the backup that `requires.backup` asks for.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub without_backup: bool,
    /// reason of the approval for later readers, such as a ticket.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256))]
    pub reason: Option<String>,
}
