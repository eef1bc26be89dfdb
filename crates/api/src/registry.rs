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
    AlertRule, AlertRuleReason, Backup, BackupDestination, BackupDriftReason, BackupReason, BackupSchedule,
    ChannelReason, ConditionType, DestinationDriftReason, DestinationReason, DriftReason, DrilledReason, EdgeFunction,
    FiringReason, FreshReason, FunctionReason, GROUP, ListedReason, MigrationReason, MigrationSet, NotificationChannel,
    ObjectStatus, Platform, PlatformReason, Restore, RestoreReason, ScheduleDriftReason, ScheduleReason,
    SchemaDriftReason, Silence, SilenceReason, VERSION, VerifiedReason,
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
    types: Types,
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

/// Every kind, in the order of the reference.
pub const KINDS: &[KindEntry] = &[
    KindEntry {
        name: "Platform",
        plural: "platforms",
        short_name: "plat",
        reasons: PlatformReason::ALL,
        conditions: &[],
        references: &[
            secret("spec.api.tokenSecretRef.name"),
            secret("spec.anonKeySecretRef.name"),
            secret("spec.database.passwordSecretRef.name"),
            secret("spec.database.caSecretRef.name"),
            secret("spec.database.reader.passwordSecretRef.name"),
            secret("spec.scratch.passwordSecretRef.name"),
            secret("spec.scratch.caSecretRef.name"),
        ],
        rights: &[cluster(
            GROUP,
            "platforms",
            &["list", "watch"],
            "platforms are read; their spec is never written",
        )],
        writers_can: Some("has the operator use any Secret of the namespace that offers itself"),
        process: Process::Operator,
        reads: &[],
        types: Types::of::<Platform>(),
    },
    KindEntry {
        name: "EdgeFunction",
        plural: "edgefunctions",
        short_name: "fn",
        reasons: FunctionReason::ALL,
        conditions: &[(ConditionType::Drifted, DriftReason::ALL)],
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
        process: Process::Operator,
        reads: &[],
        types: Types::of::<EdgeFunction>(),
    },
    KindEntry {
        name: "MigrationSet",
        plural: "migrationsets",
        short_name: "migs",
        reasons: MigrationReason::ALL,
        conditions: &[(ConditionType::Drifted, SchemaDriftReason::ALL)],
        references: &[
            PLATFORM,
            SOURCE,
            object("BackupSchedule", "spec.requires.backup.schedule"),
        ],
        rights: &[
            cluster(
                GROUP,
                "migrationsets",
                &["list", "watch"],
                "read; their spec is never written",
            ),
            cluster(
                GROUP,
                "backups",
                &["get", "create"],
                "created for a plan that must not run without one; `get` asks who made one that has its name, and whether it is still there before the first file runs",
            ),
        ],
        writers_can: Some("runs SQL in its database and approves it, with a backup or without"),
        process: Process::Operator,
        reads: &["Backup"],
        types: Types::of::<MigrationSet>(),
    },
    KindEntry {
        name: "AlertRule",
        plural: "alertrules",
        short_name: "alert",
        reasons: AlertRuleReason::ALL,
        conditions: &[(ConditionType::Firing, FiringReason::ALL)],
        references: &[PLATFORM],
        rights: &[cluster(
            GROUP,
            "alertrules",
            &["list", "watch"],
            "read; their spec is never written",
        )],
        writers_can: Some("reads what the reader of a Platform's database may read"),
        process: Process::Operator,
        reads: &["Backup", "Restore"],
        types: Types::of::<AlertRule>(),
    },
    KindEntry {
        name: "NotificationChannel",
        plural: "notificationchannels",
        short_name: "channel",
        reasons: ChannelReason::ALL,
        conditions: &[],
        references: &[
            secret("spec.pagerDuty.routingKeySecretRef.name"),
            secret("spec.slack.webhookURLSecretRef.name"),
            secret("spec.email.credentialsSecretRef.name"),
            secret("spec.webhook.urlSecretRef.name"),
            secret("spec.webhook.signingSecretRef.name"),
        ],
        rights: &[cluster(
            GROUP,
            "notificationchannels",
            &["list", "watch"],
            "read; their spec is never written",
        )],
        writers_can: Some(
            "sends messages to the addresses in its Secrets, and mails by the servers that its Secrets open",
        ),
        process: Process::Operator,
        reads: &[],
        types: Types::of::<NotificationChannel>(),
    },
    KindEntry {
        name: "Silence",
        plural: "silences",
        short_name: "quiet",
        reasons: SilenceReason::ALL,
        conditions: &[],
        references: &[],
        rights: &[cluster(
            GROUP,
            "silences",
            &["list", "watch"],
            "read; their spec is never written",
        )],
        writers_can: Some("keeps alerts of the namespace from being told"),
        process: Process::Operator,
        reads: &[],
        types: Types::of::<Silence>(),
    },
    KindEntry {
        name: "BackupDestination",
        plural: "backupdestinations",
        short_name: "bdest",
        reasons: DestinationReason::ALL,
        conditions: &[(ConditionType::Drifted, DestinationDriftReason::ALL)],
        references: &[secret("spec.credentialsSecretRef.name")],
        rights: &[
            cluster(
                GROUP,
                "backupdestinations",
                &["list", "watch"],
                "read; their spec is never written",
            ),
            cluster(
                GROUP,
                "backups",
                &["create"],
                "created for what is stored and has none, with `catalogue: Import`",
            ),
        ],
        writers_can: Some("stores objects in the bucket that its Secret opens, and lists it"),
        process: Process::Operator,
        reads: &["Backup"],
        types: Types::of::<BackupDestination>(),
    },
    KindEntry {
        name: "BackupSchedule",
        plural: "backupschedules",
        short_name: "bks",
        reasons: ScheduleReason::ALL,
        conditions: &[
            (ConditionType::Fresh, FreshReason::ALL),
            (ConditionType::Verified, VerifiedReason::ALL),
            (ConditionType::Drilled, DrilledReason::ALL),
            (ConditionType::Drifted, ScheduleDriftReason::ALL),
        ],
        references: &[
            PLATFORM,
            object("BackupDestination", "spec.destinations.name"),
            secret("spec.encryption.identitySecretRef.name"),
        ],
        rights: &[
            cluster(
                GROUP,
                "backupschedules",
                &["list", "watch"],
                "read; their spec is never written",
            ),
            cluster(
                GROUP,
                "backups",
                &["get", "create", "patch", "delete"],
                "created for each slot; `get` asks who made one that has the name of a slot; `patch` sets `deletionPolicy` of one that expires, and `delete` deletes it, and what failed",
            ),
            cluster(
                GROUP,
                "restores",
                &["get", "create", "delete"],
                "created for each drill; `get` asks who made one that has the name of a drill, and `delete` deletes old ones",
            ),
        ],
        writers_can: Some("has a database of the namespace backed up and encrypted for whom they like"),
        process: Process::Operator,
        reads: &["Backup", "Restore"],
        types: Types::of::<BackupSchedule>(),
    },
    KindEntry {
        name: "Backup",
        plural: "backups",
        short_name: "bk",
        reasons: BackupReason::ALL,
        conditions: &[(ConditionType::Drifted, BackupDriftReason::ALL)],
        references: &[
            object("BackupSchedule", "spec.scheduleRef.name"),
            object("BackupDestination", "spec.import.destination.name"),
        ],
        rights: &[cluster(
            GROUP,
            "backups",
            &["get", "list", "watch", "patch"],
            "read; `get` asks before a manifest is written whether its Backup is still wanted; `patch` puts the finalizer on and takes it off, nothing else",
        )],
        writers_can: Some("has the database of a BackupSchedule backed up, and what is stored deleted"),
        process: Process::Worker,
        reads: &["Platform", "BackupDestination", "BackupSchedule"],
        types: Types::of::<Backup>(),
    },
    KindEntry {
        name: "Restore",
        plural: "restores",
        short_name: "rst",
        reasons: RestoreReason::ALL,
        conditions: &[],
        references: &[
            PLATFORM,
            object("Backup", "spec.source.backup"),
            object("BackupSchedule", "spec.source.latest.schedule"),
        ],
        rights: &[cluster(
            GROUP,
            "restores",
            &["list", "watch"],
            "read; their spec is never written",
        )],
        writers_can: Some(
            "has a backup restored into the Platform's scratch server and asks it SQL, of which one digest is shown",
        ),
        process: Process::Worker,
        reads: &["Platform", "BackupDestination", "BackupSchedule"],
        types: Types::of::<Restore>(),
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

/// What the process needs that decides by a Lease whether it acts.
pub const LEASE_RIGHT: Right = Right {
    scope: Scope::Own,
    group: "coordination.k8s.io",
    resource: "leases",
    verbs: &["create", "list", "update", "watch"],
    why: "of several processes the one acts that has the Lease",
};

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
