//! The closed list of a NotificationChannel's reasons.

use crate::common::reasons::{reasons, shared_reasons};

reasons! {
    /// Reasons of a NotificationChannel's `Ready`, `Reconciling`, `Stalled` and `Suspended`.
    ChannelReason + SharedReason {
        Accepted: Ready = "the receiver accepted the last message.",
        Untested: Ready = "the Secrets hold what is needed to send, and no message was sent since the spec changed.",
        Delivering: Reconciling = "a message is being sent.",
        Retrying: Reconciling = "an attempt failed; retrying. The message says what failed.",
        NotObserved: ReadyUnknown = "what the spec names could not be read for three intervals.",
        SecretMissing: Reconciling = "a Secret or key that the spec names does not exist.",
        AccessMissing: Stalled = "the operator lacks the right to read a Secret that the spec names; the message has the command that grants it.",
        SecretNotOffered: Stalled = "a Secret that the spec names does not offer this use in its label `ops.mobulace.com/use`; the message has the command that adds it.",
        SecretInvalid: Stalled = "the Secret's value is not a URL, not a signing secret, or not a routing key.",
        HostNotAllowed: Stalled = "the operator's flag `--allow-notify-host` does not allow the host of the URL or the mail server, or a mail server would be spoken to without encryption.",
        Refused: Stalled = "the receiver refused the last message; it is not sent again unchanged.",
        NotDelivered: Stalled = "every attempt to send the last message failed; it is not sent again.",
        DeliveryUnknown: Stalled = "the last message may have been received; it is not sent again.",
        SuspendedByUser: Suspended = "`spec.suspend` is true.",
    }
}

shared_reasons!(ChannelReason: HasSecrets);
