//! What the operator may do on its own.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What the operator may do when the live resource differs from the desired state.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub enum Mode {
    /// A change of the spec or source is rolled out; an out-of-band change is reported, then corrected.
    #[default]
    Enforce,
    /// A change of the spec or source is rolled out; an out-of-band change is only reported.
    Apply,
    /// Nothing is ever written to the platform: differences are only reported.
    Observe,
}

/// What happens to the live resource when the object is deleted.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub enum DeletionPolicy {
    /// It stays as it is.
    #[default]
    Retain,
    /// It is deleted, unless it was changed out of band.
    Delete,
}
