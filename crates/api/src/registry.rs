//! The one list of kinds: what is made for every kind is made from here.

mod entry;
mod grants;

use crate::{
    AlertRule, AlertRuleReason, Backup, BackupDestination, BackupDriftReason, BackupReason, BackupSchedule,
    ChannelReason, ConditionType, DestinationDriftReason, DestinationReason, DriftReason, DrilledReason, EdgeFunction,
    FiringReason, FreshReason, FunctionReason, GROUP, MigrationReason, MigrationSet, NotificationChannel, Platform,
    PlatformReason, Restore, RestoreReason, ScheduleDriftReason, ScheduleReason, SchemaDriftReason, Silence,
    SilenceReason, VerifiedReason,
};

pub use self::entry::{Carrier, KindEntry, Process, Reference, Right, Scope, Target};
use self::entry::{Types, cluster, flux, namespace, object, secret};
pub use self::grants::{Grant, grants, with_article};

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
            object("Platform", "spec.platformTable.platformRef.name"),
        ],
        rights: &[cluster(
            GROUP,
            "notificationchannels",
            &["list", "watch"],
            "read; their spec is never written",
        )],
        writers_can: Some(
            "sends messages to the addresses in its Secrets, mails by the servers that its Secrets open, and writes rows of a Platform's page of alerts",
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
    why: "of several processes the one acts that has the Lease, of a shard where there are several; who has fewer of those asks for one on the other's",
};

const READ: &[&str] = &["get", "list", "watch"];

#[cfg(test)]
mod tests;
