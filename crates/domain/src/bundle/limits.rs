use thiserror::Error;

use super::path::TreePathError;
use super::tree::TreeError;

const MIB: usize = 1 << 20;

/// Most bytes of one closure: the platform refuses bundles above 20 MB (documented limit of edge functions).
pub const CLOSURE_BYTES: usize = 20 * MIB;
/// Most files of one closure. The largest of the real tree has 14; the bound keeps one upload one request of sane size.
pub const CLOSURE_FILES: usize = 2_000;

/// Limits of an archive. The real functions tree is 234 KB as tar.gz, 1 MB unpacked, 127 files; a Flux artifact holds the whole
/// repository, so the defaults leave two orders of magnitude.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct ArchiveLimits {
    /// Bytes of the tar.gz.
    pub compressed: usize,
    /// Bytes that it inflates to, headers and padding included. Checked while inflating.
    pub unpacked: usize,
    /// Bytes of one file; a larger one is left out.
    pub file: usize,
    /// Files that are kept, and what is left out of them.
    pub entries: usize,
    /// Bytes of one path; never above [`super::PATH_BYTES`].
    pub path: usize,
}

impl Default for ArchiveLimits {
    fn default() -> Self {
        Self {
            compressed: 32 * MIB,
            // Gzip can inflate a thousandfold: 32 MiB must not be inflated without a limit.
            unpacked: 128 * MIB,
            // No larger file can be deployed.
            file: CLOSURE_BYTES,
            entries: 20_000,
            path: super::path::PATH_BYTES,
        }
    }
}

/// Why an archive is not read. Entries are named escaped and cut, because the names come from the archive.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
pub enum ArchiveError {
    /// The tar.gz itself is too large.
    #[error("the archive has {bytes} bytes, more than {limit}; pack only the source's folder")]
    Compressed { bytes: usize, limit: usize },
    /// It inflates to too much.
    #[error("the archive unpacks to more than {limit} bytes; pack only the source's folder")]
    Unpacked { limit: usize },
    #[error("the archive has more than {limit} files; pack only the source's folder")]
    Entries { limit: usize },
    /// A path or an extension header is too long.
    #[error("the path of {entry} is longer than {limit} bytes; shorten it")]
    PathTooLong {
        /// Its name, cut.
        entry: String,
        limit: usize,
    },
    /// A path breaks a rule of [`super::TreePath`].
    #[error("the archive's entry {entry} can't be unpacked: {rule}")]
    Path { entry: String, rule: TreePathError },
    /// A sparse file, or a file whose size stands in an extension header: parsers that disagree about it see different archives.
    #[error("{entry} is not a plain file; leave it out of the archive")]
    Special { entry: String },
    /// Two entries that contradict each other.
    #[error("the archive contradicts itself: {0}; pack it again")]
    Conflict(TreeError),
    /// The compressed stream ends early.
    #[error("the archive is truncated{}; pack or fetch it again", after(.entry.as_ref()))]
    Truncated {
        /// The last entry that was begun.
        entry: Option<String>,
    },
    /// Not gzip, or a checksum does not hold.
    #[error("the archive is not a valid tar.gz; pack or fetch it again")]
    Gzip,
    /// A header is not one of tar, or its checksum does not hold.
    #[error("the archive's tar is damaged{}; pack or fetch it again", after(.entry.as_ref()))]
    Tar {
        /// The last entry that was begun.
        entry: Option<String>,
    },
    /// There is data after the end of the archive.
    #[error("there is data after the end of the archive; pack or fetch it again")]
    Trailing,
}

impl ArchiveError {
    /// Whether it is over when something is left out of the archive that no function needs.
    pub fn ends_with_less(&self) -> bool {
        match self {
            Self::Compressed { .. }
            | Self::Unpacked { .. }
            | Self::Entries { .. }
            | Self::PathTooLong { .. }
            | Self::Path { .. }
            | Self::Special { .. } => true,
            Self::Conflict(_) | Self::Truncated { .. } | Self::Gzip | Self::Tar { .. } | Self::Trailing => false,
        }
    }

    /// The kind of error, as a label of bounded cardinality.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Compressed { .. } | Self::Unpacked { .. } => "TooLarge",
            Self::Entries { .. } => "TooManyEntries",
            Self::PathTooLong { .. } | Self::Path { .. } => "BadPath",
            Self::Special { .. } => "NotAFile",
            Self::Conflict(_) => "Conflict",
            Self::Truncated { .. } => "Truncated",
            Self::Gzip | Self::Tar { .. } | Self::Trailing => "NotAnArchive",
        }
    }
}

fn after(entry: Option<&String>) -> String {
    entry.map(|entry| format!(" at or after {entry}")).unwrap_or_default()
}
