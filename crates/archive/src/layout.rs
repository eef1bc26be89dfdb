//! Where the files of a backup lie below a prefix, and what a list says of them.
//!
//! `<path>/<UTC stamp>-<8 digits of the uid>-<4 of the run>/` holds the data and, last, `manifest.json`. What has no manifest is no
//! backup: it was not finished, or is being written.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use crate::probe::FOLDER;

/// The last file of a backup that is written.
const MANIFEST: &str = "manifest.json";

/// The manifest of a backup that is being deleted.
const DELETED: &str = "manifest.deleted.json";

/// Most names of others that are kept.
const MOST_NAMES: usize = 3;

/// What lies below a prefix.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Contents {
    /// By their directories.
    pub backups: BTreeMap<String, Backup>,
    pub foreign: Foreign,
}

/// A directory of a backup.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Backup {
    /// Of its files together.
    pub bytes: u64,
    /// Its manifest is there: it is complete.
    pub has_manifest: bool,
    /// Its manifest was renamed, as the first step of its deletion.
    pub is_deleted: bool,
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
    pub fn add(&mut self, parts: &[&str], size: u64) {
        let split = match parts {
            [FOLDER, ..] => return,
            [directories @ .., directory, file] if started(directory).is_some() => {
                Some((directories, *directory, *file))
            }
            _ => None,
        };
        let Some((directories, directory, file)) = split else {
            self.foreign.count += 1;
            if self.foreign.names.len() < MOST_NAMES {
                self.foreign.names.push(parts.join("/"));
            }
            return;
        };
        let path: Vec<&str> = directories.iter().copied().chain([directory]).collect();
        let backup = self.backups.entry(path.join("/")).or_default();
        backup.bytes += size;
        backup.has_manifest |= file == MANIFEST;
        backup.is_deleted |= file == DELETED;
    }

    /// The complete backups, with when each was started.
    pub fn complete(&self) -> impl Iterator<Item = (Timestamp, &Backup)> {
        let complete = self.backups.iter().filter(|(_, backup)| backup.has_manifest);
        complete.filter_map(|(path, backup)| Some((started(path.rsplit('/').next()?)?, backup)))
    }
}

/// When the backup was started that a directory is named after; `None` where it is no directory of a backup.
fn started(directory: &str) -> Option<Timestamp> {
    let mut parts = directory.split('-');
    let (stamp, uid, run) = (parts.next()?, parts.next()?, parts.next()?);
    let is_hex = |text: &str, length| {
        text.len() == length && text.bytes().all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f'))
    };
    if parts.next().is_some() || !is_hex(uid, 8) || !is_hex(run, 4) {
        return None;
    }
    let digits = stamp.strip_suffix('Z').filter(|digits| digits.len() == 15)?;
    let time = DateTime::strptime("%Y%m%dT%H%M%S", digits).ok()?;
    TimeZone::UTC.to_timestamp(time).ok()
}

#[cfg(test)]
mod tests {
    use super::{Backup, Contents, started};

    fn contents(objects: &[(&str, u64)]) -> Contents {
        let mut contents = Contents::default();
        for (path, size) in objects {
            contents.add(&path.split('/').collect::<Vec<_>>(), *size);
        }
        contents
    }

    const ONE: &str = "prod/daily/2026/11/23/20261123T010003Z-5e0c71aa-7c1e";
    const TWO: &str = "prod/daily/2026/11/24/20261124T010003Z-5e0c71ab-7c1e";

    #[test]
    fn a_backup_is_complete_when_its_manifest_is_there() {
        let contents = contents(&[
            (&format!("{ONE}/dump.pgc.zst.age"), 100),
            (&format!("{ONE}/manifest.json"), 10),
            (&format!("{TWO}/dump.pgc.zst.age"), 50),
        ]);
        let backup = |bytes, has_manifest| Backup {
            bytes,
            has_manifest,
            is_deleted: false,
        };
        let expected = [(ONE.to_owned(), backup(110, true)), (TWO.to_owned(), backup(50, false))];
        assert_eq!(contents.backups, expected.into());
        let complete: Vec<_> = contents.complete().map(|(time, _)| time.to_string()).collect();
        assert_eq!(complete, ["2026-11-23T01:00:03Z"]);
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

    #[test]
    fn a_directory_of_a_backup_has_a_time_a_uid_and_a_run() {
        assert_eq!(
            started("20261123T010003Z-5e0c71aa-7c1e").unwrap().to_string(),
            "2026-11-23T01:00:03Z"
        );
        for other in [
            "20261123T010003Z-5e0c71aa",
            "20261123T010003Z-5e0c71aa-7c1e-1",
            "20261123T010003Z-5E0C71AA-7c1e",
            "20261123T010003Z-5e0c71a-7c1e0",
            "20261323T010003Z-5e0c71aa-7c1e",
            "2026-11-23",
            "20261123T010003-5e0c71aa-7c1e",
            "",
        ] {
            assert_eq!(started(other), None, "{other}");
        }
    }
}
