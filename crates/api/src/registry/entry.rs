//! What there is to know of a kind, and of what it needs.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::{
    CustomResourceExt,
    core::{ApiResource, GroupVersionKind, object::HasStatus},
};
use schemars::{JsonSchema, Schema};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

use super::{KINDS, READ};
use crate::{ConditionType, GROUP, ListedReason, ObjectStatus, VERSION};

/// What there is to know of a kind without an object of it.
#[derive(Debug)]
pub struct KindEntry {
    /// Its `kind`.
    pub name: &'static str,
    /// Its resource in the API.
    pub plural: &'static str,
    /// What `kubectl get` takes for it.
    pub short_name: &'static str,
    /// Reasons of `Ready`, `Reconciling`, `Stalled` and `Suspended`.
    pub reasons: &'static [ListedReason],
    /// Conditions that it has beside `Ready`, with their reasons: `Drifted` where it can drift.
    pub conditions: &'static [(ConditionType, &'static [ListedReason])],
    /// Other objects that its spec names.
    pub references: &'static [Reference],
    /// What the operator needs for it, beyond writing its status and reading the Secrets and sources that it names.
    pub rights: &'static [Right],
    /// What somebody who may write objects of this kind can do with it, where that is more than the objects themselves.
    pub writers_can: Option<&'static str>,
    /// Which process reconciles it.
    pub process: Process,
    /// Kinds of the other process whose objects are read for it.
    pub reads: &'static [&'static str],
    pub(super) types: Types,
}

/// A process of the operator, with a ServiceAccount and rights of its own. Only objects pass between them.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Process {
    /// Watches and decides.
    Operator,
    /// Makes what takes long, and much memory.
    Worker,
}

impl Process {
    /// Every process.
    pub const ALL: [Self; 2] = [Self::Operator, Self::Worker];

    /// Its name: that of its Deployment and ServiceAccount, and of the ClusterRole that is bound to it for the whole cluster.
    pub fn name(self) -> &'static str {
        match self {
            Self::Operator => "ace-operator",
            Self::Worker => "ace-worker",
        }
    }

    /// The kinds that it reconciles.
    pub fn kinds(self) -> impl Iterator<Item = &'static KindEntry> {
        KINDS.iter().filter(move |kind| kind.process == self)
    }

    /// The kinds of the other process whose objects it reads.
    pub fn reads(self) -> impl Iterator<Item = &'static KindEntry> {
        let is_read = move |kind: &&KindEntry| self.kinds().any(|own| own.reads.contains(&kind.name));
        KINDS.iter().filter(is_read)
    }
}

/// A field of a spec that names an object of the same namespace.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Reference {
    /// What it names.
    pub target: Target,
    /// From the root of the object to the field with the name, through lists as through objects.
    pub path: &'static str,
}

/// What a reference names.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Target {
    /// An object of this kind of ours.
    Kind(&'static str),
    /// A Secret.
    Secret,
    /// One of the [`CARRIERS`].
    Source,
}

/// A kind of others that carries a source tree.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Carrier {
    /// Its `kind`.
    pub kind: &'static str,
    /// What reading it takes.
    pub right: Right,
}

/// Where a right holds.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Scope {
    /// In every namespace.
    Cluster,
    /// Only where a RoleBinding grants it.
    Namespace,
    /// In the namespace that the operator is installed in.
    Own,
}

/// What the operator may do with one resource, and why.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Right {
    /// Where it holds.
    pub scope: Scope,
    /// API group; empty for the core group.
    pub group: &'static str,
    /// Plural, with the subresource behind a slash.
    pub resource: &'static str,
    /// The verbs, as the API server's audit log names them.
    pub verbs: &'static [&'static str],
    /// The reason, for the reference: a sentence without its capital letter and its full stop, since another kind's may follow.
    pub why: &'static str,
}

pub(super) const fn object(kind: &'static str, path: &'static str) -> Reference {
    Reference {
        target: Target::Kind(kind),
        path,
    }
}

pub(super) const fn secret(path: &'static str) -> Reference {
    Reference {
        target: Target::Secret,
        path,
    }
}

pub(super) const fn flux(kind: &'static str, plural: &'static str) -> Carrier {
    Carrier {
        kind,
        right: cluster("source.toolkit.fluxcd.io", plural, READ, "sources of code"),
    }
}

pub(super) const fn cluster(
    group: &'static str,
    resource: &'static str,
    verbs: &'static [&'static str],
    why: &'static str,
) -> Right {
    Right {
        scope: Scope::Cluster,
        group,
        resource,
        verbs,
        why,
    }
}

pub(super) const fn namespace(resource: &'static str, verbs: &'static [&'static str], why: &'static str) -> Right {
    Right {
        scope: Scope::Namespace,
        group: "",
        resource,
        verbs,
        why,
    }
}

impl KindEntry {
    /// The kind of this name, if it is one of ours.
    pub fn named(name: &str) -> Option<&'static Self> {
        KINDS.iter().find(|kind| kind.name == name)
    }

    /// Its objects name Secrets: whoever writes one has the operator read and use them.
    pub fn names_secrets(&self) -> bool {
        let mut references = self.references.iter();
        references.any(|reference| reference.target == Target::Secret)
    }

    /// Objects of this kind can drift, and always have the condition `Drifted`.
    pub fn has_drift(&self) -> bool {
        self.conditions
            .iter()
            .any(|(type_, _)| *type_ == ConditionType::Drifted)
    }

    /// The closed list of reasons of a condition; empty where the kind has no such condition.
    pub fn reasons_of(&self, condition: &str) -> &'static [ListedReason] {
        match condition {
            "Ready" | "Reconciling" | "Stalled" | "Suspended" => self.reasons,
            _ => {
                let mut conditions = self.conditions.iter();
                conditions
                    .find(|(type_, _)| type_.as_str() == condition)
                    .map_or(&[], |(_, reasons)| reasons)
            }
        }
    }

    /// The resource, for clients that do not know the type.
    pub fn resource(&self) -> ApiResource {
        ApiResource::from_gvk_with_plural(&GroupVersionKind::gvk(GROUP, VERSION, self.name), self.plural)
    }

    /// What the type makes of an object.
    pub fn read_back(&self, object: Value) -> serde_json::Result<Value> {
        (self.types.read_back)(object)
    }

    /// The definition as it is derived from the type.
    pub(crate) fn derived(&self) -> CustomResourceDefinition {
        (self.types.definition)()
    }

    /// The type's schema before Kubernetes' form: it still has what each value of an enum means.
    pub(crate) fn schema(&self) -> Schema {
        (self.types.schema)()
    }
}

/// The type of a kind, as far as a list of kinds can use it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Types {
    definition: fn() -> CustomResourceDefinition,
    schema: fn() -> Schema,
    read_back: fn(Value) -> serde_json::Result<Value>,
}

impl Types {
    pub(super) const fn of<K>() -> Self
    where
        K: CustomResourceExt + JsonSchema + DeserializeOwned + Serialize + HasStatus<Status: ObjectStatus>,
    {
        Self {
            definition: K::crd,
            schema: || schemars::schema_for!(K),
            read_back: |object| serde_json::to_value(serde_json::from_value::<K>(object)?),
        }
    }
}
