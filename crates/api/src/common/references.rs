//! How a spec names other objects of its namespace.

use kube::KubeSchema;
use serde::{Deserialize, Serialize};

/// Names an object of the same namespace.
#[derive(Clone, Debug, Deserialize, Eq, Hash, KubeSchema, PartialEq, Serialize)]
pub struct LocalReference {
    /// name of the object, in the same namespace.
    #[schemars(length(max = 253))]
    #[x_kube(validation = Rule::new("self.matches('^[a-z0-9]([-.a-z0-9]*[a-z0-9])?$')").message("`name` must be an object's name: lower-case letters, digits, '-' and '.', such as 'prod'"))]
    pub name: String,
}

/// Names one key of a Secret of the same namespace.
#[derive(Clone, Debug, Deserialize, Eq, KubeSchema, PartialEq, Serialize)]
pub struct SecretKeyReference {
    /// name of the Secret, in the same namespace.
    #[schemars(length(max = 253))]
    #[x_kube(validation = Rule::new("self.matches('^[a-z0-9]([-.a-z0-9]*[a-z0-9])?$')").message("`name` must be an object's name: lower-case letters, digits, '-' and '.', such as 'supabase'"))]
    pub name: String,
    /// key in the Secret's data.
    #[schemars(length(max = 253))]
    #[x_kube(validation = Rule::new("self.matches('^[-._a-zA-Z0-9]+$')").message("`key` must be a key of the Secret: letters, digits, '-', '_' and '.', such as 'token'"))]
    pub key: String,
}
