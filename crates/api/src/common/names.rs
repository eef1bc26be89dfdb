//! Names under our domain.

/// API group of every kind.
pub const GROUP: &str = "ops.mobulace.com";
/// The served version.
pub const VERSION: &str = "v1alpha1";
/// `kubectl get ace` shows every kind.
pub const CATEGORY: &str = "ace";
/// On an object only while its deletion policy is `Delete`.
pub const FINALIZER: &str = "ops.mobulace.com/cleanup";
/// A changed value asks for a reconcile now.
pub const ANNOTATION_RECONCILE_AT: &str = "ops.mobulace.com/reconcile-at";
/// Flux's name for the same request (`flux reconcile`, Argo CD actions).
pub const ANNOTATION_RECONCILE_AT_FLUX: &str = "reconcile.fluxcd.io/requestedAt";
/// A ConfigMap with this label set to `true` is watched: a change in place is noticed at once.
pub const LABEL_WATCH: &str = "ops.mobulace.com/watch";
/// On a Secret: what it may be used for, as the words of [`SecretUse`](crate::SecretUse) joined by `.`.
pub const LABEL_USE: &str = "ops.mobulace.com/use";
/// On an archive: `Proven` or `Foreign`.
pub const LABEL_ARCHIVE: &str = "ops.mobulace.com/archive";
/// On an archive: the name of the EdgeFunction that it belongs to.
pub const LABEL_FUNCTION: &str = "ops.mobulace.com/function";
/// On a Backup that was made for a slot: the name of its BackupSchedule.
pub const LABEL_SCHEDULE: &str = "ops.mobulace.com/schedule";

/// Field manager of one kind's controller, e.g. `ace-operator/edgefunction`.
pub fn field_manager(kind: &str) -> String {
    format!("ace-operator/{}", kind.to_lowercase())
}
