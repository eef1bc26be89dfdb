//! The closed list of a Backup's reasons.

use crate::common::reasons::{reasons, shared_reasons};

reasons! {
    /// Reasons of a Backup's `Ready`, `Reconciling`, `Stalled` and `Suspended`.
    BackupReason + SharedReason {
        Complete: Ready = "the backup is stored, and passed the level that its schedule asks for; the message says where copies are missing.",
        Suspended: ReadyFalse = "suspended before the backup was complete.",
        Observing: Reconciling = "schedule, Platform and Secrets are being read.",
        WaitingForSchedule: Reconciling = "the BackupSchedule does not exist.",
        WaitingForPlatform: Reconciling = "the Platform does not exist.",
        WaitingForDestination: Reconciling = "a BackupDestination does not exist, or is not ready.",
        SecretMissing: Reconciling = "a Secret or key that the backup needs does not exist; the message names it.",
        Queued: Reconciling = "the worker makes as many backups as it may at once.",
        WaitingForTurn: Reconciling = "migrations run on this database, or another backup is being made of it; the message says which.",
        Dumping: Reconciling = "the database is being dumped and stored.",
        Finishing: Reconciling = "rows are being proved, and the manifest is written.",
        Verifying: Reconciling = "the stored archive is being verified.",
        Copying: Reconciling = "the archive is being copied to further destinations.",
        Interrupted: Reconciling = "the worker that made the backup is gone; what it left is looked for, and another attempt follows.",
        Retrying: Reconciling = "an attempt failed, and another one follows; or the API server did not return a Secret.",
        DatabaseUnreachable: Reconciling = "the database does not answer; retrying.",
        Deleting: Reconciling = "the object is being deleted with `deletionPolicy: Delete`, and so is what it stored.",
        NotObserved: ReadyUnknown = "it could not be observed for three intervals.",
        Failed: Stalled = "every attempt failed; the message has the last one's reason.",
        Cancelled: Stalled = "`spec.cancel` ended it before it was complete.",
        Held: Stalled = "the object is being deleted while `spec.hold` is set.",
        VerificationFailed: Stalled = "the stored archive did not pass a level; the message says what is wrong.",
        LeaseLost: Stalled = "every attempt lost the lease of the database before it was finished: migrations may have run meanwhile.",
        ClockSkew: Stalled = "the clocks of database and worker differ by more than an hour.",
        SizeDropped: Stalled = "a table that the schedule requires has far fewer rows than in the backup before.",
        RequiredTableEmpty: Stalled = "a table that the schedule requires has fewer rows than it must have.",
        TableMissing: Stalled = "a table that the schedule requires or leaves out does not exist.",
        RecipientInvalid: Stalled = "a recipient in the schedule is none that an archive can be encrypted for.",
        Missing: Stalled = "what was stored is gone from every destination.",
        Corrupt: Stalled = "what is stored is not what was written.",
        KeyMismatch: Stalled = "the schedule's identity does not open the archive.",
        ClientVersionUnavailable: Stalled = "there is no `pg_dump` of the server's major version; the message names it.",
        ManifestUnreadable: Stalled = "the manifest to import is not there, is damaged, or was written by a newer version.",
        ScratchMissing: Stalled = "the schedule verifies `Content`, and the Platform has no `spec.scratch`.",
        ScratchIsSource: Stalled = "the scratch server is the server that was backed up.",
        DatabaseMissing: Stalled = "the Platform has no `spec.database`.",
        DatabasePasswordRejected: Stalled = "the database rejects the user's password.",
        DatabaseCertificateRefused: Stalled = "certificate verification failed, or the server does not support TLS.",
        DatabaseInsecure: Stalled = "the database is not encrypted (`tls: Disable`), or asks for the password in clear text or as MD5; the operator's flag `--allow-insecure-database` allows that.",
        DatabaseRefused: Stalled = "the database answers, and refuses the user, the database's name or a right.",
        HostNotAllowed: Stalled = "no flag of the operator allows an address that the backup needs; the message names the flag.",
        PoolerUnsupported: Stalled = "the address is a connection pooler in transaction mode, which loses locks and snapshots.",
        SecretNotOffered: Stalled = "a Secret that the backup needs does not offer this use in its label `ops.mobulace.com/use`; the message has the command that adds it.",
        SecretInvalid: Stalled = "the value of a Secret that the backup needs is not of the right form; the message names it.",
        AccessMissing: Stalled = "the operator lacks a right in this namespace; the message has the command that grants it.",
        SuspendedByPlatform: Suspended = "`spec.suspend` of the Platform is true.",
        SuspendedBySchedule: Suspended = "`spec.suspend` of the BackupSchedule is true.",
    }
}

reasons! {
    /// Reasons of a Backup's `Drifted`.
    BackupDriftReason + SharedConditionReason {
        NoDrift: False = "every copy is where it was stored.",
        ObjectMissing: True = "a copy is gone from its destination.",
        ObjectChanged: True = "a copy has another size than what was stored.",
        NotCompared: Unknown = "there is no complete copy yet.",
    }
}

shared_reasons!(BackupReason: HasSecrets);
