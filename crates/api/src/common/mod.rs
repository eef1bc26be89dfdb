//! What all kinds share.

mod conditions;
mod duration;
mod message;
mod names;
mod policies;
pub(crate) mod readable;
pub(crate) mod reasons;
mod references;
mod secret_use;
mod source;
pub(crate) mod status;

pub use conditions::{ConditionType, Conditions};
pub use duration::{Duration, InvalidDuration};
pub use message::{MESSAGE_LIMIT, clipped, message};
pub use names::{
    ANNOTATION_RECONCILE_AT, ANNOTATION_RECONCILE_AT_FLUX, CATEGORY, FINALIZER, GROUP, LABEL_ARCHIVE, LABEL_FUNCTION,
    LABEL_SCHEDULE, LABEL_USE, LABEL_WATCH, VERSION, field_manager,
};
pub use policies::{DeletionPolicy, Mode};
pub use reasons::{
    HasPlatform, HasSecrets, HasSource, ListedReason, Reason, SharedConditionReason, SharedReason, ShownBy,
    UnobservedReason,
};
pub use references::{LocalReference, SecretKeyReference};
pub use secret_use::SecretUse;
pub use source::{SecretFiles, Source, SourceKind};
pub use status::{CommonStatus, Drift, DriftField, HeldOutcome, ObjectStatus};
