//! An outcome that stays shown until the spec, `reconcile-at` or what it is about changes.

use ace_api::{HeldOutcome, Reason, message};
use kube::ResourceExt;

use super::{annotations::reconcile_at, decision::Cause};

/// Holds this outcome for the object as it is.
pub(crate) fn hold(object: &impl ResourceExt, reason: impl Reason, text: &str) -> HeldOutcome {
    HeldOutcome {
        reason: reason.as_str().to_owned(),
        message: message(text),
        generation: object.meta().generation.unwrap_or_default(),
        reconcile_at: reconcile_at(object),
    }
}

/// Neither spec nor `reconcile-at` changed since.
pub(crate) fn is_unchanged_since(outcome: &HeldOutcome, object: &impl ResourceExt) -> bool {
    outcome.generation == object.meta().generation.unwrap_or_default() && outcome.reconcile_at == reconcile_at(object)
}

pub(crate) fn is<R: Reason>(outcome: &HeldOutcome, reason: R) -> bool {
    outcome.reason == reason.as_str()
}

/// What a condition shows of it. `unknown`: the reason where another version of the operator has written one that this one does
/// not know.
pub(crate) fn cause<R: Reason>(outcome: &HeldOutcome, unknown: R) -> Cause<R> {
    Cause::new(R::named(&outcome.reason).unwrap_or(unknown), outcome.message.clone())
}
