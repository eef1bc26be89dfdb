//! How objects are named across namespaces.

use std::fmt;

use ace_api::{Source, SourceKind};
use kube::ResourceExt;

/// `namespace/name` of an object.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Key {
    pub namespace: String,
    pub name: String,
}

impl Key {
    /// The key of an object.
    pub fn of(object: &impl ResourceExt) -> Self {
        Self::beside(object, object.name_any())
    }

    /// The key of the object of this name in the namespace of `object`.
    pub fn beside(object: &impl ResourceExt, name: impl Into<String>) -> Self {
        Self {
            namespace: object.namespace().unwrap_or_default(),
            name: name.into(),
        }
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}

/// Key of the object that carries a source tree.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct SourceKey {
    /// Namespace of the object and of its users.
    pub namespace: String,
    pub kind: SourceKind,
    pub name: String,
}

impl SourceKey {
    /// The key of the source that an object names.
    pub fn of(object: &impl ResourceExt, source: &Source) -> Self {
        Self {
            namespace: object.namespace().unwrap_or_default(),
            kind: source.kind,
            name: source.name.clone(),
        }
    }
}

impl fmt::Display for SourceKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} {}/{}", self.kind, self.namespace, self.name)
    }
}
