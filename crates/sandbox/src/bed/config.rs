//! What a bed is asked to be.

use std::path::PathBuf;

use clap::ValueEnum;

use super::progress::Progress;

/// Where a bed lives and what is in it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BedConfig {
    /// Everything that the bed keeps; created when it is not there.
    pub directory: PathBuf,
    /// References of the projects, the first of which `bed.json` describes. Empty: those of the last start, or one with
    /// a reference made up.
    pub projects: Vec<String>,
    /// What the platform lists as its own backups.
    pub platform_backups: PlatformBackups,
    /// A second PostgreSQL, into which backups are restored.
    pub scratch: bool,
    /// A node, on which pods run: for a process that is in the namespaces of [`super::node::namespaces`].
    pub node: bool,
    /// Who hears of it.
    pub progress: Progress,
}

/// What the platform lists as its own backups of the database.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum PlatformBackups {
    /// One a day since the project was made, by the clock: nothing is kept of the database.
    #[default]
    MadeUp,
    /// Base backups: one is made at the start, and whenever the bed is asked for one.
    Daily,
    /// The time from the first base backup to the last archived log.
    PointInTime,
}
