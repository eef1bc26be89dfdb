//! The closed list of a NotificationChannel's reasons.

use crate::common::reasons::{reasons, shared_reasons};

reasons! {
    /// Reasons of a NotificationChannel's `Ready`, `Reconciling`, `Stalled` and `Suspended`.
    ChannelReason + SharedReason {
        Accepted: Ready = "the receiver accepted the last message.",
        Suspended: ReadyFalse = "suspended before anything was sent.",
        Untested: Ready = "the Secrets hold what is needed to send, and no message was sent since the spec changed.",
        Delivering: Reconciling = "a message is being sent.",
        Retrying: Reconciling = "an attempt failed; retrying. The message says what failed.",
        NotObserved: ReadyUnknown = "what the spec names could not be read for three intervals.",
        SecretMissing: Reconciling = "a Secret or key that the spec names, or `spec.database` of the Platform, does not exist.",
        WaitingForPlatform: Reconciling = "the Platform that `platformTable` names does not exist.",
        DatabaseUnreachable: Reconciling = "the database of the Platform does not answer; retrying.",
        AccessMissing: Stalled = "the operator lacks the right to read a Secret that the spec names; the message has the command that grants it.",
        SecretNotOffered: Stalled = "a Secret that the spec names does not offer this use in its label `ops.mobulace.com/use`; the message has the command that adds it.",
        SecretInvalid: Stalled = "the Secret's value is not a URL, not a signing secret, or not a routing key.",
        HostNotAllowed: Stalled = "the operator's flag `--allow-notify-host` does not allow the host of the URL or the mail server, or a mail server would be spoken to without encryption; with `platformTable`, the database is not the project's own.",
        DatabaseNotSet: Stalled = "the Platform that `platformTable` names has no `spec.database`.",
        TableUnsuitable: Stalled = "`public.alert_instances` is not as `platformTable` needs it; the message has what is missing. It is looked at again once per interval of the Platform.",
        DatabasePasswordRejected: Stalled = "the database rejects the password of the Platform's user.",
        DatabaseCertificateRefused: Stalled = "certificate verification failed, or the server does not support TLS.",
        DatabaseInsecure: Stalled = "the database is not encrypted (`tls: Disable`), or asks for the password in clear text or as MD5; the operator's flag `--allow-insecure-database` allows that.",
        DatabaseRefused: Stalled = "the database answers, and refuses the user or the database's name.",
        PoolerUnsupported: Stalled = "the address is a connection pooler in transaction mode, which loses settings.",
        Refused: Stalled = "the receiver refused the last message; it is not sent again unchanged.",
        NotDelivered: Stalled = "every attempt to send the last message failed; it is not sent again.",
        DeliveryUnknown: Stalled = "the last message may have been received; it is not sent again.",
        SuspendedByUser: Suspended = "`spec.suspend` is true.",
        SuspendedByPlatform: Suspended = "`spec.suspend` of the Platform that `platformTable` names is true.",
    }
}

shared_reasons!(ChannelReason: HasPlatform);
shared_reasons!(ChannelReason: HasSecrets);
