//! What was wanted, applied and seen of a function.

use jiff::Timestamp;
use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{CommonStatus, Drift, ObjectStatus, common::status::time};

/// What was wanted, applied and seen.
#[derive(Clone, Debug, Default, Deserialize, KubeSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct EdgeFunctionStatus {
    /// What every status has.
    #[serde(flatten)]
    pub common: CommonStatus,
    /// url under which the function answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 512))]
    pub url: Option<String>,
    /// source is the content wanted now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<Wanted>,
    /// applied is the last wish made live, or adopted. Others' changes never alter it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub applied: Option<Applied>,
    /// live is what was last seen, whoever put it there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub live: Option<Live>,
    /// intent is recorded before a deploy and removed when its outcome is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub intent: Option<Intent>,
    /// proven is the content that passed its checks last, and the ConfigMap that keeps it for a roll-back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proven: Option<Proven>,
    /// held is what the operator does not try again by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held: Option<Held>,
    /// drift between `applied` and `live`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub drift: Option<Drift>,
    /// history of what was done, newest first, at most ten entries.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 10))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub history: Vec<FunctionEvent>,
}

impl ObjectStatus for EdgeFunctionStatus {
    fn common(&self) -> &CommonStatus {
        &self.common
    }

    fn common_mut(&mut self) -> &mut CommonStatus {
        &mut self.common
    }

    fn drift(&self) -> Option<&Drift> {
        self.drift.as_ref()
    }
}

/// The content wanted now.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Wanted {
    /// revision of the content: the first twelve hex digits of its digest. It belongs to the function's import closure, not to the repository.
    #[schemars(length(max = 12))]
    pub revision: String,
    /// digest (SHA-256) of the import closure.
    #[schemars(length(max = 71))]
    pub digest: String,
    /// files in the closure.
    pub files: i32,
    /// bytes in the closure.
    pub bytes: i64,
    /// artifactRevision of the source object that it was read from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256))]
    pub artifact_revision: Option<String>,
    /// failed is true when this content failed its checks or was refused; it is not tried again by itself.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub failed: bool,
}

/// One deployed version, as the platform names it. Any deploy changes it, whoever makes it.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Stamp {
    /// id of the function at the platform.
    #[schemars(length(max = 64))]
    pub id: String,
    /// version, counted by the platform.
    pub version: i64,
    /// updatedTime at the platform.
    #[schemars(schema_with = "time")]
    pub updated_time: Timestamp,
    /// bundleDigest of the platform's bundle; differs for each deploy, also of the same source.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 128))]
    pub bundle_digest: Option<String>,
}

/// The last wish made live, or adopted.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Applied {
    /// project that it was applied to.
    #[schemars(length(max = 64))]
    pub project: String,
    /// revision of the content.
    #[schemars(length(max = 12))]
    pub revision: String,
    /// sourceDigest (SHA-256) of the content.
    #[schemars(length(max = 71))]
    pub source_digest: String,
    /// verifyJWT as applied.
    #[serde(rename = "verifyJWT")]
    pub verify_jwt: bool,
    /// bodyDigest (SHA-256) of the files that the platform showed for this stamp; unset when it showed none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 71))]
    pub body_digest: Option<String>,
    /// stamp of the deploy.
    pub stamp: Stamp,
}

/// What was last seen.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Live {
    /// version that is live.
    pub version: i64,
    /// updatedTime of that version.
    #[schemars(schema_with = "time")]
    pub updated_time: Timestamp,
    /// revision of the live content; `foreign` when it is not known to us.
    #[schemars(length(max = 12))]
    pub revision: String,
    /// verifyJWT as the platform shows it.
    #[serde(rename = "verifyJWT", default, skip_serializing_if = "Option::is_none")]
    pub verify_jwt: Option<bool>,
    /// stamp of the live version.
    pub stamp: Stamp,
}

/// A deploy under way.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Intent {
    /// type of the deploy.
    #[serde(rename = "type")]
    pub type_: IntentType,
    /// sourceDigest of the content that is being deployed.
    #[schemars(length(max = 71))]
    pub source_digest: String,
    /// before is what was live when the intent was recorded; unset when nothing was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<Stamp>,
    /// startTime of the deploy.
    #[schemars(schema_with = "time")]
    pub start_time: Timestamp,
}

/// Why something is deployed.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub enum IntentType {
    /// A changed wish.
    RollOut,
    /// The applied content again, over a foreign one.
    Correction,
    /// The proven content again, after failed checks.
    RollBack,
}

/// Content that passed its checks.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Proven {
    /// revision of the content.
    #[schemars(length(max = 12))]
    pub revision: String,
    /// sourceDigest (SHA-256) of the content.
    #[schemars(length(max = 71))]
    pub source_digest: String,
    /// archive: name of the ConfigMap that holds it; unset when it is too large for one, and then there is no roll-back to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 253))]
    pub archive: Option<String>,
}

/// What is not tried again by itself: until the source, the spec or `reconcile-at` changes.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Held {
    /// reason why: one of the reasons of `Stalled`.
    #[schemars(length(max = 64))]
    pub reason: String,
    /// message that the condition shows.
    #[schemars(length(max = 1000))]
    pub message: String,
    /// sourceDigest of the content that it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 71))]
    pub source_digest: Option<String>,
    /// generation of the spec at that time.
    pub generation: i64,
    /// reconcileAt: value of the annotation at that time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256))]
    pub reconcile_at: Option<String>,
}

/// One thing that was done.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct FunctionEvent {
    /// type of what was done.
    #[serde(rename = "type")]
    pub type_: FunctionEventType,
    /// revision of the content that it left live.
    #[schemars(length(max = 12))]
    pub revision: String,
    /// version at the platform.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<i64>,
    /// time when it was done.
    #[schemars(schema_with = "time")]
    pub time: Timestamp,
}

/// Types of what was done.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub enum FunctionEventType {
    /// A changed wish was made live.
    Deployed,
    /// Live content was found to be the wanted one.
    Adopted,
    /// The JWT rule was changed, without an upload.
    Configured,
    /// A foreign change was undone.
    Corrected,
    /// The proven content was deployed again.
    RolledBack,
    /// Corrections stopped, because somebody else keeps changing it back.
    Contested,
}
