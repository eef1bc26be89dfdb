//! `EdgeFunction`: one function of one project. This file is what the user writes; `status` is what the operator answers.

mod reasons;
mod status;

use std::time::Duration;

use kube::{CustomResource, KubeSchema, ResourceExt};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{DeletionPolicy, LocalReference, Mode, Source};

pub use reasons::{DriftReason, FunctionReason};
pub use status::{
    Applied, EdgeFunctionStatus, FunctionEvent, FunctionEventType, Held, Intent, IntentType, Live, Proven, Stamp,
    Wanted,
};

/// One function: where its code comes from, whether it requires a JWT, and which checks prove a new version.
#[derive(Clone, CustomResource, Debug, Deserialize, KubeSchema, PartialEq, Serialize)]
#[kube(
    group = "ops.mobulace.com",
    version = "v1alpha1",
    kind = "EdgeFunction",
    namespaced,
    status = "EdgeFunctionStatus",
    derive = "PartialEq",
    shortname = "fn",
    category = "ace",
    doc = "EdgeFunction is one edge function of a Platform: its source, whether it requires a JWT, the checks that prove a new version, and what to do when the live function is changed out of band.",
    selectable = ".spec.platformRef.name",
    selectable = ".spec.source.name",
    printcolumn(name = "Want", type_ = "string", json_path = ".status.source.revision"),
    printcolumn(name = "Live", type_ = "string", json_path = ".status.live.revision"),
    printcolumn(name = "Version", type_ = "integer", json_path = ".status.live.version"),
    printcolumn(name = "JWT", type_ = "boolean", json_path = ".status.live.verifyJWT"),
    printcolumn(name = "Mode", type_ = "string", json_path = ".spec.mode", priority = 1),
    printcolumn(name = "Wave", type_ = "integer", json_path = ".spec.wave", priority = 1),
    printcolumn(name = "Platform", type_ = "string", json_path = ".spec.platformRef.name", priority = 1),
    printcolumn(name = "URL", type_ = "string", json_path = ".status.url", priority = 1),
    validation = Rule::new("has(self.spec.slug) || (size(self.metadata.name) <= 64 && self.metadata.name.matches('^[A-Za-z][A-Za-z0-9_-]*$'))")
        .message("the name is no slug: set `spec.slug`, or choose a name of at most 64 letters, digits and '-' that starts with a letter")
        .field_path(".spec.slug")
)]
#[x_kube(
    validation = Rule::new("self.platformRef.name == oldSelf.platformRef.name")
        .message("`platformRef` is immutable: create another EdgeFunction for another platform")
        .field_path(".platformRef"),
    validation = Rule::new("has(self.slug) == has(oldSelf.slug) && (!has(self.slug) || self.slug == oldSelf.slug)")
        .message("`slug` is immutable, also when unset: create another EdgeFunction for another slug")
        .field_path(".slug"),
    validation = Rule::new("!(self.mode == 'Observe' && self.deletionPolicy == 'Delete')")
        .message("`deletionPolicy` must be 'Retain' when `mode` is 'Observe': observing never deletes")
        .field_path(".deletionPolicy")
)]
#[serde(rename_all = "camelCase")]
pub struct EdgeFunctionSpec {
    /// platformRef names the Platform, in the same namespace. Immutable.
    pub platform_ref: LocalReference,
    /// slug of the function: the last segment of its URL. Defaults to the object's name. Immutable, also when unset.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64))]
    #[x_kube(validation = Rule::new("self.matches('^[A-Za-z][A-Za-z0-9_-]*$')").message("`slug` must start with a letter and hold only letters, digits, '-' and '_', such as 'send-email'"))]
    pub slug: Option<String>,
    /// source of the code: a tree of files that several functions can share. Only what the entrypoint imports is part of a function.
    pub source: Source,
    /// entrypoint in the source tree. Defaults to `<slug>/index.ts`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 512))]
    #[x_kube(validation = Rule::new("!self.startsWith('/') && !self.split('/').exists(p, p == '..' || p == '.' || p == '')").message("`entrypoint` must be a relative path without '.' or '..', such as 'hello/index.ts'"))]
    pub entrypoint: Option<String>,
    /// importMap in the source tree. Defaults to the first of `deno.json`, `deno.jsonc` and `import_map.json` that exists in the entrypoint's folder.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 512))]
    #[x_kube(validation = Rule::new("!self.startsWith('/') && !self.split('/').exists(p, p == '..' || p == '.' || p == '')").message("`importMap` must be a relative path without '.' or '..', such as 'deno.json'"))]
    pub import_map: Option<String>,
    /// staticFiles are globs in the source tree; the files that they match are deployed with the function. As Supabase's CLI reads
    /// them: `*` stays within a folder, `**` is any text, so that `hello/**/*.html` has nothing that lies in `hello` itself.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16), inner(length(min = 1, max = 256)))]
    #[x_kube(merge_strategy = ListMerge::Atomic, validation = Rule::new("self.all(g, !g.startsWith('/') && !g.split('/').exists(p, p == '..'))").message("`staticFiles` must be relative globs without '..', such as 'hello/templates/*.html'"))]
    pub static_files: Vec<String>,
    /// verifyJWT requires a valid project JWT from callers when true. There is no default, because a wrong guess locks callers out or lets everybody in. It is changed without an upload.
    #[serde(rename = "verifyJWT")]
    pub verify_jwt: bool,
    /// requires lists what must exist before a new revision is rolled out: secrets of the project, or an applied migration.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requires: Option<Requires>,
    /// checks are HTTP requests sent to the function after each deploy, one after another. A revision whose checks pass is proven. They must have no side effects.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 8))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".into()]))]
    pub checks: Vec<Check>,
    /// rollback says what happens when a check fails.
    #[serde(default)]
    pub rollback: Rollback,
    /// wave orders roll-outs, 0 to 9: a new revision waits until the functions of lower waves, of the same Platform and source, are live and proven.
    #[serde(default)]
    #[schemars(range(min = 0, max = 9))]
    pub wave: i32,
    /// mode says what the operator may do when the live function differs from the desired state.
    #[serde(default)]
    pub mode: Mode,
    /// adoptionPolicy says what happens to a function that is live already and was not deployed by this object.
    #[serde(default)]
    pub adoption_policy: AdoptionPolicy,
    /// deletionPolicy says what happens to the live function when this object is deleted.
    #[serde(default)]
    pub deletion_policy: DeletionPolicy,
    /// suspend stops reconciliation of this function: nothing is read from or written to the platform for it.
    #[serde(default)]
    pub suspend: bool,
}

