use ace_api::{ChannelReason, NotificationChannel, SecretKeyReference, SecretUse};
use ace_domain::{
    kinds::{
        alert_rule,
        notification_channel::{self, Cause, Memory, Neighbour, Rule, State},
        silence::{self, Quiet},
    },
    reconcile::key::Key,
};
use ace_egress::SecretUrl;
use ace_notify::{Format, PAGERDUTY_PATH, RoutingKey, SigningSecret};
use jiff::Timestamp;
use kube::ResourceExt;

use super::{Destination, NotificationChannels};
use crate::{
    caches::{cached, in_namespace},
    connections::secrets::Secrets,
};

/// Reads the Secrets of a channel, and from the caches what there is to tell.
pub(super) async fn observe(
    kind: &NotificationChannels,
    object: &NotificationChannel,
    memory: Memory,
    now: Timestamp,
) -> (State, Option<Destination>) {
    let namespace = object.namespace().unwrap_or_default();
    let (caches, index) = (&kind.caches, &kind.caches.dependents);
    let rules = in_namespace::<alert_rule::Kind>(index, &caches.rules, &namespace);
    let silences = in_namespace::<silence::Kind>(index, &caches.silences, &namespace);
    let channels = in_namespace::<notification_channel::Kind>(index, &caches.channels, &namespace);
    let mut state = State {
        timing: kind.timing,
        memo: object.status.clone().unwrap_or_default(),
        obstacle: None,
        are_rules_known: rules.iter().all(|rule| rule.0.is_ok()),
        rules: rules
            .iter()
            .filter_map(|rule| rule.0.as_ref().ok())
            .map(|rule| {
                let platform = cached(&kind.caches.platforms, &Key::beside(rule, &rule.spec.platform_ref.name));
                Rule::of(rule, platform.as_deref().and_then(|platform| platform.0.as_ref().ok()))
            })
            .collect(),
        silences: silences
            .iter()
            .filter_map(|silence| Quiet::of(silence.0.as_ref().ok()?, now))
            .collect(),
        channels: channels
            .iter()
            .filter_map(|channel| channel.0.as_ref().ok())
            .map(Neighbour::of)
            .collect(),
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
    if let Some(pager_duty) = &object.spec.pager_duty {
        let key = secrets.value(
            &pager_duty.routing_key_secret_ref,
            SecretUse::PagerDuty,
            "a routing key",
            RoutingKey::new,
        );
        let format = Format::PagerDuty(key.await?);
        let url = format!("{}/{PAGERDUTY_PATH}", pager_duty.url.trim_end_matches('/'));
        let url = SecretUrl::new(&url).map_err(|error| {
            // Never happens: the API server refuses such a spec.
            Cause::new(
                ChannelReason::SecretInvalid,
                format!("`pagerDuty.url` is no valid URL: {error}"),
            )
        })?;
        if !kind.http.may_post(&url) {
            let message = "the operator is not allowed to send to the host of `pagerDuty.url`: add the host to its flag `--allow-notify-host`, or name another one";
            return Err(Cause::new(ChannelReason::HostNotAllowed, message));
        }
        return Ok(Destination { url, format });
    }
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
            let message = "the spec names none of `pagerDuty`, `slack` and `webhook`";
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
