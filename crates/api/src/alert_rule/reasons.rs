//! The closed lists of an AlertRule's reasons.

use crate::common::reasons::{reasons, shared_reasons};

reasons! {
    /// Reasons of an AlertRule's `Ready`, `Reconciling`, `Stalled` and `Suspended`: whether it is asked, and by whom it is heard.
    AlertRuleReason + SharedReason {
        Evaluated: Ready = "the rule is asked at each interval, and was answered.",
        Suspended: ReadyFalse = "suspended before it was answered.",
        Evaluating: Reconciling = "the rule was not asked yet as it is now; its first turn comes within an interval.",
        WaitingForPlatform: Reconciling = "the Platform does not exist.",
        WaitingForChannel: Reconciling = "a NotificationChannel that `notify` names does not exist. The rule is asked all the same.",
        QueryFailed: Reconciling = "the last turn failed, and the next one may not: a timeout, a lock, a server that is restarting. What fires goes on firing.",
        DatabaseUnreachable: Reconciling = "the database does not answer; retrying. What fires goes on firing.",
        SecretMissing: Reconciling = "a Secret or key that `spec.database` of the Platform names does not exist.",
        Retrying: Reconciling = "the API server did not return a Secret that `spec.database` of the Platform names; retrying.",
        NotObserved: ReadyUnknown = "the rule was not asked for three intervals.",
        DatabaseNotSet: Stalled = "`source.sql` needs a database, and the Platform has no `spec.database`.",
        ReaderMissing: Stalled = "`source.sql` needs a login of its own, and the Platform has no `spec.database.reader`; the message has the statements that make one.",
        ReaderTooPowerful: Stalled = "the reader may do more than read: it is a superuser, the user of migrations or a member of it, or may end others' sessions. The message says what to revoke.",
        QueryInvalid: Stalled = "the server refuses the query, or its columns or values are not those that a rule needs; the message has place and name. What fires goes on firing.",
        TooManySeries: Stalled = "the query returns more than 50 rows; none of them was evaluated.",
        ContactUnknown: Stalled = "`contacts` names one that the Platform does not have. The rule is asked all the same.",
        NobodyTold: Stalled = "no NotificationChannel is told of this rule: `notify` names none, and none of the namespace is one by default. The rule is asked all the same.",
        AccessMissing: Stalled = "the operator lacks the right to read a Secret that `spec.database` of the Platform names; the message has the command that grants it.",
        SecretNotOffered: Stalled = "a Secret that `spec.database` of the Platform names does not offer this use in its label `ops.mobulace.com/use`; the message has the command that adds it.",
        SecretInvalid: Stalled = "the value of a Secret that `spec.database` of the Platform names is no password or no certificate.",
        HostNotAllowed: Stalled = "the host that is asked is not the project's own, and no flag of the operator allows it.",
        TokenRejected: Stalled = "the Management API rejects the access token of the Platform, or the token lacks a permission.",
        DatabasePasswordRejected: Stalled = "the database rejects the reader's password. What fires goes on firing.",
        DatabaseCertificateRefused: Stalled = "certificate verification failed, or the server does not support TLS.",
        DatabaseInsecure: Stalled = "the database is not encrypted (`tls: Disable`), or asks for the password in clear text or as MD5; the operator's flag `--allow-insecure-database` allows that.",
        DatabaseRefused: Stalled = "the database answers, and refuses the reader or the database's name.",
        PoolerUnsupported: Stalled = "the address is a connection pooler in transaction mode, which loses settings.",
        SuspendedByUser: Suspended = "`spec.suspend` is true.",
        SuspendedByPlatform: Suspended = "`spec.suspend` of the Platform is true.",
    }
}

shared_reasons!(AlertRuleReason: HasPlatform);
shared_reasons!(AlertRuleReason: HasSecrets);

reasons! {
    /// Reasons of an AlertRule's `Firing`, which never touches `Ready`.
    FiringReason + SharedConditionReason {
        Breached: True = "a series is beyond a threshold, for as long as `condition.for` says.",
        Held: True = "what fired is clear again, and goes on firing for `condition.keepFiringFor`.",
        Flapping: True = "a series began to fire three times within an hour; it goes on firing until it was clear for 30 min.",
        NoData: True = "nothing came back for `condition.noData.after`, and `then` is `Fire`.",
        Error: True = "the rule could not be asked for `condition.error.after`, and `then` is `Fire`.",
        Pending: False = "a series is beyond a threshold, not yet for as long as `condition.for` says.",
        Inactive: False = "nothing is beyond a threshold.",
        Measured: False = "the rule has no `condition`: it only measures.",
        NotCompared: Unknown = "the rule was not answered yet, or could not be observed for three intervals.",
    }
}
