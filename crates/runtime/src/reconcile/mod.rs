//! Carries out the passes of all kinds: `ace_domain::reconcile::pass` hands out the effects, and this makes them.
//!
//! Events, metrics and deadlines are here, once; a kind does not know of them.

mod controller;
mod object_states;
mod pass;
mod queue;
mod status_writer;

#[cfg(test)]
mod tests;

pub use controller::{Controller, Object};
pub use object_states::ObjectStates;
pub use queue::{Tools, Waker, Wakes, run};

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
