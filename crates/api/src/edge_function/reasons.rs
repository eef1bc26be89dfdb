//! The closed lists of an EdgeFunction's reasons.

use crate::common::reasons::{reasons, shared_reasons};

reasons! {
    /// Reasons of an EdgeFunction's `Ready`, `Reconciling`, `Stalled` and `Suspended`.
    FunctionReason + SharedReason {
        Live: Ready = "the desired content was deployed, and the live function was observed within three intervals.",
        Observed: Ready = "in `Observe`, the live function was observed and compared.",
        Suspended: ReadyFalse = "suspended before the desired state was live.",
        Observing: Reconciling = "the live function is being read for the first time.",
        Deploying: Reconciling = "a deploy is in progress.",
        Confirming: Reconciling = "a deploy was sent, and no list of functions confirms it yet.",
        OutcomeUnknown: Reconciling = "the response to a deploy was lost; nothing is sent again until lists show whether it took effect.",
        Checking: Reconciling = "the checks of a deploy are running.",
        RollingBack: Reconciling = "checks failed; the last proven content is being deployed again.",
        CorrectingDrift: Reconciling = "an out-of-band change is being undone by deploying the applied content again.",
        Deleting: Reconciling = "the object is being deleted with `deletionPolicy: Delete`, and so is the live function.",
        WaitingForPlatform: Reconciling = "the Platform does not exist, or was not observed yet.",
        WaitingForSource: Reconciling = "the source object or its artifact does not exist yet.",
        WaitingForSecrets: Reconciling = "secrets that the function requires are not set in the project.",
        WaitingForMigration: Reconciling = "the migration that the function requires is not applied.",
        WaitingForWave: Reconciling = "functions of a lower wave are not live and proven yet.",
        WaitingForKey: Reconciling = "a check needs the anonymous key, and the Platform names none that can be read.",
        NotPermitted: Reconciling = "the project's plan or the permissions of the Platform's token do not allow the change; the Platform says what to do, and it is tried again once per interval.",
        RateLimited: Reconciling = "the Management API limits the rate, or the Platform's `requestsPerMinute` is used up; the message says which.",
        Retrying: Reconciling = "an attempt failed; it is retried with backoff.",
        NotObserved: ReadyUnknown = "the live function could not be observed for three intervals.",
        AccessMissing: Stalled = "the operator lacks a right in this namespace; the message has the command that grants it.",
        SourceRefused: Stalled = "the source's archive is damaged, too large, or holds what is not allowed.",
        SourceInvalid: Stalled = "the source lacks the entrypoint or an import, or a file does not parse.",
        DeployRefused: Stalled = "the Management API refuses the content, or answered five deploys of it in a row with an error of its own; the message says which.",
        ChecksFailed: Stalled = "checks failed, and there was no proven content to roll back to.",
        RolledBack: Stalled = "checks failed, and the last proven content is live again.",
        AdoptionConflict: Stalled = "a function that this object did not deploy is live, and its content differs.",
        UnknownOwnDeploy: Stalled = "an ace-operator deployed the live content, but this object's status has no record of it.",
        SlugClaimed: Stalled = "an older EdgeFunction owns this function.",
        DriftContested: Stalled = "the function was corrected three times within an hour and changed out of band again.",
        ArchiveTooLarge: Stalled = "the live content was deployed out of band and is too large to be archived, so it is not overwritten.",
        ArchiveUnreadable: Stalled = "the live content was deployed out of band and can't be read, so it is not overwritten.",
        SuspendedByPlatform: Suspended = "`spec.suspend` of the Platform is true.",
        SuspendedByUser: Suspended = "`spec.suspend` is true.",
    }
}

reasons! {
    /// Reasons of an EdgeFunction's `Drifted`.
    DriftReason + SharedConditionReason {
        NoDrift: False = "the live function is what was applied.",
        DriftCorrected: False = "an out-of-band change was undone; `status.drift` names it.",
        OutOfBandChange: True = "the live function was changed out of band; `status.drift` names what differs.",
        Missing: True = "the function that was applied does not exist any more.",
        Foreign: True = "the live function was not deployed by this object.",
        NotCompared: Unknown = "the live function was not compared yet, or could not be for three intervals.",
        NotComparable: Unknown = "the live content can't be read in a form that can be compared.",
    }
}

shared_reasons!(FunctionReason: HasPlatform);
shared_reasons!(FunctionReason: HasSource);
