//! What every kind has.

use jiff::Timestamp;
use kube::KubeSchema;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

/// Longest message of a condition, in bytes (events take 1 kB, and a terminal shows less).
pub const MESSAGE_LIMIT: usize = 1_000;

/// What the operator may do when the live thing differs from the wish.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub enum Mode {
    /// A changed wish is rolled out; a change made behind the operator's back is reported, then corrected.
    #[default]
    Enforce,
    /// A changed wish is rolled out; a change made behind the operator's back is only reported.
    Apply,
    /// Nothing is ever written to the platform: differences are only reported.
    Observe,
}

/// What happens to the live thing when the object is deleted.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub enum DeletionPolicy {
    /// It stays as it is.
    #[default]
    Retain,
    /// It is deleted, if it still is what this object made it.
    Delete,
}

/// Names an object of the same namespace.
#[derive(Clone, Debug, Deserialize, Eq, Hash, KubeSchema, PartialEq, Serialize)]
pub struct LocalReference {
    /// name of the object, in the same namespace.
    #[schemars(length(max = 253))]
    #[x_kube(validation = Rule::new("self.matches('^[a-z0-9]([-.a-z0-9]*[a-z0-9])?$')").message("`name` must be an object's name: lower-case letters, digits, '-' and '.', such as 'prod'"))]
    pub name: String,
}

/// Names one key of a Secret of the same namespace.
#[derive(Clone, Debug, Deserialize, Eq, KubeSchema, PartialEq, Serialize)]
pub struct SecretKeyReference {
    /// name of the Secret, in the same namespace.
    #[schemars(length(max = 253))]
    #[x_kube(validation = Rule::new("self.matches('^[a-z0-9]([-.a-z0-9]*[a-z0-9])?$')").message("`name` must be an object's name: lower-case letters, digits, '-' and '.', such as 'supabase'"))]
    pub name: String,
    /// key in the Secret's data.
    #[schemars(length(max = 253))]
    #[x_kube(validation = Rule::new("self.matches('^[-._a-zA-Z0-9]+$')").message("`key` must be a key of the Secret: letters, digits, '-', '_' and '.', such as 'token'"))]
    pub key: String,
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

/// `text` as the one sentence of a condition: a single line without control characters, cut to [`MESSAGE_LIMIT`] bytes.
pub fn message(text: &str) -> String {
    let parts = text.split(|c: char| c.is_control()).filter(|part| !part.is_empty());
    clipped(&parts.collect::<Vec<_>>().join(" "), MESSAGE_LIMIT)
}

/// `text` in at most `bytes`, with an ellipsis where the rest is missing.
pub fn clipped(text: &str, bytes: usize) -> String {
    if text.len() <= bytes {
        return text.to_owned();
    }
    let end = text.floor_char_boundary(bytes.saturating_sub('…'.len_utf8()));
    format!("{}…", &text[..end])
}

#[cfg(test)]
mod tests {
    use super::{MESSAGE_LIMIT, message};

    #[test]
    fn a_message_is_one_bounded_line() {
        assert_eq!(message("a\r\nb\u{7}c"), "a b c");
        let long = message(&"ü".repeat(900));
        assert!(long.len() <= MESSAGE_LIMIT && long.ends_with('…'), "{}", long.len());
    }
}
