//! What was sent, and what became of it.

use jiff::Timestamp;
use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    CommonStatus, Severity,
    common::status::{object_status, time},
};

/// What was sent, and what became of it.
#[derive(Clone, Debug, Default, Deserialize, KubeSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ChannelStatus {
    /// What every status has.
    #[serde(flatten)]
    pub common: CommonStatus,
    /// type of the channel.
    #[serde(rename = "type", default, skip_serializing_if = "Option::is_none")]
    pub type_: Option<ChannelType>,
    /// open counts the groups of alerts that were told and still fire.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub open: Option<i32>,
    /// groups of alerts that were told, or that the receiver refused; at most 41.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 41))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub groups: Vec<AlertGroup>,
    /// intent is the message that is being sent: it is written before each attempt, so that a repetition has the same key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub intent: Option<DeliveryIntent>,
    /// test is the test message that was asked for last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub test: Option<TestDelivery>,
    /// deliveries that ended, the newest first, at most ten.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 10))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub deliveries: Vec<Delivery>,
}

object_status!(ChannelStatus);

/// Alerts that are told together.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub struct AlertGroup {
    /// key of the group, by what `groupBy` names.
    #[schemars(length(max = 16))]
    pub key: String,
    /// name of the group.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[schemars(length(max = 48))]
    pub name: String,
    /// since when the first alert has been firing that was told.
    #[schemars(schema_with = "time")]
    pub since: Timestamp,
    /// first is the id of the first message that may have arrived, to which later mails refer. Only with `email`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64))]
    pub first: Option<String>,
    /// firing counts its alerts that fire, also those that are silenced or acknowledged.
    pub firing: i32,
    /// told is what the receiver knows. Absent while nobody knows whether the first message arrived.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub told: Option<ToldNews>,
    /// refused is a message that the receiver did not take.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused: Option<RefusedNews>,
    /// handled says that people have acknowledged or resolved all of its alerts on the platform's page. Only with `platformTable`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub handled: Option<HandledGroup>,
}

/// People have acknowledged or resolved all alerts of a rule on the platform's page.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub struct HandledGroup {
    /// digest of the alerts that fired then: it is about these alone.
    #[schemars(length(max = 16))]
    pub digest: String,
    /// by is the id of who did it last, where the page has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 36))]
    pub by: Option<String>,
    /// time of that, by the clock of the database.
    #[schemars(schema_with = "time")]
    pub time: Timestamp,
}

/// What the receiver knows of a group.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub struct ToldNews {
    /// digest of the alerts that were told and still fire.
    #[schemars(length(max = 16))]
    pub digest: String,
    /// severity of the gravest one.
    pub severity: Severity,
    /// firing counts them.
    pub firing: i32,
    /// time of the last message.
    #[schemars(schema_with = "time")]
    pub time: Timestamp,
}

/// A message that the receiver did not take. It is not sent again unchanged.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub struct RefusedNews {
    /// digest of the alerts in it.
    #[schemars(length(max = 16))]
    pub digest: String,
    /// generation of the spec that it was sent with.
    pub generation: i64,
}

/// A message that is being sent.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DeliveryIntent {
    /// key of the group that it is about.
    #[schemars(length(max = 16))]
    pub key: String,
    /// digest of the alerts in it.
    #[schemars(length(max = 16))]
    pub digest: String,
    /// severity of the gravest one.
    pub severity: Severity,
    /// firing counts them.
    pub firing: i32,
    /// since when the first of them has been firing.
    #[schemars(schema_with = "time")]
    pub since: Timestamp,
    /// id of the message, the same at each attempt.
    #[schemars(length(max = 64))]
    pub id: String,
    /// holder is the process that makes the attempt. Another one leaves it alone until 60 s after its deadline.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 253))]
    pub holder: Option<String>,
    /// startTime of the attempt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "time")]
    pub start_time: Option<Timestamp>,
    /// mayHaveArrived: nobody knows what became of an attempt.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub may_have_arrived: bool,
    /// retryTime is when the next attempt is due.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "time")]
    pub retry_time: Option<Timestamp>,
    /// What every delivery has.
    #[serde(flatten)]
    pub delivery: Delivery,
}

/// A test message.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TestDelivery {
    /// handled is the value of the annotation `ops.mobulace.com/test-at` that asked for it.
    #[schemars(length(max = 256))]
    pub handled: String,
    /// retryTime is when the next attempt is due.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "time")]
    pub retry_time: Option<Timestamp>,
    /// What every delivery has.
    #[serde(flatten)]
    pub delivery: Delivery,
}

/// One message, and what became of it.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub struct Delivery {
    /// type of the message.
    #[serde(rename = "type")]
    pub type_: DeliveryType,
    /// group that it was about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 48))]
    pub group: Option<String>,
    /// result of the last attempt; `Sending` is written before each one.
    pub result: DeliveryResult,
    /// code is the HTTP status that the receiver answered with last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<i32>,
    /// attempts so far.
    pub attempts: i32,
    /// time of the message, the same at each attempt.
    #[schemars(schema_with = "time")]
    pub time: Timestamp,
    /// generation of the spec that the last attempt was made with.
    pub generation: i64,
    /// message says why it was not accepted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 400))]
    pub message: Option<String>,
}

/// type of the channel: how messages are sent.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub enum ChannelType {
    /// By an incoming webhook of Slack.
    Slack,
    /// By Standard Webhooks.
    Webhook,
    /// By PagerDuty's Events API v2.
    PagerDuty,
    /// By mail.
    Email,
    /// By rows of the platform's own table.
    PlatformTable,
}

/// What a message is about.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub enum DeliveryType {
    /// The annotation `ops.mobulace.com/test-at` asked for it.
    Test,
    /// A group of alerts began to fire.
    Trigger,
    /// More alerts of a group fire, or graver ones.
    Update,
    /// A group still fires.
    Repeat,
    /// None of a group's alerts fires any more.
    Resolve,
}

/// What became of a message.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub enum DeliveryResult {
    /// An attempt is being made.
    Sending,
    /// An attempt failed, and another one follows.
    Retrying,
    /// The receiver has it.
    Accepted,
    /// The receiver does not take it.
    Refused,
    /// Every attempt failed.
    NotDelivered,
    /// The receiver may have it.
    Unknown,
}
