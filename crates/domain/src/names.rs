//! Names that objects carry.

use ace_api::{ANNOTATION_RECONCILE_AT, ANNOTATION_RECONCILE_AT_FLUX};
use kube::ResourceExt;

/// Value of the annotation that asks for a look now: ours, else Flux's; cut to 256 bytes.
pub fn reconcile_at(object: &impl ResourceExt) -> Option<String> {
    let annotations = object.annotations();
    let value = annotations
        .get(ANNOTATION_RECONCILE_AT)
        .or_else(|| annotations.get(ANNOTATION_RECONCILE_AT_FLUX))?;
    Some(value[..value.floor_char_boundary(256)].to_owned())
}
