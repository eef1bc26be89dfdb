//! `NotificationChannel`: where to send messages. This file is what the user writes; `status` is what the operator answers.

mod reasons;
mod status;

use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Duration, LocalReference, SecretKeyReference, Severity};

pub use reasons::ChannelReason;
pub use status::{
    AlertGroup, ChannelStatus, ChannelType, Delivery, DeliveryIntent, DeliveryResult, DeliveryType, HandledGroup,
    RefusedNews, TestDelivery, ToldNews,
};

/// On a NotificationChannel: a changed value asks for one test message.
pub const ANNOTATION_TEST_AT: &str = "ops.mobulace.com/test-at";

/// Who is told of alerts. Exactly one of `pagerDuty`, `slack`, `email`, `webhook` and `platformTable`.
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
    doc = "NotificationChannel is one place where alerts are told: a service at PagerDuty, a channel in Slack, mailboxes, an endpoint for Standard Webhooks, or the platform's own page of alerts. It says once what fires, again while that lasts, and once that it is over. A changed value of the annotation `ops.mobulace.com/test-at` sends one test message.",
    printcolumn(name = "Type", type_ = "string", json_path = ".status.type"),
    printcolumn(name = "Open", type_ = "integer", json_path = ".status.open"),
    printcolumn(name = "Severities", type_ = "string", json_path = ".spec.severities", priority = 1),
    printcolumn(name = "After", type_ = "string", json_path = ".spec.after", priority = 1),
    printcolumn(
        name = "Last",
        type_ = "date",
        json_path = ".status.deliveries[0].time",
        priority = 1
    )
)]
#[x_kube(
    validation = Rule::new("[has(self.pagerDuty), has(self.slack), has(self.email), has(self.webhook), has(self.platformTable)].filter(one, one).size() == 1")
        .message("exactly one of `pagerDuty`, `slack`, `email`, `webhook` and `platformTable` must be set: create another NotificationChannel for another place"),
    validation = Rule::new("!has(self.platformTable) || !has(self.groupBy)")
        .message("`groupBy` must not be set with `platformTable`: each alert has a row of its own")
        .field_path(".groupBy"),
    validation = Rule::new("!has(oldSelf.platformTable) || (has(self.platformTable) && self.platformTable.platformRef.name == oldSelf.platformTable.platformRef.name)")
        .message("`platformTable` is immutable, or its open rows would stay open: create another NotificationChannel for another place")
        .field_path(".platformTable"),
    validation = Rule::new("self.after.matches('^([0-9]{1,5}(h|m|s|ms)){1,4}$') && duration(self.after) >= duration('0s') && duration(self.after) <= duration('24h')")
        .message("`after` must be between '0s' and '24h', such as '30m'")
        .field_path(".after"),
    validation = Rule::new("self.groupWait.matches('^([0-9]{1,5}(h|m|s|ms)){1,4}$') && duration(self.groupWait) >= duration('0s') && duration(self.groupWait) <= duration('10m')")
        .message("`groupWait` must be between '0s' and '10m', such as '30s'")
        .field_path(".groupWait"),
    validation = Rule::new("self.groupInterval.matches('^([0-9]{1,5}(h|m|s|ms)){1,4}$') && duration(self.groupInterval) >= duration('1m') && duration(self.groupInterval) <= duration('1h')")
        .message("`groupInterval` must be between '1m' and '1h', such as '5m'")
        .field_path(".groupInterval"),
    validation = Rule::new("self.repeatInterval.matches('^([0-9]{1,5}(h|m|s|ms)){1,4}$') && duration(self.repeatInterval) >= duration('30m') && duration(self.repeatInterval) <= duration('168h')")
        .message("`repeatInterval` must be between '30m' and '168h', such as '4h'")
        .field_path(".repeatInterval")
)]
#[serde(rename_all = "camelCase")]
pub struct NotificationChannelSpec {
    /// pagerDuty is an integration of PagerDuty's Events API v2.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pager_duty: Option<PagerDuty>,
    /// slack is an incoming webhook of Slack.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slack: Option<Slack>,
    /// email is a mail server, and who gets mails by it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<Email>,
    /// webhook is an endpoint for Standard Webhooks, <https://www.standardwebhooks.com>.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub webhook: Option<Webhook>,
    /// platformTable is the table `public.alert_instances` of a project, which its own page shows. Immutable.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub platform_table: Option<PlatformTable>,
    /// default: AlertRules that name no channels tell this one.
    #[serde(default)]
    pub default: bool,
    /// severities that are told: all of them by default.
    #[serde(default = "NotificationChannelSpec::default_severities")]
    #[schemars(length(min = 1, max = 4))]
    #[x_kube(merge_strategy = ListMerge::Set)]
    pub severities: Vec<Severity>,
    /// after is how long an alert must have fired before it is told here, between `0s` and `24h`: an escalation. Where a channel with a shorter time has not been Ready for 5 min, those with a longer one are told at once.
    #[serde(default = "NotificationChannelSpec::default_after")]
    pub after: Duration,
    /// unless says what keeps an alert from being told here. `platformTable` has every alert, acknowledged or not.
    #[serde(default)]
    pub unless: Unless,
    /// groupBy says which alerts share a message: `rule`, `platform`, `severity`, and labels of rules or of their series by name, at most eight. Defaults to `rule` for `pagerDuty`, and to `platform` and `severity` otherwise. Not with `platformTable`, where each alert has a row.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 8), inner(length(min = 1, max = 63)))]
    #[x_kube(merge_strategy = ListMerge::Set, validation = Rule::new("self.all(name, name.matches('^[A-Za-z0-9]([-A-Za-z0-9_./]*[A-Za-z0-9])?$'))").message("`groupBy` must have `rule`, `platform`, `severity` or names of labels, such as 'team'"))]
    pub group_by: Option<Vec<String>>,
    /// groupWait is how long alerts are collected before the first message of a group, between `0s` and `10m`.
    #[serde(default = "NotificationChannelSpec::default_group_wait")]
    pub group_wait: Duration,
    /// groupInterval is the shortest time between two messages of a group, between `1m` and `1h`. What is graver than before is told at once.
    #[serde(default = "NotificationChannelSpec::default_group_interval")]
    pub group_interval: Duration,
    /// repeatInterval is how often a group that has not changed is told again, between `30m` and `168h`.
    #[serde(default = "NotificationChannelSpec::default_repeat_interval")]
    pub repeat_interval: Duration,
    /// maxGroups that are open at once, one to forty. What is beyond shares one group, `overflow`.
    #[serde(default = "NotificationChannelSpec::default_max_groups")]
    #[schemars(range(min = 1, max = 40))]
    pub max_groups: i32,
    /// sendResolved tells that none of a group's alerts fires any more.
    #[serde(default = "NotificationChannelSpec::default_send_resolved")]
    pub send_resolved: bool,
    /// suspend stops deliveries: nothing is read or sent. What fires when it ends is told then, and so is a test message that is asked for meanwhile.
    #[serde(default)]
    pub suspend: bool,
}

