//! The closed list of a Platform's reasons.

use crate::common::reasons::reasons;

reasons! {
    /// Reasons of a Platform's `Ready`, `Reconciling`, `Stalled` and `Suspended`.
    PlatformReason {
        Reachable: Ready = "the platform answers, and so does the database where the spec names one.",
        FirstLook: Reconciling = "the platform was not looked at yet.",
        SecretMissing: Reconciling = "a Secret or key that the spec names is not there.",
        ProjectNotReady: Reconciling = "the project is starting, restoring or unhealthy.",
        Unreachable: Reconciling = "the platform does not answer; it is asked again.",
        RateLimited: Reconciling = "the platform or our own budget asks to wait.",
        DatabaseUnreachable: Reconciling = "the database does not answer; it is asked again. Functions go on.",
        DatabaseSecretMissing: Reconciling = "a Secret or key that `spec.database` names is not there. Functions go on.",
        NotSeen: ReadyUnknown = "no good answer for three intervals.",
        AccessMissing: Stalled = "the operator may not read the Secret; the message has the command that allows it.",
        TokenInvalid: Stalled = "the Secret's value can't be a token.",
        TokenRejected: Stalled = "the platform refuses the token.",
        ProjectNotFound: Stalled = "the token's owner has no such project.",
        ProjectInactive: Stalled = "the project is paused, removed or failed; restore it in the dashboard.",
        HostNotAllowed: Stalled = "the operator may not call that host; see its flag `--allow-host`.",
        DatabaseAccessMissing: Stalled = "the operator may not read a Secret that `spec.database` names; the message has the command that allows it.",
        DatabasePasswordRejected: Stalled = "the database rejects the user's password.",
        DatabaseCertificateRefused: Stalled = "the database's certificate is not believed, or it does not speak TLS, or `caSecretRef` holds no certificate.",
        DatabaseRefused: Stalled = "the database answers, and refuses the user, the database's name or the question who it is.",
        PoolerUnsupported: Stalled = "a pooler in transaction mode stands before the database; it drops locks and settings.",
        SuspendedByUser: Suspended = "`spec.suspend` is true.",
    }
}
