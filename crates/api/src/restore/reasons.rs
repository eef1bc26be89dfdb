//! The closed list of a Restore's reasons.

use crate::common::reasons::{reasons, shared_reasons};

reasons! {
    /// Reasons of a Restore's `Ready`, `Reconciling`, `Stalled` and `Suspended`.
    RestoreReason + SharedReason {
        Restored: Ready = "the backup was restored, each table has the rows that the source had, and every assertion passed.",
        Suspended: ReadyFalse = "suspended before it was restored.",
        Observing: Reconciling = "Backup, Platform and Secrets are being read.",
        WaitingForPlatform: Reconciling = "the Platform does not exist.",
        WaitingForBackup: Reconciling = "the Backup does not exist or is not complete yet.",
        SecretMissing: Reconciling = "a Secret or key that the restore needs does not exist; the message names it.",
        Queued: Reconciling = "the worker has as many runs as it may have at once.",
        Fetching: Reconciling = "manifest and archive are being read, and the database is made.",
        Restoring: Reconciling = "the archive is being restored.",
        Proving: Reconciling = "the rows of the restored tables are being counted and hashed.",
        Comparing: Reconciling = "they are being compared with those of the source, and assertions are asked.",
        Interrupted: Reconciling = "the worker that made the restore is gone; its database is dropped, and it begins again.",
        Retrying: Reconciling = "an attempt failed, and another one follows; or the API server did not return a Secret.",
        NotObserved: ReadyUnknown = "it could not be observed for three intervals.",
        ProofFailed: Stalled = "the restored database is not what was backed up; the message names what differs.",
        AssertionFailed: Stalled = "an assertion did not have the value that it expects.",
        ScratchMissing: Stalled = "the Platform has no `spec.scratch`.",
        ScratchIsSource: Stalled = "the scratch server is the server that was backed up.",
        PointUnavailable: Stalled = "no Backup of the schedule is as old, and verified as far, as the source asks for.",
        IdentityMissing: Stalled = "the schedule has no `encryption.identitySecretRef`: nothing can be decrypted.",
        KeyMismatch: Stalled = "the schedule's identity does not open the archive.",
        Missing: Stalled = "what was stored is gone from every destination.",
        Corrupt: Stalled = "what is stored is not what was written.",
        ClientVersionUnavailable: Stalled = "there is no `pg_restore` of the scratch server's major version; the message names it.",
        Cancelled: Stalled = "`spec.cancel` ended it.",
        Failed: Stalled = "every attempt failed; the message has the last one's reason.",
        HostNotAllowed: Stalled = "no flag of the operator allows an address that the restore needs; the message names the flag.",
        SecretNotOffered: Stalled = "a Secret that the restore needs does not offer this use in its label `ops.mobulace.com/use`; the message has the command that adds it.",
        SecretInvalid: Stalled = "the value of a Secret that the restore needs is not of the right form; the message names it.",
        AccessMissing: Stalled = "the operator lacks a right in this namespace; the message has the command that grants it.",
        SuspendedByPlatform: Suspended = "`spec.suspend` of the Platform is true.",
    }
}

shared_reasons!(RestoreReason: HasSecrets);
