//! The closed lists of an EdgeFunction's reasons.

use crate::common::reasons::reasons;

reasons! {
    /// Reasons of an EdgeFunction's `Ready`, `Reconciling`, `Stalled` and `Suspended`.
    FunctionReason {
        Live: Ready = "the wanted content was made live, and the function was seen.",
        Observed: Ready = "in `Observe`, the function was looked at.",
        Suspended: ReadyFalse = "suspended before the wish was live.",
        FirstLook: Reconciling = "the function was not looked at yet.",
        Deploying: Reconciling = "a deploy is under way.",
        Confirming: Reconciling = "a deploy was sent and is not confirmed by a fresh list yet.",
        OutcomeUnknown: Reconciling = "the answer to a deploy was lost; only looking can tell, so nothing is sent again before.",
        Checking: Reconciling = "the checks of a deploy are under way.",
        RollingBack: Reconciling = "checks failed; the proven content is being deployed again.",
        CorrectingDrift: Reconciling = "the applied content is being deployed again over a foreign one.",
        WaitingForPlatform: Reconciling = "the Platform is not there, or was not seen yet.",
        WaitingForSource: Reconciling = "the source object, or its artifact, is not there yet.",
        WaitingForSecrets: Reconciling = "secrets that the function requires are not set in the project.",
        WaitingForMigration: Reconciling = "the migration that the function requires is not applied.",
        WaitingForWave: Reconciling = "functions of a lower wave are not live and proven yet.",
        WaitingForKey: Reconciling = "a check needs the anonymous key, and the Platform names none that can be read.",
        RateLimited: Reconciling = "the platform or our own budget asks to wait.",
        Retrying: Reconciling = "an attempt failed; it is repeated.",
        NotSeen: ReadyUnknown = "the function was not seen for three intervals.",
        AccessMissing: Stalled = "the operator may not read or write something; the message has the command that allows it.",
        SourceRefused: Stalled = "the source's archive is damaged, too large, or holds what is not allowed.",
        SourceInvalid: Stalled = "the source lacks the entrypoint or an import, or does not parse.",
        DeployRefused: Stalled = "the platform refuses the content.",
        ChecksFailed: Stalled = "checks failed, and there was nothing to roll back to.",
        RolledBack: Stalled = "checks failed, and the proven content is live again.",
        AdoptionConflict: Stalled = "a function that this object did not make is live, and it differs.",
        UnknownOwnDeploy: Stalled = "an ace-operator deployed this content, but this object does not remember it.",
        SlugClaimed: Stalled = "an older EdgeFunction owns this function.",
        DriftContested: Stalled = "somebody changes the function back again and again.",
        ArchiveTooLarge: Stalled = "the foreign content is too large to be archived, so it is not overwritten.",
        ArchiveUnreadable: Stalled = "the foreign content can't be read, so it is not overwritten.",
        SuspendedByPlatform: Suspended = "`spec.suspend` of the Platform is true.",
        SuspendedByUser: Suspended = "`spec.suspend` is true.",
    }
}

reasons! {
    /// Reasons of an EdgeFunction's `Drifted`.
    DriftReason {
        NoDrift: DriftedFalse = "the live function is what was applied.",
        DriftCorrected: DriftedFalse = "a foreign change was undone; `status.drift` names it.",
        OutOfBandChange: DriftedTrue = "somebody else changed the live function; `status.drift` names what differs.",
        Missing: DriftedTrue = "the function that was applied is gone.",
        Foreign: DriftedTrue = "the live function is not known to this object.",
        NotCompared: DriftedUnknown = "there was no comparison yet, or none for three intervals.",
        NotComparable: DriftedUnknown = "the live content can't be read in a form that can be compared.",
    }
}
