//! The closed lists of a BackupDestination's reasons.

use crate::common::reasons::{reasons, shared_reasons};

reasons! {
    /// Reasons of a BackupDestination's `Ready`, `Reconciling`, `Stalled` and `Suspended`.
    DestinationReason + SharedReason {
        Available: Ready = "the store can be written, read and listed.",
        Observing: Reconciling = "the store is listed or tried for the first time with this spec.",
        SecretMissing: Reconciling = "the Secret that the spec names does not exist, or lacks a key.",
        Unreachable: Reconciling = "the store does not answer, or asks to come again later; retrying.",
        Retrying: Reconciling = "the API server did not return the Secret; retrying.",
        Full: Reconciling = "the store has no room left; it is tried again.",
        NotObserved: ReadyUnknown = "the store could not be listed for three intervals.",
        AccessMissing: Stalled = "the operator lacks the right to read the Secret, and the message has the command that grants it; or the spec names no Secret, and no flag lets objects use the pod's own identity.",
        SecretNotOffered: Stalled = "the Secret does not offer this use in its label `ops.mobulace.com/use`; the message has the command that adds it.",
        SecretInvalid: Stalled = "what the Secret holds is not of the form that the store wants.",
        AddressInvalid: Stalled = "the address of the store in the spec can't be used; the message says why.",
        CredentialsRejected: Stalled = "the store does not know the key, or the key may not list the bucket.",
        BucketMissing: Stalled = "there is no such bucket, container or directory.",
        ReadOnly: Stalled = "the key may list, and may not write or read objects.",
        HostNotAllowed: Stalled = "no flag of the operator allows the host or the directory; the message names the flag.",
        PrefixClaimed: Stalled = "an older BackupDestination has this prefix of the store, or one above or below it.",
        ClockSkew: Stalled = "the clocks of store and operator differ too much for a signature to hold.",
        StoreRefused: Stalled = "the store refuses what every store can do, or gives back something else; the message has its words.",
        SuspendedByUser: Suspended = "`spec.suspend` is true.",
    }
}

reasons! {
    /// Reasons of a BackupDestination's `Drifted`.
    DestinationDriftReason + SharedConditionReason {
        NoDrift: False = "everything below the prefix belongs to a backup, and every backup is there.",
        ObjectMissing: True = "what a Backup has stored here is gone; the Backup stays, and says so.",
        ObjectChanged: True = "what a Backup has stored here has another size now.",
        Unexpected: True = "something below the prefix belongs to no backup. It is not touched.",
        NotCompared: Unknown = "the store was not listed yet, or could not be for three intervals.",
    }
}

shared_reasons!(DestinationReason: HasSecrets);
