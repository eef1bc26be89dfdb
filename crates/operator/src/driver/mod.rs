//! One driver for all kinds: it owns the order of a pass, once.
//!
//! ```text
//! unreadable object? ─▶ finalizer ─▶ observe ─▶ decide ─▶ Do: (record, take its answer) act, learn ─▶ decide …
//!                                                  └─▶ Wait | Refuse | Settled | Release ─▶ status, if it differs ─▶ when to look again
//! ```
//! Events, metrics and deadlines wrap the driver; a kind does not know of them.

mod kind;
mod memory;
mod pass;
mod run;
mod write;

pub use kind::Kind;
pub use memory::Keep;
pub use run::{Tools, Waker, Wakes, run};

/// `namespace/name` of an object.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Key {
    /// Namespace.
    pub namespace: String,
    /// Name.
    pub name: String,
}

impl Key {
    /// The key of an object.
    pub fn of(object: &impl kube::ResourceExt) -> Self {
        Self {
            namespace: object.namespace().unwrap_or_default(),
            name: object.name_any(),
        }
    }
}

impl std::fmt::Display for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}
