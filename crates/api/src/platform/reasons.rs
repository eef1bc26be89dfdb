//! The closed list of a Platform's reasons.

use crate::common::reasons::{reasons, shared_reasons};

reasons! {
    /// Reasons of a Platform's `Ready`, `Reconciling`, `Stalled` and `Suspended`.
    PlatformReason + SharedReason {
        Reachable: Ready = "the Management API answers, and so does the database where the spec names one.",
        Observing: Reconciling = "the project, its functions and its database are being read for the first time.",
        SecretMissing: Reconciling = "a Secret or key that the spec names does not exist.",
        ProjectNotReady: Reconciling = "the project is starting, restoring or unhealthy.",
        Unreachable: Reconciling = "the Management API does not answer; retrying.",
        RateLimited: Reconciling = "the Management API limits the rate, or `requestsPerMinute` is used up; the message says which.",
        DatabaseUnreachable: Reconciling = "the database does not answer; retrying. Functions are not affected.",
        DatabaseSecretMissing: Reconciling = "a Secret or key that `spec.database` names does not exist. Functions are not affected.",
        Retrying: Reconciling = "the API server did not return a Secret that the spec names; retrying.",
        NotObserved: ReadyUnknown = "no list of functions could be read for three intervals.",
        AccessMissing: Stalled = "the operator lacks the right to read a Secret that the spec names; the message has the command that grants it.",
        SecretNotOffered: Stalled = "a Secret that the spec names does not offer this use in its label `ops.mobulace.com/use`; the message has the command that adds it.",
        SecretInvalid: Stalled = "the value of a Secret that the spec names can't be an access token, a password or a certificate; the message says which. Where it is the database's, functions are not affected.",
        TokenRejected: Stalled = "the Management API rejects the access token, or the token lacks a permission.",
        PlanLimit: Stalled = "the project's plan does not allow a change that an EdgeFunction needs; the message has the platform's words.",
        ProjectNotFound: Stalled = "the token's owner has no such project.",
        ProjectInactive: Stalled = "the project is paused, removed or failed; restore it in the dashboard.",
        HostNotAllowed: Stalled = "an address in the spec is not the project's own, and no flag of the operator allows it; the message names the flag.",
        DatabasePasswordRejected: Stalled = "the database rejects the user's password.",
        DatabaseCertificateRefused: Stalled = "certificate verification failed, or the server does not support TLS.",
        DatabaseInsecure: Stalled = "the database is not encrypted (`tls: Disable`), or asks for the password in clear text or as MD5; the operator's flag `--allow-insecure-database` allows that.",
        DatabaseRefused: Stalled = "the database answers, and refuses the user, the database's name or the query that identifies it.",
        PoolerUnsupported: Stalled = "the address is a connection pooler in transaction mode, which loses locks and settings.",
        SuspendedByUser: Suspended = "`spec.suspend` is true.",
    }
}

shared_reasons!(PlatformReason: HasSecrets);
