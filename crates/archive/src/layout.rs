//! Where the files of a backup lie below a prefix, and what a list says of them.
//!
//! A [directory](RunPath) holds the data and, last, `manifest.json`. What has no manifest is no backup: it was not finished, or is being
//! written.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::probe::FOLDER;
use crate::read::Finding;
use crate::run::{DATA, DELETED, MANIFEST, RunPath};
use crate::sweep::GRACE;

/// Most names of others that are kept.
const MOST_NAMES: usize = 3;

/// What lies below a prefix.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Contents {
    /// By their directories.
    pub backups: BTreeMap<RunPath, Backup>,
    pub foreign: Foreign,
}

/// A directory of a backup.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Backup {
    /// Of its files together.
    pub bytes: u64,
    /// Of its data, where that is there.
    pub data: Option<u64>,
    /// Its manifest is there: it is complete.
    pub has_manifest: bool,
    /// Since when its deletion is under way, by the store's clock: its manifest was renamed.
    pub deleted: Option<Timestamp>,
    /// When the newest of its files was written, by the store's clock.
    pub written: Option<Timestamp>,
    /// Files that are not of a backup, though they lie in its directory.
    pub unexpected: u64,
}

/// Objects that are not of a backup.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Foreign {
    pub count: u64,
    /// Of the first ones.
    pub names: Vec<String>,
}

impl Contents {
    /// Takes an object of a list, by the parts of its path below the prefix.
    pub fn add(&mut self, parts: &[&str], size: u64, written: Timestamp) {
        let split = match parts {
            [FOLDER, ..] => return,
            [directory @ .., file] => RunPath::parse(&directory.join("/")).map(|run| (run, *file)),
            [] => None,
        };
        let Some((run, file)) = split else {
            self.foreign.count += 1;
            if self.foreign.names.len() < MOST_NAMES {
                self.foreign.names.push(parts.join("/"));
            }
            return;
        };
        let backup = self.backups.entry(run).or_default();
        backup.bytes += size;
        backup.written = backup.written.max(Some(written));
        match file {
            DATA => backup.data = Some(size),
            MANIFEST => backup.has_manifest = true,
            DELETED => backup.deleted = Some(written),
            _ => backup.unexpected += 1,
        }
    }

    /// The complete backups, with when each was started.
    pub fn complete(&self) -> impl Iterator<Item = (Timestamp, &Backup)> {
        let complete = self.backups.iter().filter(|(_, backup)| backup.has_manifest);
        complete.map(|(run, backup)| (run.started(), backup))
    }

    /// Runs that left data and no manifest, that were started, and written to last, before a time, and whose runner is not living.
    pub fn abandoned(&self, before: Timestamp, is_living: impl Fn(&RunPath) -> bool) -> impl Iterator<Item = &RunPath> {
        let is_old = move |run: &RunPath, backup: &Backup| run.started() < before && backup.written < Some(before);
        let left = self.backups.iter().filter(move |(run, backup)| {
            backup.is_unfinished() && backup.data.is_some() && is_old(run, backup) && !is_living(run)
        });
        left.map(|(run, _)| run)
    }

    /// Backups for which [`GRACE`] has passed, by the store's clock at the first step of their deletion and `now`.
    pub fn expired(&self, now: Timestamp) -> impl Iterator<Item = &RunPath> {
        let has_passed = move |since: Timestamp| since.checked_add(GRACE).is_ok_and(|until| until <= now);
        let expired = self
            .backups
            .iter()
            .filter(move |(_, backup)| !backup.has_manifest && backup.deleted.is_some_and(has_passed));
        expired.map(|(run, _)| run)
    }

    /// The level `Present`: whether the data of a complete backup is there, with its size. A list that failed says nothing of it.
    pub fn present(&self, run: &RunPath, bytes: u64) -> Result<(), Finding> {
        match self.backups.get(run).map(|backup| (backup.has_manifest, backup.data)) {
            Some((true, Some(size))) if size == bytes => Ok(()),
            Some((true, Some(size))) => Err(Finding::Changed { size }),
            _ => Err(Finding::Missing),
        }
    }
}

