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
    /// observedGeneration is the generation that this status describes; -1 before the first reconcile.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// lastHandledReconcileAt is the value of the annotation `ops.mobulace.com/reconcile-at` (or `reconcile.fluxcd.io/requestedAt`) that was handled last.
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
    fn drift(&self) -> Option<&Drift> {
        None
    }
}

/// Makes a kind's status one that is read without knowing the kind; `drift` where it has one.
macro_rules! object_status {
    ($status:ident $(, $drift:ident)?) => {
        impl crate::ObjectStatus for $status {
            fn common(&self) -> &crate::CommonStatus {
                &self.common
            }

            fn common_mut(&mut self) -> &mut crate::CommonStatus {
                &mut self.common
            }

            $(fn drift(&self) -> Option<&crate::Drift> {
                self.$drift.as_ref()
            })?
        }
    };
}

pub(crate) use object_status;

/// How the live resource differs from what was last applied or adopted.
#[derive(Clone, Debug, Deserialize, KubeSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Drift {
    /// detectedTime is when the drift was confirmed.
    #[schemars(schema_with = "time")]
    pub detected_time: Timestamp,
    /// count of differences; `fields` names the first sixteen.
    pub count: i32,
    /// fields that differ, at most sixteen.
    #[schemars(length(max = 16))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub fields: Vec<DriftField>,
    /// correctedTime is when the difference was gone; unset while the drift lasts.
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

/// An outcome that stays shown until the spec, `reconcile-at` or what it is about changes.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct HeldOutcome {
    /// reason of the `Stalled` condition.
    #[schemars(length(max = 64))]
    pub reason: String,
    /// message of the `Stalled` condition.
    #[schemars(length(max = 1000))]
    pub message: String,
    /// generation of the object at that time.
    pub generation: i64,
    /// reconcileAt is the value of the annotation `reconcile-at` at that time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256))]
    pub reconcile_at: Option<String>,
}

/// Schema of a point in time (RFC 3339).
pub(crate) fn time(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "format": "date-time" })
}

#[cfg(test)]
mod tests {
    use serde::Serialize;
    use serde_json::{Value, json};

    use super::{CommonStatus, Drift, ObjectStatus};
    use crate::{EdgeFunctionStatus, PlatformStatus};

    #[test]
    fn what_is_common_stands_among_the_fields_of_a_kind() {
        fn written(mut status: impl ObjectStatus + Serialize) -> Value {
            *status.common_mut() = CommonStatus {
                observed_generation: Some(3),
                last_handled_reconcile_at: Some("now".to_owned()),
                ..CommonStatus::default()
            };
            assert_eq!(status.common().observed_generation, Some(3));
            serde_json::to_value(status).unwrap()
        }
        let function = EdgeFunctionStatus {
            url: Some("u".to_owned()),
            ..EdgeFunctionStatus::default()
        };
        let mut expected = json!({ "observedGeneration": 3, "lastHandledReconcileAt": "now" });
        assert_eq!(written(PlatformStatus::default()), expected);
        expected["url"] = json!("u");
        assert_eq!(written(function), expected);
        let read: EdgeFunctionStatus = serde_json::from_value(expected.clone()).unwrap();
        assert_eq!(serde_json::to_value(read).unwrap(), expected);
    }

    #[test]
    fn only_a_kind_that_can_drift_shows_a_drift() {
        let drift = Drift {
            detected_time: jiff::Timestamp::UNIX_EPOCH,
            count: 1,
            fields: Vec::new(),
            corrected_time: None,
        };
        let function = EdgeFunctionStatus {
            drift: Some(drift.clone()),
            ..EdgeFunctionStatus::default()
        };
        assert_eq!(function.drift(), Some(&drift));
        assert_eq!(PlatformStatus::default().drift(), None);
    }
}
