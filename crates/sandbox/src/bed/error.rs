//! Why a bed does not come up.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use super::cluster::ClusterError;
use super::tools::ToolError;
use crate::platform::StartError;

/// Why a bed does not come up, or does not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum BedError {
    /// A file or directory of the bed.
    #[error("could not {action} {}", path.display())]
    File {
        /// A verb: `write`, `read`, `create`.
        action: &'static str,
        path: PathBuf,
        source: io::Error,
    },
    /// Another process has a bed up there.
    #[error("a bed is already up in {}: stop it, or take another directory with --dir", .0.display())]
    InUse(PathBuf),
    /// No bed is up there.
    #[error("no bed is up in {}: start one with `ace-dev up`, or name its directory with --dir", .0.display())]
    NotUp(PathBuf),
    /// A file of the bed does not say what this version expects.
    #[error("could not understand {}: remove the directory to start afresh", path.display())]
    Unreadable {
        path: PathBuf,
        /// What is wrong with it.
        source: serde_json::Error,
    },
    /// A project reference that the platform would not give.
    #[error("{0:?} is no project reference: it is 20 lower-case letters")]
    Reference(String),
    /// A program that is missing or can't be installed.
    #[error(transparent)]
    Tool(#[from] ToolError),
    /// A program that can't be started.
    #[error("could not start {name}")]
    Start { name: &'static str, source: io::Error },
    /// A part that ended by itself.
    #[error("{name} ended by itself ({status}); its last words:{last_words}")]
    Ended {
        name: &'static str,
        status: String,
        /// The end of its log.
        last_words: String,
    },
    /// A part that did not get ready.
    #[error("{name} was not ready after {} s; its last words:{last_words}", patience.as_secs())]
    NotReady {
        name: &'static str,
        /// How long it was waited for.
        patience: Duration,
        /// The end of its log.
        last_words: String,
    },
    /// A data directory of another PostgreSQL.
    #[error("{} was made by PostgreSQL {found}, and {installed} is installed: remove it to start with an empty database", path.display())]
    DatabaseVersion {
        path: PathBuf,
        found: String,
        /// The major version of the programs.
        installed: String,
    },
    #[error("initdb failed: {0}")]
    DatabaseMake(String),
    /// SQL that prepares the database.
    #[error("could not {action} in the database")]
    Database {
        action: &'static str,
        source: tokio_postgres::Error,
    },
    /// Certificates could not be made.
    #[error("could not make the certificates of the API server")]
    Certificate(#[from] rcgen::Error),
    /// The API server refused something.
    #[error(transparent)]
    Cluster(#[from] ClusterError),
    /// The platform did not start.
    #[error("could not start the platform")]
    Platform(#[source] StartError),
    /// A listener of our own.
    #[error("could not listen on 127.0.0.1:{port} for {name}")]
    Listen {
        name: &'static str,
        port: u16,
        source: io::Error,
    },
}

impl BedError {
    /// For `map_err` at a file operation.
    pub(super) fn file(action: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> BedError {
        let path = path.into();
        move |source| BedError::File { action, path, source }
    }

    /// A bounded name of the kind of failure.
    pub fn reason(&self) -> &'static str {
        match self {
            BedError::File { .. } => "File",
            BedError::InUse(_) => "InUse",
            BedError::NotUp(_) => "NotUp",
            BedError::Unreadable { .. } => "Unreadable",
            BedError::Reference(_) => "Reference",
            BedError::Tool(_) => "Tool",
            BedError::Start { .. } => "Start",
            BedError::Ended { .. } => "Ended",
            BedError::NotReady { .. } => "NotReady",
            BedError::DatabaseVersion { .. } => "DatabaseVersion",
            BedError::DatabaseMake(_) => "DatabaseMake",
            BedError::Database { .. } => "Database",
            BedError::Certificate(_) => "Certificate",
            BedError::Cluster(_) => "Cluster",
            BedError::Platform(_) => "Platform",
            BedError::Listen { .. } => "Listen",
        }
    }
}
