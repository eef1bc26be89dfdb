//! What is desired of a function, what was applied, and what was observed.

use jiff::Timestamp;
use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    CommonStatus, Drift, HeldOutcome, SecretFiles,
    bounds::EARLIEST,
    clipped,
    common::{
        readable::readable,
        status::{object_status, time},
    },
};

/// What is desired, what was applied, and what was observed.
#[derive(Clone, Debug, Default, Deserialize, KubeSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct EdgeFunctionStatus {
    /// What every status has.
    #[serde(flatten)]
    pub common: CommonStatus,
    /// url of the function.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 512))]
    pub url: Option<String>,
    /// source is the desired content, as read from `spec.source`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<Wanted>,
    /// applied is the last desired state that was deployed or adopted; out-of-band changes never alter it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub applied: Option<Applied>,
    /// live is the function as it was last observed, whoever deployed it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub live: Option<Live>,
    /// intent is the deploy in progress: recorded before it is sent, removed when its outcome is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub intent: Option<Intent>,
    /// proven is the content that passed its checks last, and the ConfigMap that stores it for a roll-back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proven: Option<Proven>,
    /// held is what the operator does not retry until the source, the spec or `reconcile-at` changes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held: Option<Held>,
    /// drift is how `live` differs from `applied`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub drift: Option<Drift>,
    /// history lists what was done, newest first, at most ten entries.
    #[serde(default, deserialize_with = "readable", skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 10))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub history: Vec<FunctionEvent>,
}

object_status!(EdgeFunctionStatus, drift);

/// The desired content.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Wanted {
    /// revision of the content: the first twelve hex digits of its digest. It identifies the files that the function imports, not a commit of the repository.
    #[schemars(length(max = 12))]
    pub revision: String,
    /// digest (SHA-256) of the import closure: the entrypoint and every file that it imports, directly or not.
    #[schemars(length(max = 71))]
    pub digest: String,
    /// files is the number of files in the import closure.
    pub files: i32,
    /// bytes is the size of the import closure.
    pub bytes: i64,
    /// artifactRevision of the source object that it was read from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256))]
    pub artifact_revision: Option<String>,
    /// failed is true if this content failed its checks or was refused; it is not deployed again until the source, the spec or `reconcile-at` changes.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub failed: bool,
    /// secretFiles lists what holds secrets below `spec.source.path`: `.env` and its like, a `.npmrc` that logs in, private keys. None of it is deployed or archived, but whoever can read the source can read it: leave it out of the source.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret_files: Option<SecretFiles>,
}

/// Most characters of a function's id.
const ID_LENGTH: usize = 64;
/// Most characters of the digest that the platform shows for a bundle.
const BUNDLE_DIGEST_LENGTH: usize = 128;

/// One deployed version, as the platform identifies it. Every deploy changes it, whoever makes it.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Stamp {
    /// id of the function at the platform.
    #[schemars(length(max = ID_LENGTH))]
    pub id: String,
    /// version number that the platform assigned.
    pub version: i64,
    /// updatedTime at the platform.
    #[schemars(schema_with = "time")]
    pub updated_time: Timestamp,
    /// bundleDigest that the platform shows for its bundle; each deploy has another one, also of the same source.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = BUNDLE_DIGEST_LENGTH))]
    pub bundle_digest: Option<String>,
}

impl Stamp {
    /// A version as the platform describes it, within the bounds of a status: it is compared with those that a status has.
    pub fn new(id: &str, version: i64, updated_time: Timestamp, bundle_digest: Option<&str>) -> Self {
        Self {
            id: clipped(id, ID_LENGTH),
            version,
            updated_time: updated_time.max(EARLIEST),
            bundle_digest: bundle_digest.map(|digest| clipped(digest, BUNDLE_DIGEST_LENGTH)),
        }
    }
}

/// The last desired state that was deployed or adopted.
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
    /// programDigest (SHA-256) of the content without the files that are imported for their types only. Content that differs in those alone is not deployed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 71))]
    pub program_digest: Option<String>,
    /// verifyJWT as it was applied.
    #[serde(rename = "verifyJWT")]
    pub verify_jwt: bool,
    /// bodyDigest (SHA-256) of the files that the platform returned for this version; unset if it returned none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 71))]
    pub body_digest: Option<String>,
    /// importMap that the platform shows for this version, relative to the entrypoint's folder; unset if it shows none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1024))]
    pub import_map: Option<String>,
    /// unproved is true if only the name of the folder that it was deployed in says that this content is live: the platform returned no files that could be compared.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unproved: bool,
    /// stamp by which the platform identifies this version.
    pub stamp: Stamp,
}

/// The function as it was last observed.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Live {
    /// version that is live.
    pub version: i64,
    /// updatedTime of that version.
    #[schemars(schema_with = "time")]
    pub updated_time: Timestamp,
    /// revision of the live content; `foreign` if this object did not deploy or adopt it, `unproved` if it could not be compared with what was applied.
    #[schemars(length(max = 12))]
    pub revision: String,
    /// verifyJWT as the platform shows it.
    #[serde(rename = "verifyJWT", default, skip_serializing_if = "Option::is_none")]
    pub verify_jwt: Option<bool>,
    /// state that the platform shows, such as `THROTTLED`; unset while it is `ACTIVE`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64))]
    pub state: Option<String>,
    /// stamp by which the platform identifies the live version.
    pub stamp: Stamp,
}

/// A deploy in progress.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Intent {
    /// type of the deploy.
    #[serde(rename = "type")]
    pub type_: IntentType,
    /// sourceDigest of the content that is being deployed.
    #[schemars(length(max = 71))]
    pub source_digest: String,
    /// before is the version that was live when the intent was recorded; unset if none was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<Stamp>,
    /// startTime of the deploy.
    #[schemars(schema_with = "time")]
    pub start_time: Timestamp,
}

/// Why something is deployed.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub enum IntentType {
    /// A changed desired state.
    RollOut,
    /// The applied content again, to undo an out-of-band change.
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
    /// verifyJWT is the rule that it was proven with, and is deployed with again; an archive with another one is not deployed. Unset by an operator before this field: then a roll-back opens the function only if both the archive and the spec are open.
    #[serde(default, rename = "verifyJWT", skip_serializing_if = "Option::is_none")]
    pub verify_jwt: Option<bool>,
    /// archive is the name of the ConfigMap that stores it; unset if it is too large for one, and then there is no roll-back to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 253))]
    pub archive: Option<String>,
}

/// What is not retried until the source, the spec or `reconcile-at` changes.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Held {
    /// What every held outcome has.
    #[serde(flatten)]
    pub outcome: HeldOutcome,
    /// sourceDigest of the content that it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 71))]
    pub source_digest: Option<String>,
}

/// One thing that was done.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct FunctionEvent {
    /// type of what was done.
    #[serde(rename = "type")]
    pub type_: FunctionEventType,
    /// revision of the content that was live afterwards.
    #[schemars(length(max = 12))]
    pub revision: String,
    /// version number that the platform assigned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<i64>,
    /// time when it was done.
    #[schemars(schema_with = "time")]
    pub time: Timestamp,
}

/// Types of what was done.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub enum FunctionEventType {
    /// A changed desired state was deployed.
    Deployed,
    /// The live content was proved to be the desired one.
    Adopted,
    /// `verifyJWT` was changed, without an upload.
    Configured,
    /// An out-of-band change was undone.
    Corrected,
    /// The last proven content was deployed again.
    RolledBack,
    /// Corrections stopped, because the function is changed out of band again and again.
    Contested,
}
