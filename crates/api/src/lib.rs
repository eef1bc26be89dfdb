//! The contract: what a team writes, what the operator answers, and the words both use.
//!
//! Nothing in here does I/O, reads a clock or decides anything. The custom resource definitions that [`crds`] makes from
//! these types are what the API server enforces; `cargo xtask` writes them to `crds/`.

mod condition;
mod crd;
mod duration;
mod edge_function;
mod migration_set;
mod names;
mod platform;
mod reason;
mod shared;

pub use condition::{ConditionType, Conditions};
pub use crd::crds;
pub use duration::{Duration, InvalidDuration};
pub use edge_function::{
    AdoptionPolicy, Applied, Check, CheckAuth, CheckMethod, EdgeFunction, EdgeFunctionSpec, EdgeFunctionStatus,
    FunctionEvent, FunctionEventType, Held, Intent, IntentType, Live, MigrationRequirement, Proven, Requires, Rollback,
    SecretRequirement, Source, SourceKind, Stamp, Wanted,
};
pub use migration_set::{
    Approval, Baseline, HeldMigration, MigrationEvent, MigrationEventType, MigrationMode, MigrationPolicy,
    MigrationSet, MigrationSetSpec, MigrationSetStatus, MigrationSource, MigrationTarget, OutOfOrder, PendingMigration,
    PlanStatus, RiskClass, SchemaStatus, WhileDrifted,
};
pub use names::{
    ANNOTATION_RECONCILE_AT, ANNOTATION_RECONCILE_AT_FLUX, CATEGORY, FINALIZER, GROUP, LABEL_ARCHIVE, LABEL_FUNCTION,
    LABEL_WATCH, VERSION, field_manager,
};
pub use platform::{
    ApiEndpoint, Database, DatabaseStatus, DatabaseTls, FunctionCount, Platform, PlatformSpec, PlatformStatus,
    ProjectStatus,
};
pub use reason::{DriftReason, FunctionReason, MigrationReason, PlatformReason, Reason, SchemaDriftReason, ShownBy};
pub use shared::{
    DeletionPolicy, Drift, DriftField, LocalReference, MESSAGE_LIMIT, Mode, SecretKeyReference, clipped, message,
};