impl NotificationChannelSpec {
    fn default_severities() -> Vec<Severity> {
        Severity::ALL.to_vec()
    }

    fn default_after() -> Duration {
        Duration::from_secs(0)
    }

    fn default_group_wait() -> Duration {
        Duration::from_secs(30)
    }

    fn default_group_interval() -> Duration {
        Duration::from_secs(5 * 60)
    }

    fn default_repeat_interval() -> Duration {
        Duration::from_secs(4 * 3_600)
    }

    fn default_max_groups() -> i32 {
        20
    }

    fn default_send_resolved() -> bool {
        true
    }
}

/// What keeps an alert from being told.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub enum Unless {
    /// Somebody has acknowledged it.
    #[default]
    Acknowledged,
    /// Nothing.
    Never,
}

/// An integration of PagerDuty's Events API v2.
#[derive(Clone, Debug, Deserialize, KubeSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PagerDuty {
    /// routingKeySecretRef names the Integration Key. The Secret must offer `pagerduty` in its label `ops.mobulace.com/use`.
    pub routing_key_secret_ref: SecretKeyReference,
    /// url of PagerDuty's region. The operator's flag `--allow-notify-host` must name its host; for the EU it is `https://events.eu.pagerduty.com`.
    #[serde(default = "PagerDuty::default_url")]
    #[schemars(length(max = 256))]
    #[x_kube(validation = Rule::new("self.matches('^https?://[^ ?#@]+$')").message("`url` must be that of PagerDuty's region, such as 'https://events.eu.pagerduty.com'"))]
    pub url: String,
}

