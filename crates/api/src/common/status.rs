//! What every status has.

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::KubeSchema;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

/// The fields that every status begins with.
#[derive(Clone, Debug, Default, Deserialize, KubeSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CommonStatus {
    /// conditions of this object.
    #[x_kube(merge_strategy = ListMerge::Map(vec!["type".into()]))]
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 8))]
    pub conditions: Vec<Condition>,
    /// observedGeneration is the generation that this status describes; -1 before the first look.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// lastHandledReconcileAt echoes the annotation `ops.mobulace.com/reconcile-at` (or `reconcile.fluxcd.io/requestedAt`) that was acted upon last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256))]
    pub last_handled_reconcile_at: Option<String>,
}

/// A kind's status, read without knowing the kind.
pub trait ObjectStatus {
    /// The fields that every status has.
    fn common(&self) -> &CommonStatus;
    /// The same, to be changed.
    fn common_mut(&mut self) -> &mut CommonStatus;
    /// How the live thing differs, or last differed; a kind without drift has none.
    fn drift(&self) -> Option<&Drift>;
}

/// How the live thing differs from what was last applied or adopted.
#[derive(Clone, Debug, Deserialize, KubeSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Drift {
    /// detectedTime is when the drift was believed.
    #[schemars(schema_with = "time")]
    pub detected_time: Timestamp,
    /// count of differences; `fields` names the first sixteen.
    pub count: i32,
    /// fields that differ, at most sixteen.
    #[schemars(length(max = 16))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub fields: Vec<DriftField>,
    /// correctedTime is when the live thing was brought back; unset while the drift stands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "time")]
    pub corrected_time: Option<Timestamp>,
}

/// One difference.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub struct DriftField {
    /// path of what differs, e.g. `files/send-email/index.ts`, `verifyJWT` or `secrets/RESEND_API_KEY`.
    #[schemars(length(max = 256))]
    pub path: String,
    /// desired value in short: a digest, a value or `absent`.
    #[schemars(length(max = 128))]
    pub desired: String,
    /// observed value in short: a digest, a value or `absent`.
    #[schemars(length(max = 128))]
    pub observed: String,
}

/// Schema of a point in time (RFC 3339).
pub(crate) fn time(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "format": "date-time" })
}
