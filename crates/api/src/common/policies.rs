//! What the operator may do on its own.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What the operator may do when the live thing differs from the wish.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub enum Mode {
    /// A changed wish is rolled out; a change made behind the operator's back is reported, then corrected.
    #[default]
    Enforce,
    /// A changed wish is rolled out; a change made behind the operator's back is only reported.
    Apply,
    /// Nothing is ever written to the platform: differences are only reported.
    Observe,
}

/// What happens to the live thing when the object is deleted.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub enum DeletionPolicy {
    /// It stays as it is.
    #[default]
    Retain,
    /// It is deleted, if it still is what this object made it.
    Delete,
}