impl PagerDuty {
    fn default_url() -> String {
        "https://events.pagerduty.com".to_owned()
    }
}

/// An incoming webhook of Slack.
#[derive(Clone, Debug, Deserialize, KubeSchema, PartialEq, Serialize)]
pub struct Slack {
    /// webhookURLSecretRef names the webhook's URL (`https://hooks.slack.com/services/…`). The operator's flag `--allow-notify-host` must name its host.
    #[serde(rename = "webhookURLSecretRef")]
    pub webhook_url_secret_ref: SecretKeyReference,
}

/// A mail server, and who gets mails by it.
#[derive(Clone, Debug, Deserialize, KubeSchema, PartialEq, Serialize)]
#[x_kube(
    validation = Rule::new("self.tls != 'Disable' || !has(self.credentialsSecretRef)")
        .message("`credentialsSecretRef` must not be set with `tls: Disable`: whoever can listen would have the password; use 'StartTLS' or 'Implicit'")
        .field_path(".credentialsSecretRef")
)]
#[serde(rename_all = "camelCase")]
pub struct Email {
    /// host of the mail server. The operator's flag `--allow-notify-host` must name it with its port, such as `smtp://smtp.example.com:587`.
    #[schemars(length(max = 253))]
    #[x_kube(validation = Rule::new("self.matches('^[A-Za-z0-9.-]+$')").message("`host` must be a host name without port, such as 'smtp.example.com'; `port` is a field of its own"))]
    pub host: String,
    /// port of the mail server.
    #[serde(default = "Email::default_port")]
    #[schemars(range(min = 1, max = 65535))]
    pub port: i32,
    /// tls says how the connection is encrypted.
    #[serde(default)]
    pub tls: EmailTls,
    /// credentialsSecretRef names the Secret with `username` and `password` for the mail server. It must offer `smtp` in its label `ops.mobulace.com/use`. Unset, nobody logs in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credentials_secret_ref: Option<LocalReference>,
    /// from is the address that mails come from.
    #[schemars(length(max = 254))]
    #[x_kube(validation = Rule::new("self.matches('^[A-Za-z0-9.!#$%&*+/=?^_{|}~-]{1,64}@[A-Za-z0-9.-]+$')").message("`from` must be an address without a name, such as 'ace@example.com'"))]
    pub from: String,
    /// to lists the addresses that get each mail, at most 16.
    #[schemars(length(min = 1, max = 16), inner(length(max = 254)))]
    #[x_kube(merge_strategy = ListMerge::Set, validation = Rule::new("self.all(address, address.matches('^[A-Za-z0-9.!#$%&*+/=?^_{|}~-]{1,64}@[A-Za-z0-9.-]+$'))").message("`to` must have addresses without names, such as 'devops@example.com'"))]
    pub to: Vec<String>,
}

impl Email {
    fn default_port() -> i32 {
        587
    }
}

/// How the connection to a mail server is encrypted.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub enum EmailTls {
    /// From the moment when the server has said that it can; one that can't gets no mail.
    #[default]
    #[serde(rename = "StartTLS")]
    StartTls,
    /// From the beginning, mostly on port 465.
    Implicit,
    /// Not at all. Only to loopback, and without credentials.
    Disable,
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

/// The platform's own page of alerts, which shows the rows of `public.alert_instances`. Each alert that fires has a row, which is resolved when it is clear. What people acknowledge or resolve there is read once per interval of the Platform, and counts as acknowledged.
#[derive(Clone, Debug, Deserialize, KubeSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PlatformTable {
    /// platformRef names the Platform, in the same namespace. Rows are written as the user of its `spec.database`.
    pub platform_ref: LocalReference,
}
