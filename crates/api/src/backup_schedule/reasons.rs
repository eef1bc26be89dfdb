//! The closed lists of a BackupSchedule's reasons.

use crate::common::reasons::{reasons, shared_reasons};

reasons! {
    /// Reasons of a BackupSchedule's `Ready`, `Reconciling`, `Stalled` and `Suspended`.
    ScheduleReason + SharedReason {
        Scheduled: Ready = "backups are made at each slot, and neither `Fresh` nor `Verified` is False.",
        Suspended: ReadyFalse = "suspended, and `Fresh` or `Verified` is not True.",
        Running: Reconciling = "the first backup is being made, or one after a failure.",
        Retrying: Reconciling = "an attempt of a backup failed, and another one follows; or the API server did not answer.",
        Overdue: Reconciling = "a backup should be complete by now, and is still being made.",
        WaitingForPlatform: Reconciling = "the Platform does not exist.",
        WaitingForDestination: Reconciling = "a BackupDestination that the spec names does not exist.",
        DatabaseUnreachable: Reconciling = "the database does not answer the backup that is due; retrying.",
        SecretMissing: Reconciling = "a Secret or key that the last backup needs does not exist; the message names it.",
        NotObserved: ReadyUnknown = "what the spec names could not be read for three intervals.",
        Stale: Stalled = "the newest backup is older than `objective.rpo`.",
        NotVerified: Stalled = "the newest backup did not pass the level that `verify` asks for, or none did for longer than `objective.rpo`.",
        NeverSucceeded: Stalled = "no backup was ever complete, for longer than `objective.rpo`.",
        AllAttemptsFailed: Stalled = "the last backup failed; the message has its reason. The next one is made at the next slot.",
        ObjectiveUnreachable: Stalled = "slots are further apart than `objective.rpo` allows, and what the platform keeps is not enough either, where it counts; the message says what to write instead. Backups are made all the same.",
        ScratchMissing: Stalled = "`drills` need a scratch server, and the Platform has no `spec.scratch`. Backups are made all the same.",
        ScheduleInvalid: Stalled = "`schedule` or `timeZone`, or the `schedule` of a drill, can't be read; the message says what to write instead.",
        RecipientInvalid: Stalled = "a recipient is none that an archive can be encrypted for.",
        TableMissing: Stalled = "a table that `scope` names does not exist.",
        NameTaken: Stalled = "another Backup or Restore has the name of the one that is due; the message says what to do with it.",
        ClientVersionUnavailable: Stalled = "there is no `pg_dump` of the server's major version; the message names it.",
        SecretNotOffered: Stalled = "a Secret that the last backup needs does not offer this use in its label `ops.mobulace.com/use`; the message has the command that adds it.",
        SecretInvalid: Stalled = "the value of a Secret that the last backup needs is not of the right form; the message names it.",
        AccessMissing: Stalled = "the operator lacks a right; the message says which.",
        SuspendedByUser: Suspended = "`spec.suspend` is true.",
        SuspendedByPlatform: Suspended = "`spec.suspend` of the Platform is true.",
    }
}

shared_reasons!(ScheduleReason: HasPlatform);

reasons! {
    /// Reasons of a BackupSchedule's `Fresh`.
    FreshReason + SharedConditionReason {
        WithinObjective: True = "the newest point is not older than `objective.rpo`.",
        Exceeded: False = "the newest point is older than `objective.rpo`.",
        NeverSucceeded: False = "no backup was ever complete, for longer than `objective.rpo`.",
        Suspended: False = "the newest point is older than `objective.rpo`, and the schedule is suspended.",
        NoBackupYet: Unknown = "no backup is complete yet.",
        NotCompared: Unknown = "what there is could not be observed for three intervals.",
    }
}

reasons! {
    /// Reasons of a BackupSchedule's `Verified`.
    VerifiedReason + SharedConditionReason {
        Bytes: True = "the newest verified backup was read to its end.",
        Archive: True = "`pg_restore` read the newest verified backup to its end, and found the tables that were proved.",
        Restored: True = "the newest verified backup was restored without an error.",
        Content: True = "the newest verified backup was restored, and each table has the rows of the source.",
        Failed: False = "the newest backup did not pass a level; the message says which backup.",
        Stale: False = "the newest backup that passed the level of `verify` is older than `objective.rpo`.",
        NoScratch: False = "`verify` is `Content`, and the Platform has no `spec.scratch`.",
        NoIdentity: False = "`encryption.identitySecretRef` names no identity, and nothing above `Bytes` can be verified.",
        NoBackupYet: Unknown = "no backup was verified yet.",
        NotCompared: Unknown = "what there is could not be observed for three intervals.",
    }
}

reasons! {
    /// Reasons of a BackupSchedule's `Drilled`.
    DrilledReason + SharedConditionReason {
        WithinObjective: True = "the last drill restored its backup, no slower than `objective.rto`; nor is that predicted for the size of today.",
        Failed: False = "the last drill failed; the message has its reason.",
        Overdue: False = "no drill has ended since the slot of one, for as long as its attempts may take.",
        TooSlow: False = "the last drill took longer than `objective.rto`, or the next one is predicted to.",
        NoScratch: False = "the Platform has no `spec.scratch` to restore a backup into.",
        NotYet: Unknown = "no drill has ended yet.",
        NotCompared: Unknown = "what there is could not be observed for three intervals.",
    }
}

reasons! {
    /// Reasons of a BackupSchedule's `Drifted`.
    ScheduleDriftReason + SharedConditionReason {
        NoDrift: False = "each backup is where it was stored.",
        ObjectMissing: True = "a copy of a backup is gone from its destination. The Backup stays.",
        ObjectChanged: True = "a copy of a backup is another one than was stored.",
        NotCompared: Unknown = "there is no backup yet, or what there is could not be observed for three intervals.",
    }
}
