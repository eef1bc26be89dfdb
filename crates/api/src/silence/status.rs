//! Whether something is held back.

use jiff::Timestamp;
use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    CommonStatus,
    common::status::{object_status, time},
};

/// Whether something is held back.
#[derive(Clone, Debug, Default, Deserialize, KubeSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SilenceStatus {
    /// What every status has.
    #[serde(flatten)]
    pub common: CommonStatus,
    /// state of the silence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<SilenceState>,
    /// from is when it began last, or begins next.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "time")]
    pub from: Option<Timestamp>,
    /// until is when that one ends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "time")]
    pub until: Option<Timestamp>,
    /// rules that it covers, by their names and labels.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rules: Option<i32>,
}

object_status!(SilenceStatus);

/// state of a silence.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub enum SilenceState {
    /// What it covers is not told.
    Active,
    /// It has not begun.
    Waiting,
    /// It has ended.
    Over,
}
