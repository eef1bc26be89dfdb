//! The closed lists of a MigrationSet's reasons.

use crate::common::reasons::reasons;

reasons! {
    /// Reasons of a MigrationSet's `Ready`, `Reconciling`, `Stalled` and `Suspended`.
    MigrationReason {
        Applied: Ready = "every migration is applied, and the database was seen.",
        Observed: Ready = "in `Observe`, files and database were looked at.",
        Suspended: ReadyFalse = "suspended before the wish was applied.",
        FirstLook: Reconciling = "files and ledgers are being compared, or our books in the database written; no migration runs.",
        PlatformMissing: Reconciling = "there is no such Platform.",
        SourceMissing: Reconciling = "the source or its artifact is not there.",
        SourceFailed: Reconciling = "the source could not be read; it is tried again.",
        Applying: Reconciling = "migrations are being run.",
        WaitingForTurn: Reconciling = "another process runs migrations on this database.",
        WaitingForLock: Reconciling = "other sessions hold what a migration needs; the message names them.",
        DatabaseUnreachable: Reconciling = "the database does not answer; it is asked again.",
        DatabaseSecretMissing: Reconciling = "a Secret or key that the Platform's `spec.database` names is not there.",
        Retrying: Reconciling = "an attempt failed, and nothing of it was kept; it is repeated.",
        NotSeen: ReadyUnknown = "the database was not seen for three intervals.",
        ApprovalRequired: Stalled = "a pending migration is of a class that needs an approval; the message has the plan's digest.",
        ChecksumMismatch: Stalled = "a file is not what was applied under its version. Nothing runs.",
        OutOfOrder: Stalled = "a pending migration is older than the newest applied one.",
        LedgerRegressed: Stalled = "what was applied is no longer in the ledger: the database was restored, or the ledger was repaired.",
        BaselineRequired: Stalled = "the ledger is empty, and the schema is not.",
        BaselineMismatch: Stalled = "`spec.baseline` names another schema than the live one, or no file.",
        DriftBlocked: Stalled = "the schema was changed by hand, and `policy.whileDrifted` is `Block`.",
        MigrationFailed: Stalled = "the database refused a migration; it is not tried again by itself.",
        HalfApplied: Stalled = "a file of several transactions stopped half-way and was changed since.",
        MigrationRefused: Stalled = "a file holds a statement that can't be run safely; the message names its line.",
        SourceRefused: Stalled = "the source's archive is damaged, too large, or holds what is not allowed.",
        SourceInvalid: Stalled = "the source has no migrations, two of one version, or one that is not text.",
        DatabaseClaimed: Stalled = "another MigrationSet owns this database.",
        DatabaseMissing: Stalled = "the Platform names no database.",
        DatabaseRefused: Stalled = "the database refuses the password, the user, the certificate or a right.",
        HostNotAllowed: Stalled = "the operator may not call that host; see its flag `--allow-host`.",
        PoolerUnsupported: Stalled = "a pooler in transaction mode stands before the database; it drops locks and settings.",
        OperatorTooOld: Stalled = "a newer operator keeps its books in this database.",
        AccessMissing: Stalled = "the operator may not read something; the message has the command that allows it.",
        SuspendedByPlatform: Suspended = "`spec.suspend` of the Platform is true.",
        SuspendedByUser: Suspended = "`spec.suspend` is true.",
    }
}

reasons! {
    /// Reasons of a MigrationSet's `Drifted`.
    SchemaDriftReason {
        NoDrift: DriftedFalse = "the live schema is the reference.",
        OutOfBandChange: DriftedTrue = "somebody changed the schema by hand; `status.drift` names what differs.",
        NotCompared: DriftedUnknown = "there was no comparison yet.",
        NoReference: DriftedUnknown = "in `Observe`, only `spec.acceptedSchema` says what the schema should be.",
        RunUnfinished: DriftedUnknown = "migrations ran, and the look behind them is due.",
        NotComparable: DriftedUnknown = "the schema could not be read, because somebody holds a lock on it.",
    }
}
