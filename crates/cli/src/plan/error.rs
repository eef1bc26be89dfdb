use std::io;
use std::path::PathBuf;

use thiserror::Error;

use crate::project::DirectoryError;

/// Why the cluster or the files can't be read. No text contains a password.
#[derive(Debug, Error)]
pub(crate) enum PlanError {
    #[error("can't connect to the cluster: {0}")]
    Kubeconfig(String),
    #[error("you may not read {what}: ask for the right to `get` {resource} in namespace {namespace}")]
    Forbidden {
        what: String,
        resource: String,
        namespace: String,
    },
    #[error(
        "you may not list {resource} in namespace {namespace}: ask for the right to `list` them, or name another kind"
    )]
    Unlisted { resource: String, namespace: String },
    #[error(
        "you may not read Secret {namespace}/{name}, which the Platform names for its database (key `{key}`): ask for the right to \
         `get` it, or set the database's URL with --database-url or in ACE_DATABASE_URL"
    )]
    Secret {
        namespace: String,
        name: String,
        key: String,
    },
    #[error("namespace {namespace}: {cause}")]
    Which { namespace: String, cause: String },
    #[error("there is no {0}")]
    Absent(String),
    #[error("cannot read {what}: {cause}")]
    Unanswered { what: String, cause: String },
    #[error("cannot read {path}: {error}")]
    Manifest { path: PathBuf, error: io::Error },
    #[error("{path}, document {document}: {cause}")]
    Document {
        path: PathBuf,
        document: usize,
        cause: String,
    },
    #[error("{path} has {found}; {instead}")]
    WhichObject {
        path: PathBuf,
        found: String,
        instead: &'static str,
    },
    #[error("--database-url {0}")]
    Url(&'static str),
    #[error(
        "the files of {0} are served inside the cluster only: pass a checkout of them with --dir (ConfigMaps are read directly)"
    )]
    InsideTheCluster(String),
    #[error(transparent)]
    Directory(#[from] DirectoryError),
}
