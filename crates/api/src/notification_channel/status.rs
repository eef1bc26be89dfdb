//! What was sent, and what became of it.

use jiff::Timestamp;
use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    CommonStatus,
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
}

/// What a message is about.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub enum DeliveryType {
    /// The annotation `ops.mobulace.com/test-at` asked for it.
    Test,
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
