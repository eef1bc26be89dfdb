//! The closed lists of a MigrationSet's reasons.

use crate::common::reasons::{reasons, shared_reasons};

reasons! {
    /// Reasons of a MigrationSet's `Ready`, `Reconciling`, `Stalled` and `Suspended`.
    MigrationReason + SharedReason {
        Applied: Ready = "every migration is applied, and the database was observed within three intervals.",
        Observed: Ready = "in `Observe`, files and database were compared.",
        Suspended: ReadyFalse = "suspended before every migration was applied.",
        Observing: Reconciling = "files and ledgers are being compared, or the records in schema `ace_ops` written; no migration runs.",
        WaitingForPlatform: Reconciling = "the Platform does not exist.",
        WaitingForSource: Reconciling = "the source object or its artifact does not exist yet.",
        WaitingForSchedule: Reconciling = "the BackupSchedule in `requires.backup` does not exist.",
        WaitingForBackup: Reconciling = "a plan that can lose data waits for a fresh, verified backup of the database; the message names the Backup.",
        Applying: Reconciling = "migrations are running.",
        WaitingForTurn: Reconciling = "another session runs migrations on this database, or a backup is being made of it; the message says which.",
        WaitingForLock: Reconciling = "other sessions hold a lock that a migration needs; the message names them.",
        DatabaseUnreachable: Reconciling = "the database does not answer; retrying.",
        DatabaseSecretMissing: Reconciling = "a Secret or key that the Platform's `spec.database` names does not exist.",
        Retrying: Reconciling = "an attempt failed, and nothing of it was kept, or the API server did not return a Secret; it is retried.",
        NotObserved: ReadyUnknown = "the database could not be observed for three intervals.",
        ApprovalRequired: Stalled = "a pending migration is of a class that needs an approval; the message has the plan's digest.",
        BackupUnusable: Stalled = "no backup will let the plan run before somebody acts: the one that was made for it failed, or the BackupSchedule is none that `requires.backup` can use; the message says what to do.",
        NameTaken: Stalled = "a Backup that was not made for the plan has the name of the one that would be; the message names it.",
        ChecksumMismatch: Stalled = "a file is not what was applied under its version. Nothing runs.",
        OutOfOrder: Stalled = "a pending migration is older than the newest applied one.",
        AppliedElsewhere: Stalled = "a pending migration has the SQL, or the name, of a version that is applied and has no file; the message names both.",
        LedgerRegressed: Stalled = "what was applied is no longer in the ledger: the database was restored, or the ledger was repaired.",
        LedgerDamaged: Stalled = "a table of schema `ace_ops`, or the ledger, was changed so that it can't be used; the message names it. Nothing runs.",
        BaselineRequired: Stalled = "the ledger is empty, and the schema is not.",
        BaselineMismatch: Stalled = "`spec.baseline` does not match the live schema, or no file has its version.",
        DriftBlocked: Stalled = "the schema was changed out of band, and `policy.whileDrifted` is `Block`.",
        MigrationFailed: Stalled = "the database refused a migration; it is not retried until files, spec or `reconcile-at` change.",
        HalfApplied: Stalled = "a file of several transactions stopped halfway and was changed since.",
        MigrationRefused: Stalled = "a file holds a statement that can't be run safely; the message names its line.",
        SourceRefused: Stalled = "the source's archive is damaged, too large, or holds what is not allowed.",
        SourceInvalid: Stalled = "the source has no migrations, two of one version, or one that is not text.",
        DatabaseClaimed: Stalled = "another MigrationSet owns this database.",
        DatabaseMissing: Stalled = "the Platform has no `spec.database`.",
        DatabasePasswordRejected: Stalled = "the database rejects the user's password.",
        DatabaseCertificateRefused: Stalled = "certificate verification failed, or the server does not support TLS.",
        DatabaseInsecure: Stalled = "the database is not encrypted (`tls: Disable`), or asks for the password in clear text or as MD5; the operator's flag `--allow-insecure-database` allows that.",
        DatabaseRefused: Stalled = "the database answers, and refuses the user, the database's name or a right.",
        HostNotAllowed: Stalled = "the database is not the project's own, and the operator's flag `--allow-database-host` does not allow it.",
        PoolerUnsupported: Stalled = "the address is a connection pooler in transaction mode, which loses locks and settings.",
        OperatorTooOld: Stalled = "a newer operator created schema `ace_ops` in this database.",
        SecretNotOffered: Stalled = "a Secret that the Platform's `spec.database` names does not offer this use in its label `ops.mobulace.com/use`; the message has the command that adds it.",
        SecretInvalid: Stalled = "the value of a Secret that the Platform's `spec.database` names can't be a password, or a certificate; the message says which.",
        AccessMissing: Stalled = "the operator lacks a right in this namespace; the message has the command that grants it.",
        SuspendedByPlatform: Suspended = "`spec.suspend` of the Platform is true.",
        SuspendedByUser: Suspended = "`spec.suspend` is true.",
    }
}

reasons! {
    /// Reasons of a MigrationSet's `Drifted`.
    SchemaDriftReason + SharedConditionReason {
        NoDrift: False = "the live schema is the desired one.",
        OutOfBandChange: True = "the schema was changed out of band; `status.drift` names what differs.",
        NotCompared: Unknown = "the schema was not compared yet.",
        NoReference: Unknown = "in `Observe`, only `spec.acceptedSchema` says what the schema should be.",
        SnapshotPending: Unknown = "migrations ran, and the schema snapshot after the run is pending.",
        NotComparable: Unknown = "the schema could not be read, because another session holds a lock on a part of it.",
    }
}

shared_reasons!(MigrationReason: HasPlatform);
shared_reasons!(MigrationReason: HasSource);
