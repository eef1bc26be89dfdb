//! The one list of kinds: what is made for every kind is made from here.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::{
    CustomResourceExt,
    core::{ApiResource, GroupVersionKind, object::HasStatus},
};
use schemars::{JsonSchema, Schema};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

use crate::{
    BackupDestination, ChannelReason, DestinationDriftReason, DestinationReason, DriftReason, EdgeFunction,
    FunctionReason, GROUP, ListedReason, MigrationReason, MigrationSet, NotificationChannel, ObjectStatus, Platform,
    PlatformReason, SchemaDriftReason, VERSION,
};

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
    /// Reasons of `Drifted`; none for a kind that can't drift and does not have this condition.
    pub drift_reasons: &'static [ListedReason],
    /// Other objects that its spec names.
    pub references: &'static [Reference],
    /// What the operator needs for it, beyond writing its status and reading the Secrets and sources that it names.
    pub rights: &'static [Right],
    /// What somebody who may write objects of this kind can do with it, where that is more than the objects themselves.
    pub writers_can: Option<&'static str>,
    types: Types,
}

/// Every kind, in the order of the reference.
pub const KINDS: &[KindEntry] = &[
    KindEntry {
        name: "Platform",
        plural: "platforms",
        short_name: "plat",
        reasons: PlatformReason::ALL,
        drift_reasons: &[],
        references: &[
            secret("spec.api.tokenSecretRef.name"),
            secret("spec.anonKeySecretRef.name"),
            secret("spec.database.passwordSecretRef.name"),
            secret("spec.database.caSecretRef.name"),
        ],
        rights: &[cluster(
            GROUP,
            "platforms",
            &["list", "watch"],
            "platforms are read; their spec is never written",
        )],
        writers_can: Some("has the operator use any Secret of the namespace that offers itself"),
        types: Types::of::<Platform>(),
    },
    KindEntry {
        name: "EdgeFunction",
        plural: "edgefunctions",
        short_name: "fn",
        reasons: FunctionReason::ALL,
        drift_reasons: DriftReason::ALL,
        references: &[PLATFORM, SOURCE, object("MigrationSet", "spec.requires.migration.name")],
        rights: &[
            cluster(
                GROUP,
                "edgefunctions",
                &["list", "watch", "patch"],
                "read; `patch` puts the finalizer on and takes it off, nothing else",
            ),
            namespace(
                "configmaps",
                &["create", "delete"],
                "archives of replaced and of proven content are created and deleted. None is ever changed",
            ),
        ],
        writers_can: Some("runs code in the project with the project's secrets"),
        types: Types::of::<EdgeFunction>(),
    },
    KindEntry {
        name: "MigrationSet",
        plural: "migrationsets",
        short_name: "migs",
        reasons: MigrationReason::ALL,
        drift_reasons: SchemaDriftReason::ALL,
        references: &[PLATFORM, SOURCE],
        rights: &[cluster(
            GROUP,
            "migrationsets",
            &["list", "watch"],
            "read; their spec is never written",
        )],
        writers_can: Some("runs SQL in its database and approves it"),
        types: Types::of::<MigrationSet>(),
    },
    KindEntry {
        name: "NotificationChannel",
        plural: "notificationchannels",
        short_name: "channel",
        reasons: ChannelReason::ALL,
        drift_reasons: &[],
        references: &[
            secret("spec.slack.webhookURLSecretRef.name"),
            secret("spec.webhook.urlSecretRef.name"),
            secret("spec.webhook.signingSecretRef.name"),
        ],
        rights: &[cluster(
            GROUP,
            "notificationchannels",
            &["list", "watch"],
            "read; their spec is never written",
        )],
        writers_can: Some("sends messages to the addresses in its Secrets"),
        types: Types::of::<NotificationChannel>(),
    },
    KindEntry {
        name: "BackupDestination",
        plural: "backupdestinations",
        short_name: "bdest",
        reasons: DestinationReason::ALL,
        drift_reasons: DestinationDriftReason::ALL,
        references: &[secret("spec.credentialsSecretRef.name")],
        rights: &[cluster(
            GROUP,
            "backupdestinations",
            &["list", "watch"],
            "read; their spec is never written",
        )],
        writers_can: Some("stores objects in the bucket that its Secret opens, and lists it"),
        types: Types::of::<BackupDestination>(),
    },
];

const PLATFORM: Reference = object("Platform", "spec.platformRef.name");
const SOURCE: Reference = Reference {
    target: Target::Source,
    path: "spec.source.name",
};

/// Kinds of others that carry a source tree, one for each [`SourceKind`](crate::SourceKind).
pub const CARRIERS: &[Carrier] = &[
    flux("GitRepository", "gitrepositories"),
    flux("OCIRepository", "ocirepositories"),
    flux("Bucket", "buckets"),
    flux("ExternalArtifact", "externalartifacts"),
    Carrier {
        kind: "ConfigMap",
        right: namespace("configmaps", READ, "sources of code are read, labelled ones watched"),
    },
];

/// What the operator needs whatever the kind.
pub const COMMON_RIGHTS: &[Right] = &[cluster(
    "events.k8s.io",
    "events",
    &["create", "patch"],
    "deploys, roll-backs, drift and refusals are reported as events; a repeated one is counted up",
)];

const READ: &[&str] = &["get", "list", "watch"];

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

const fn object(kind: &'static str, path: &'static str) -> Reference {
    Reference {
        target: Target::Kind(kind),
        path,
    }
}

const fn secret(path: &'static str) -> Reference {
    Reference {
        target: Target::Secret,
        path,
    }
}

const fn flux(kind: &'static str, plural: &'static str) -> Carrier {
    Carrier {
        kind,
        right: cluster("source.toolkit.fluxcd.io", plural, READ, "sources of code"),
    }
}

const fn cluster(
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

const fn namespace(resource: &'static str, verbs: &'static [&'static str], why: &'static str) -> Right {
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
        !self.drift_reasons.is_empty()
    }

    /// The closed list of reasons of a condition; empty where the kind has no such condition.
    pub fn reasons_of(&self, condition: &str) -> &'static [ListedReason] {
        match condition {
            "Ready" | "Reconciling" | "Stalled" | "Suspended" => self.reasons,
            "Drifted" => self.drift_reasons,
            _ => &[],
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
struct Types {
    definition: fn() -> CustomResourceDefinition,
    schema: fn() -> Schema,
    read_back: fn(Value) -> serde_json::Result<Value>,
}

impl Types {
    const fn of<K>() -> Self
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

#[cfg(test)]
mod tests;
