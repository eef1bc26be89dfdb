use std::io;

use crate::{ArchiveError, ClientError, ContentsError, OpenError, QueryError};

/// Why an archive was not restored into scratch.
#[derive(Debug, thiserror::Error)]
pub enum ScratchError {
    #[error("{0}")]
    Open(#[from] OpenError),
    #[error("{0}")]
    Query(#[from] QueryError),
    /// It is the very cluster that was backed up, or a copy of its disk.
    #[error("scratch is the source: name another PostgreSQL in the Platform's `spec.scratch`")]
    ScratchIsSource,
    /// The name of a run has other characters than lower case letters and digits, or too many of them.
    #[error("a run is named by 1 to 40 lower case letters, digits, `_` and `-`")]
    RunInvalid,
    /// Another process works on this run.
    #[error("the scratch database of this run is another process's")]
    RunTaken,
    /// Scratch is of an older major than the client that wrote the archive.
    #[error(
        "scratch is PostgreSQL {scratch}, the archive was written by {archive}: it needs that version or a newer one"
    )]
    ScratchTooOld { scratch: u32, archive: u32 },
    /// Extensions of the archive that the cluster does not offer.
    #[error("scratch offers no extension {}: install it there", .0.join(", "))]
    ExtensionsMissing(Vec<String>),
    /// An extension that the role may not make.
    #[error("scratch does not make extension {name} for this role ({error}): make it in its database template1")]
    ExtensionRefused { name: String, error: QueryError },
    /// The archive's stream failed.
    #[error("the archive's stream failed")]
    Source(#[source] io::Error),
    #[error("{0}")]
    Contents(#[from] ContentsError),
    #[error("{0}")]
    Client(#[from] ClientError),
    /// Indexes that were not built to their end.
    #[error("indexes are not valid: {}", .0.join(", "))]
    IndexesInvalid(Vec<String>),
}

impl ScratchError {
    /// The variant as a label of bounded cardinality.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Open(error) => error.reason(),
            Self::Query(error) => error.reason(),
            Self::ScratchIsSource => "ScratchIsSource",
            Self::RunInvalid => "RunInvalid",
            Self::RunTaken => "RunTaken",
            Self::ScratchTooOld { .. } => "ScratchTooOld",
            Self::ExtensionsMissing(_) => "ExtensionsMissing",
            Self::ExtensionRefused { .. } => "ExtensionRefused",
            Self::Source(_) => "Source",
            Self::Contents(_) => "Contents",
            Self::Client(error) => error.reason(),
            Self::IndexesInvalid(_) => "IndexesInvalid",
        }
    }
}

impl From<ArchiveError> for ScratchError {
    fn from(error: ArchiveError) -> Self {
        match error {
            ArchiveError::Source(error) => Self::Source(error),
            ArchiveError::Contents(error) => Self::Contents(error),
            ArchiveError::Client(error) => Self::Client(error),
        }
    }
}
