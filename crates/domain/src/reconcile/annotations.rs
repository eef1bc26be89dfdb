//! What objects carry beside their spec.

use ace_api::{ANNOTATION_RECONCILE_AT, ANNOTATION_RECONCILE_AT_FLUX};
use kube::ResourceExt;

/// Value of the annotation that asks for a look now: ours, else Flux's; cut to 256 bytes.
pub fn reconcile_at(object: &impl ResourceExt) -> Option<String> {
    let annotations = object.annotations();
    let value = annotations
        .get(ANNOTATION_RECONCILE_AT)
        .or_else(|| annotations.get(ANNOTATION_RECONCILE_AT_FLUX))?;
    Some(noted(value))
}

/// The value of an annotation as it is noted in a status: at most 256 bytes of it.
pub fn noted(value: &str) -> String {
    value
        .get(..value.floor_char_boundary(256))
        .unwrap_or_default()
        .to_owned()
}

/// A look is asked for that was not made yet. `handled`: the value of the annotation that was acted upon last.
pub fn is_reconcile_requested(object: &impl ResourceExt, handled: Option<&String>) -> bool {
    reconcile_at(object).is_some_and(|asked| Some(&asked) != handled)
}

/// The object is being deleted.
pub fn is_leaving(object: &impl ResourceExt) -> bool {
    object.meta().deletion_timestamp.is_some()
}
