//! Backups of the database that its server has really made: base backups and archived log, in a folder of the bed.
//!
//! ```text
//! base/<number>/   a base backup, whole when it has this name; complete at the time of its `backup_manifest`
//! wal/<segment>    archived log; what was committed before the newest segment was written can be restored
//! ```

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use super::state::Backups;

/// Digits of a log segment's name. History and label files have longer ones.
const SEGMENT: usize = 24;

/// Where they are, and how the platform offers them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recovery {
    /// The folder.
    pub directory: PathBuf,
    /// As points in time, and not as one backup a day.
    pub pitr: bool,
}

impl Recovery {
    /// What there is now.
    pub(super) fn backups(&self) -> io::Result<Backups> {
        let mut daily = base_backups(&self.directory.join("base"))?;
        daily.sort_unstable_by(|one, other| other.cmp(one));
        let times = daily.iter().map(|(_, time)| *time);
        let first = times.clone().min();
        // Until there is a base backup, the log alone restores nothing.
        let latest = if self.pitr {
            newest_segment(&self.directory.join("wal"))?.max(times.max())
        } else {
            times.max()
        };
        Ok(Backups {
            pitr: self.pitr,
            daily: if self.pitr { Vec::new() } else { daily },
            physical: first.zip(latest),
        })
    }
}

/// Number and time of each.
fn base_backups(directory: &Path) -> io::Result<Vec<(i64, i64)>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        let number = path.file_name().and_then(|name| name.to_str()?.parse().ok());
        if let Some(number) = number {
            found.push((number, written(&path.join("backup_manifest"))?));
        }
    }
    Ok(found)
}

fn newest_segment(directory: &Path) -> io::Result<Option<i64>> {
    let mut newest = None;
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        if entry.file_name().len() == SEGMENT {
            newest = newest.max(Some(written(&entry.path())?));
        }
    }
    Ok(newest)
}

/// When a file was last written, in milliseconds since 1970.
fn written(path: &Path) -> io::Result<i64> {
    let modified = fs::metadata(path)?.modified()?;
    let since = modified.duration_since(UNIX_EPOCH).unwrap_or_default();
    Ok(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}
