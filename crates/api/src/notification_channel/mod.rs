//! `NotificationChannel`: where to send messages. This file is what the user writes; `status` is what the operator answers.

mod reasons;
mod status;

use kube::{CustomResource, KubeSchema};
use serde::{Deserialize, Serialize};

use crate::SecretKeyReference;

pub use reasons::ChannelReason;
pub use status::{ChannelStatus, ChannelType, Delivery, DeliveryResult, DeliveryType, TestDelivery};

/// On a NotificationChannel: a changed value asks for one test message.
pub const ANNOTATION_TEST_AT: &str = "ops.mobulace.com/test-at";

/// Where messages are sent. Exactly one of `slack` and `webhook`.
#[allow(clippy::duplicated_attributes, reason = "each column repeats its keys")]
#[derive(Clone, CustomResource, Debug, Deserialize, KubeSchema, PartialEq, Serialize)]
#[kube(
    group = "ops.mobulace.com",
    version = "v1alpha1",
    kind = "NotificationChannel",
    namespaced,
    status = "ChannelStatus",
    derive = "PartialEq",
    shortname = "channel",
    category = "ace",
    doc = "NotificationChannel is one place where messages are sent: a channel in Slack, or an endpoint for Standard Webhooks. A changed value of the annotation `ops.mobulace.com/test-at` sends one test message.",
    printcolumn(name = "Type", type_ = "string", json_path = ".status.type"),
    printcolumn(
        name = "Last",
        type_ = "date",
        json_path = ".status.deliveries[0].time",
        priority = 1
    )
)]
#[x_kube(
    validation = Rule::new("has(self.slack) != has(self.webhook)")
        .message("exactly one of `slack` and `webhook` must be set: create another NotificationChannel for another place")
)]
#[serde(rename_all = "camelCase")]
pub struct NotificationChannelSpec {
    /// slack is an incoming webhook of Slack.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slack: Option<Slack>,
    /// webhook is an endpoint for Standard Webhooks, <https://www.standardwebhooks.com>.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub webhook: Option<Webhook>,
    /// default: AlertRules that name no channels tell this one.
    #[serde(default)]
    pub default: bool,
    /// suspend stops deliveries: nothing is read or sent. A test message that is asked for meanwhile is sent afterwards.
    #[serde(default)]
    pub suspend: bool,
}

/// An incoming webhook of Slack.
#[derive(Clone, Debug, Deserialize, KubeSchema, PartialEq, Serialize)]
pub struct Slack {
    /// webhookURLSecretRef names the webhook's URL (`https://hooks.slack.com/services/…`). The operator's flag `--allow-notify-host` must name its host.
    #[serde(rename = "webhookURLSecretRef")]
    pub webhook_url_secret_ref: SecretKeyReference,
}

/// An endpoint for Standard Webhooks.
#[derive(Clone, Debug, Deserialize, KubeSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Webhook {
    /// urlSecretRef names the endpoint's URL. The operator's flag `--allow-notify-host` must name its host.
    pub url_secret_ref: SecretKeyReference,
    /// signingSecretRef names the secret that messages are signed with: `whsec_` and base64 of 24 to 64 random bytes.
    pub signing_secret_ref: SecretKeyReference,
}
