//! The contract: what a team writes, what the operator answers, and the words both use.
//!
//! Nothing in here does I/O, reads a clock or decides anything. The custom resource definitions that [`crds`] makes from
//! these types are what the API server enforces; `cargo xtask` writes them to `crds/`.

#![warn(missing_docs)]
#![cfg_attr(not(test), deny(clippy::string_slice, clippy::indexing_slicing))]

mod alert_rule;
mod backup;
mod backup_destination;
mod backup_schedule;
mod bounds;
mod common;
mod crd;
mod edge_function;
mod migration_set;
mod notification_channel;
mod platform;
mod registry;
mod restore;
mod silence;
#[cfg(any(test, feature = "testing"))]
#[allow(clippy::indexing_slicing, reason = "a test may panic")]
pub mod testing;

pub use alert_rule::{
    ANNOTATION_ACKNOWLEDGE, Acknowledgement, Alert, AlertCondition, AlertEvent, AlertEventType, AlertLevel,
    AlertLevels, AlertOperator, AlertRule, AlertRuleReason, AlertRuleSpec, AlertRuleStatus, AlertSource, AlertState,
    ErrorAction, ErrorPolicy, FiringReason, NoDataAction, NoDataPolicy, ObjectTrouble, Probe, Severity, Signal,
    SignalMatch, SignalName, SqlSource,
};
pub use backup::{
    Archive, Backup, BackupClass, BackupCopy, BackupDriftReason, BackupProgress, BackupReason, BackupRun, BackupSpec,
    BackupStatus, BackupStep, CopyState, ImportedBackup, Snapshot, Verification, VerificationLevel,
};
pub use backup_destination::{
    AzureStore, BackupDestination, BackupDestinationSpec, Catalogue, DestinationDriftReason, DestinationReason,
    DestinationStatus, GcsStore, LocalStore, S3Store, StoreCapabilities, StoredBackups,
};
pub use backup_schedule::{
    BackupEncryption, BackupProof, BackupResult, BackupSchedule, BackupScheduleSpec, BackupScope, CatchUp, Drill,
    DrillStatus, DrilledReason, ExpiringBackup, FreshReason, LastBackup, MissedSlots, NextDrill, RecoveryObjective,
    RecoveryPoint, RequiredTable, Retention, RetentionStatus, ScheduleDestination, ScheduleDriftReason, ScheduleReason,
    ScheduleStatus, VerifiedReason, VerifyLevel,
};
pub use bounds::within_bounds;
pub use common::{
    ANNOTATION_RECONCILE_AT, ANNOTATION_RECONCILE_AT_FLUX, CATEGORY, CommonStatus, ConditionType, Conditions,
    DeletionPolicy, Drift, DriftField, Duration, FINALIZER, GROUP, HasPlatform, HasSecrets, HasSource, HeldOutcome,
    InvalidDuration, LABEL_ARCHIVE, LABEL_FUNCTION, LABEL_SCHEDULE, LABEL_USE, LABEL_WATCH, ListedReason,
    LocalReference, MESSAGE_LIMIT, Mode, ObjectStatus, Reason, SecretFiles, SecretKeyReference, SecretUse,
    SharedConditionReason, SharedReason, ShownBy, Source, SourceKind, UnobservedReason, VERSION, clipped,
    field_manager, message,
};
pub use crd::crds;
pub use edge_function::{
    AdoptionPolicy, Applied, Check, CheckAuth, CheckMethod, DriftReason, EdgeFunction, EdgeFunctionSpec,
    EdgeFunctionStatus, FunctionEvent, FunctionEventType, FunctionReason, Held, Intent, IntentType, Live,
    MigrationRequirement, Proven, Requires, Rollback, SecretRequirement, Stamp, Wanted,
};
pub use migration_set::{
    Approval, Baseline, DriftRules, HeldMigration, IgnoredObjects, MigrationEvent, MigrationEventType, MigrationMode,
    MigrationPolicy, MigrationReason, MigrationRequirements, MigrationSet, MigrationSetSpec, MigrationSetStatus,
    MigrationSource, MigrationTarget, OutOfOrder, PendingMigration, PlanStatus, RepeatedFailure, RequiredBackup,
    RetriedMigration, RiskClass, SchemaDriftReason, SchemaStatus, WhileDrifted,
};
pub use notification_channel::{
    ANNOTATION_TEST_AT, AlertGroup, ChannelReason, ChannelStatus, ChannelType, Delivery, DeliveryIntent,
    DeliveryResult, DeliveryType, Email, EmailTls, HandledGroup, NotificationChannel, NotificationChannelSpec,
    PagerDuty, PlatformTable, RefusedNews, Slack, TestDelivery, ToldNews, Unless, Webhook,
};
pub use platform::{
    ApiEndpoint, Contact, DailyBackups, Database, DatabaseStatus, DatabaseTls, FunctionCount, Platform, PlatformReason,
    PlatformRecovery, PlatformSpec, PlatformStatus, ProjectStatus, Reader, RecoveryWindow, Scratch,
};
pub use registry::{
    CARRIERS, COMMON_RIGHTS, Carrier, Grant, KINDS, KindEntry, LEASE_RIGHT, Process, Reference, Right, Scope, Target,
    grants, with_article,
};
pub use restore::{
    Assertion, AssertionResult, LatestBackup, Restore, RestorePoint, RestoreReason, RestoreRun, RestoreSource,
    RestoreSpec, RestoreStatus, RestoreStep, RestoreStepName, RestoreTarget,
};
pub use silence::{Silence, SilenceMatch, SilenceReason, SilenceSchedule, SilenceSpec, SilenceState, SilenceStatus};
