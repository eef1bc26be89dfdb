use ace_api::{ChannelReason, NotificationChannel, SecretKeyReference, SecretUse};
use ace_domain::kinds::notification_channel::{Cause, Memory, State};
use ace_egress::SecretUrl;
use ace_notify::{Format, SigningSecret};
use kube::ResourceExt;

use super::{Destination, NotificationChannels};
use crate::connections::secrets::Secrets;

/// Reads the Secrets of a channel.
pub(super) async fn observe(
    kind: &NotificationChannels,
    object: &NotificationChannel,
    memory: Memory,
) -> (State, Option<Destination>) {
    let mut state = State {
        timing: kind.timing,
        memo: object.status.clone().unwrap_or_default(),
        obstacle: None,
        memory,
    };
    if object.spec.suspend {
        return (state, None);
    }
    let read = destination(kind, object).await;
    let is_refused = matches!(&read, Err(cause) if cause.reason == ChannelReason::AccessMissing);
    state.memory.refusals = state.memory.refusals.after(is_refused);
    match read {
        Ok(destination) => (state, Some(destination)),
        Err(cause) => {
            state.obstacle = Some(cause);
            (state, None)
        }
    }
}

async fn destination(kind: &NotificationChannels, object: &NotificationChannel) -> Result<Destination, Cause> {
    let secrets = Secrets {
        client: &kind.client,
        names: &kind.installation,
        namespace: &object.namespace().unwrap_or_default(),
    };
    let (reference, wanted, format) = match (&object.spec.slack, &object.spec.webhook) {
        (Some(slack), _) => (&slack.webhook_url_secret_ref, SecretUse::Slack, Format::Slack),
        (None, Some(webhook)) => {
            let secret = secrets.value(
                &webhook.signing_secret_ref,
                SecretUse::Webhook,
                "a valid signing secret",
                SigningSecret::new,
            );
            let format = Format::Webhook(secret.await?);
            (&webhook.url_secret_ref, SecretUse::Webhook, format)
        }
        // Never happens: the API server refuses such a spec.
        (None, None) => {
            let message = "the spec names neither `slack` nor `webhook`";
            return Err(Cause::new(ChannelReason::SecretInvalid, message));
        }
    };
    let url = secrets.value(reference, wanted, "a valid URL", SecretUrl::new).await?;
    if !kind.http.may_post(&url) {
        let SecretKeyReference { name, key } = reference;
        let message = format!(
            "the operator is not allowed to send to the host of the URL in key `{key}` of Secret `{name}`: add the host to its flag `--allow-notify-host`, or put another URL there"
        );
        return Err(Cause::new(ChannelReason::HostNotAllowed, message));
    }
    Ok(Destination { url, format })
}