impl Backup {
    /// It has no manifest, and had none: a run that was not finished, or is under way.
    pub fn is_unfinished(&self) -> bool {
        !self.has_manifest && self.deleted.is_none()
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::{Backup, Contents, RunPath};
    use crate::read::Finding;

    fn contents(objects: &[(&str, u64)]) -> Contents {
        let mut contents = Contents::default();
        for (path, size) in objects {
            contents.add(&path.split('/').collect::<Vec<_>>(), *size, Timestamp::UNIX_EPOCH);
        }
        contents
    }

    fn run(path: &str) -> RunPath {
        RunPath::parse(path).unwrap()
    }

    const ONE: &str = "prod/daily/2026/11/23/20261123T010003Z-5e0c71aa-7c1e";
    const TWO: &str = "prod/daily/2026/11/24/20261124T010003Z-5e0c71ab-7c1e";

    #[test]
    fn a_backup_is_complete_when_its_manifest_is_there() {
        let contents = contents(&[
            (&format!("{ONE}/dump.pgc.zst.age"), 100),
            (&format!("{ONE}/manifest.json"), 10),
            (&format!("{TWO}/dump.pgc.zst.age"), 50),
            (&format!("{TWO}/notes.txt"), 1),
        ]);
        let backup = |bytes, data, has_manifest, unexpected| Backup {
            bytes,
            data: Some(data),
            has_manifest,
            deleted: None,
            written: Some(Timestamp::UNIX_EPOCH),
            unexpected,
        };
        let expected = [
            (run(ONE), backup(110, 100, true, 0)),
            (run(TWO), backup(51, 50, false, 1)),
        ];
        assert_eq!(contents.backups, expected.into());
        let complete: Vec<_> = contents.complete().map(|(time, _)| time.to_string()).collect();
        assert_eq!(complete, ["2026-11-23T01:00:03Z"]);
    }

    #[test]
    fn data_is_present_with_its_size_and_beside_its_manifest() {
        let contents = contents(&[
            (&format!("{ONE}/dump.pgc.zst.age"), 100),
            (&format!("{ONE}/manifest.json"), 10),
            (&format!("{TWO}/dump.pgc.zst.age"), 100),
        ]);
        assert_eq!(contents.present(&run(ONE), 100), Ok(()));
        assert_eq!(contents.present(&run(ONE), 101), Err(Finding::Changed { size: 100 }));
        assert_eq!(contents.present(&run(TWO), 100), Err(Finding::Missing));
        assert_eq!(
            contents.present(&run(&ONE.replace("7c1e", "0000")), 100),
            Err(Finding::Missing)
        );
    }

    #[test]
    fn what_is_being_deleted_is_neither_complete_nor_unfinished() {
        let contents = contents(&[
            (&format!("{ONE}/dump.pgc.zst.age"), 100),
            (&format!("{ONE}/manifest.deleted.json"), 10),
            (&format!("{TWO}/dump.pgc.zst.age"), 100),
        ]);
        assert_eq!(contents.complete().count(), 0);
        let unfinished: Vec<_> = contents.backups.values().map(Backup::is_unfinished).collect();
        assert_eq!(unfinished, [false, true]);
    }

    #[test]
    fn what_is_not_in_a_backups_directory_is_counted_and_the_first_are_named() {
        let many: Vec<String> = (0..100_000)
            .map(|at| format!("photos/with spaces and ü/{at}.jpg"))
            .collect();
        let many: Vec<(&str, u64)> = many.iter().map(|path| (path.as_str(), 1)).collect();
        let contents = contents(&many);
        assert_eq!((contents.backups.len(), contents.foreign.count), (0, 100_000));
        assert_eq!(contents.foreign.names.len(), 3);
        assert_eq!(contents.foreign.names[0], "photos/with spaces and ü/0.jpg");
    }

    #[test]
    fn our_own_probes_are_neither_backups_nor_foreign() {
        assert_eq!(contents(&[(".ace/7c1e-single", 72)]), Contents::default());
    }
}
