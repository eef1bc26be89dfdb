//! Where code and SQL come from: a tree that many objects may share.

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::message::clipped;

/// Where code or SQL comes from.
#[derive(Clone, Debug, Deserialize, Eq, Hash, KubeSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Source {
    /// kind of the object that holds the tree. The Flux kinds are read through their `status.artifact`; a ConfigMap holds one `*.tar.gz` in `binaryData`, or files as flat keys.
    pub kind: SourceKind,
    /// name of the object, in the same namespace.
    #[schemars(length(max = 253))]
    #[x_kube(validation = Rule::new("self.matches('^[a-z0-9]([-.a-z0-9]*[a-z0-9])?$')").message("`name` must be an object's name: lower-case letters, digits, '-' and '.', such as 'functions'"))]
    pub name: String,
    /// path of the folder in the tree, e.g. `supabase/functions` or `supabase/migrations`. Defaults to the tree's root.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 512))]
    #[x_kube(validation = Rule::new("!self.startsWith('/') && !self.split('/').exists(p, p == '..' || p == '.' || p == '')").message("`path` must be relative, without '.', '..' or a '/' at either end, such as 'supabase/functions'"))]
    pub path: Option<String>,
    /// digest pins the tree: only an artifact with this SHA-256 is used. For a ConfigMap it is that of its `tar.gz`, or of its flat keys as `status.source.artifactRevision` shows it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 128))]
    #[x_kube(validation = Rule::new("self.matches('^sha256:[0-9a-f]{64}$')").message("`digest` must be 'sha256:' and 64 lower-case hexadecimal digits"))]
    pub digest: Option<String>,
}

/// Files of a source that hold secrets: none is deployed or archived, but whoever can read the source can read them.
#[derive(Clone, Debug, Deserialize, Eq, KubeSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SecretFiles {
    /// count of all of them.
    pub count: i32,
    /// paths of the first ones, from the root of the source, at most eight.
    #[schemars(length(max = 8), inner(length(max = 256)))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub paths: Vec<String>,
}

impl SecretFiles {
    /// Most paths that a status lists.
    const LISTED: usize = 8;

    /// Those at these paths, which are ordered; `None` of none.
    pub fn of<'a>(paths: impl Iterator<Item = &'a str>) -> Option<Self> {
        let mut found = Self {
            count: 0,
            paths: Vec::new(),
        };
        for path in paths {
            found.count = found.count.saturating_add(1);
            if found.paths.len() < Self::LISTED {
                found.paths.push(clipped(path, 256));
            }
        }
        (found.count > 0).then_some(found)
    }
}

/// Kinds that hold a source tree.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, JsonSchema, Ord, PartialEq, PartialOrd, Serialize)]
pub enum SourceKind {
    /// `source.toolkit.fluxcd.io` GitRepository.
    GitRepository,
    /// `source.toolkit.fluxcd.io` OCIRepository.
    OCIRepository,
    /// `source.toolkit.fluxcd.io` Bucket.
    Bucket,
    /// `source.toolkit.fluxcd.io` ExternalArtifact.
    ExternalArtifact,
    /// A core ConfigMap.
    ConfigMap,
}