impl EdgeFunction {
    /// The function's slug: what the spec says, else the object's name.
    pub fn slug(&self) -> String {
        self.spec.slug.clone().unwrap_or_else(|| self.name_any())
    }
}

/// What must exist first.
#[derive(Clone, Debug, Default, Deserialize, KubeSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Requires {
    /// secrets of the project, at most 64 groups: of each group one must be set.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub secrets: Vec<SecretRequirement>,
    /// migration that must have been applied.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub migration: Option<MigrationRequirement>,
}

/// A group of secrets of which one must be set.
#[derive(Clone, Debug, Deserialize, Eq, KubeSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SecretRequirement {
    /// anyOf lists one to eight names of which one must be set. `SUPABASE_*` is always set and may not be named.
    #[schemars(length(min = 1, max = 8), inner(length(min = 1, max = 256)))]
    #[x_kube(merge_strategy = ListMerge::Set, validation = Rule::new("!self.exists(n, n.startsWith('SUPABASE_'))").message("`anyOf` must not name 'SUPABASE_*': the platform always sets these, so leave them out"))]
    pub any_of: Vec<String>,
}

/// A migration that must have been applied.
#[derive(Clone, Debug, Deserialize, Eq, KubeSchema, PartialEq, Serialize)]
pub struct MigrationRequirement {
    /// name of the MigrationSet, in the same namespace.
    #[schemars(length(max = 253))]
    #[x_kube(validation = Rule::new("self.matches('^[a-z0-9]([-.a-z0-9]*[a-z0-9])?$')").message("`name` must be an object's name: lower-case letters, digits, '-' and '.', such as 'main'"))]
    pub name: String,
    /// version that must have been applied, as digits.
    #[schemars(length(max = 64))]
    #[x_kube(validation = Rule::new("self.matches('^[0-9]+$')").message("`version` must be the digits at the start of the migration's file name, such as '20260204400000'"))]
    pub version: String,
}

/// One HTTP request whose response proves a deploy.
#[derive(Clone, Debug, Deserialize, Eq, KubeSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Check {
    /// name of the check.
    #[schemars(length(max = 63))]
    #[x_kube(validation = Rule::new("self.matches('^[a-z0-9]([-a-z0-9]*[a-z0-9])?$')").message("`name` must be lower-case letters, digits and '-' within, such as 'preflight'"))]
    pub name: String,
    /// method of the request. Defaults to `GET`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "CheckMethod")]
    pub method: Option<CheckMethod>,
    /// path below the function's URL, with an optional query. Defaults to `/`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 512))]
    #[x_kube(validation = Rule::new(r"self.matches('^/[!-~]*$') && !self.contains('#') && !self.split('?')[0].matches('(^|/)[.]{1,2}(/|$)|[\\\\]|(?i)%(2e|2f|5c)')").message(r"`path` must start with '/' and stay under the function: no '#', and before a '?' no '.', '..', '\', '%2e', '%2f' or '%5c', such as '/healthz?deep=1'"))]
    pub path: Option<String>,
    /// auth of the request: `None`, or `Anon` to send the key that the Platform's `anonKeySecretRef` names. Defaults to `None`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "CheckAuth")]
    pub auth: Option<CheckAuth>,
    /// expectStatus lists the HTTP status codes that pass the check.
    #[schemars(length(min = 1, max = 8), inner(range(min = 100, max = 599)))]
    #[x_kube(merge_strategy = ListMerge::Set)]
    pub expect_status: Vec<i32>,
    /// timeoutSeconds of the request, 1 to 30. Defaults to 10.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 30))]
    pub timeout_seconds: Option<i32>,
}

impl Check {
    /// How long an answer is waited for.
    pub fn timeout(&self) -> Duration {
        const DEFAULT: Duration = Duration::from_secs(10);
        let seconds = self.timeout_seconds.and_then(|seconds| seconds.try_into().ok());
        seconds.map_or(DEFAULT, Duration::from_secs)
    }
}

/// Method of a check.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum CheckMethod {
    /// `GET`.
    #[default]
    Get,
    /// `HEAD`.
    Head,
    /// `OPTIONS`.
    Options,
    /// `POST` with an empty body.
    Post,
}

/// How a check authenticates at the gateway.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub enum CheckAuth {
    /// No key is sent.
    #[default]
    None,
    /// The project's anonymous key is sent.
    Anon,
}

/// What happens when a check fails.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub enum Rollback {
    /// The last proven revision is deployed again.
    #[default]
    OnFailedChecks,
    /// The new revision stays live.
    Never,
}

/// What happens to a function that is live already and was not deployed by this object.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub enum AdoptionPolicy {
    /// It is adopted if its content is proved to be the desired one, and left unchanged otherwise.
    #[default]
    IfIdentical,
    /// It is archived in a ConfigMap and replaced if it differs.
    Always,
}
