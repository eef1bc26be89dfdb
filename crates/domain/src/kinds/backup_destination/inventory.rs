//! What Backups say that a destination holds, beside what its list shows.

use std::collections::BTreeSet;

use ace_api::{Backup, BackupDestination, ConditionType, CopyState, DestinationReason, Reason as _};
use kube::ResourceExt;

use crate::reconcile::{annotations::is_leaving, drift::uncorrected};

/// Most losses that are remembered by name; the others are counted.
const MOST_NAMED: usize = 16;

/// What is found where the data of a backup should be.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Presence {
    Present,
    Missing,
    /// Data of so many bytes.
    Changed(u64),
}

/// What the Backups of a namespace say of one destination.
#[derive(Clone, Debug, Default)]
pub struct Inventory {
    /// By path below the prefix: the Backup, and the bytes of its data.
    stored: BTreeSet<(String, String, u64)>,
    paths: BTreeSet<String>,
    /// Runs that somebody may be writing: the uid of their Backup, and the run.
    running: BTreeSet<(String, String)>,
}

/// Data that is not what a Backup has stored.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Lost {
    pub backup: String,
    pub bytes: u64,
    pub presence: Presence,
}

impl Inventory {
    /// `backups`: those of the destination's namespace.
    pub fn of<'a>(destination: &str, backups: impl IntoIterator<Item = &'a Backup>) -> Self {
        let mut inventory = Self::default();
        for backup in backups {
            inventory.add(destination, backup);
        }
        inventory
    }

    fn add(&mut self, destination: &str, backup: &Backup) {
        let Some(status) = &backup.status else { return };
        let archive = status.archive.as_ref();
        if let (Some(run), None) = (&status.run, archive) {
            self.running.insert((backup.uid().unwrap_or_default(), run.id.clone()));
        }
        for copy in status.copies.iter().filter(|copy| copy.destination == destination) {
            let Some(path) = &copy.path else { continue };
            self.paths.insert(path.clone());
            let was_complete = matches!(
                copy.state,
                CopyState::Complete | CopyState::Missing | CopyState::Changed
            );
            // What is being deleted is not there for long.
            if let (Some(archive), true, false) = (archive, was_complete, is_leaving(backup)) {
                let bytes = u64::try_from(archive.bytes).unwrap_or_default();
                self.stored.insert((path.clone(), backup.name_any(), bytes));
            }
        }
        let imported = backup.spec.import.as_ref();
        if let Some(import) = imported.filter(|import| import.destination.name == destination) {
            let directory = import.manifest.rsplit_once('/').map_or("", |(directory, _)| directory);
            self.paths.insert(directory.to_owned());
        }
    }

    /// A Backup names what is stored in this directory, or may be writing it: `uid` and `run` are parts of its name.
    pub fn has(&self, path: &str, uid: &str, run: &str) -> bool {
        self.paths.contains(path) || self.is_running(uid, run)
    }

    /// Somebody may be writing it.
    pub fn is_running(&self, uid: &str, run: &str) -> bool {
        let mut running = self.running.iter();
        running.any(|(of, id)| of.starts_with(uid) && id == run)
    }

    /// What is gone or another, the first ones by name. `later`: what Backups said after the list; `presence`: what that shows of a
    /// path, where so many bytes should be.
    pub fn lost(&self, later: &Self, presence: impl Fn(&str, u64) -> Presence) -> (u64, Vec<Lost>) {
        let (mut count, mut lost) = (0, Vec::new());
        for (path, backup, bytes) in self.stored.intersection(&later.stored) {
            let presence = presence(path, *bytes);
            if presence == Presence::Present {
                continue;
            }
            count += 1;
            if lost.len() < MOST_NAMED {
                lost.push(Lost {
                    backup: backup.clone(),
                    bytes: *bytes,
                    presence,
                });
            }
        }
        (count, lost)
    }
}

/// How the path of a drift begins that is about this Backup.
pub(super) fn drift_path(backup: &str) -> String {
    format!("{backup}/dump.pgc.zst.age")
}

/// Why what a Backup has stored there may not be what it was, in words that differ when the reason does.
pub fn suspicion(destination: &BackupDestination, backup: &str) -> Option<String> {
    let status = destination.status.as_ref()?;
    let stalled = ConditionType::Stalled.of(&status.common.conditions);
    if stalled.is_some_and(|stalled| stalled.reason == DestinationReason::BucketMissing.as_str()) {
        return Some("the store is gone".to_owned());
    }
    let drift = uncorrected(status.drift.as_ref())?;
    let path = drift_path(backup);
    let named = drift.fields.iter().find(|field| field.path == path);
    let is_longer = usize::try_from(drift.count).is_ok_and(|count| count > drift.fields.len());
    match named {
        Some(field) => Some(field.observed.clone()),
        None => is_longer.then(|| format!("{} of {}", drift.count, drift.detected_time)),
    }
}

/// All that Backups depend on of a destination.
pub(super) fn suspicions(destination: &BackupDestination) -> String {
    let fields = destination.status.as_ref().and_then(|status| {
        let drift = uncorrected(status.drift.as_ref())?;
        Some(format!("{} {:?}", drift.count, drift.fields))
    });
    let of_all = suspicion(destination, "");
    format!("{} {}", of_all.unwrap_or_default(), fields.unwrap_or_default())
}
