//! The directory of one run of a backup.

use std::fmt;

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use object_store::path::Path;

/// What is dumped, compressed and encrypted.
pub const DATA: &str = "dump.pgc.zst.age";

/// The last file of a backup that is written.
pub const MANIFEST: &str = "manifest.json";

/// The manifest of a backup that is being deleted.
pub const DELETED: &str = "manifest.deleted.json";

/// The directory of one run below a prefix: `<folders>/<yyyy>/<mm>/<dd>/<UTC stamp>-<8 digits of the uid>-<4 of the run>`. No two
/// runs have the same, so that no writer meets another, whatever the store makes of a condition.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RunPath {
    path: String,
    started: Timestamp,
}

/// Names of a run that make no path.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum RunPathError {
    #[error("a folder is a name of letters, digits, `-`, `_` and `.`")]
    Folder,
    #[error("a uid begins with 8 hexadecimal digits, in lower case")]
    Uid,
    #[error("a run is 4 hexadecimal digits, in lower case")]
    Run,
}

impl RunPath {
    /// The directory of a new run: of `uid` the first 8 digits are taken.
    pub fn new(folders: &[&str], started: Timestamp, uid: &str, run: &str) -> Result<Self, RunPathError> {
        let is_plain = |letter: u8| letter.is_ascii_alphanumeric() || matches!(letter, b'-' | b'_' | b'.');
        let is_name = |name: &&str| !matches!(*name, "" | "." | "..") && name.bytes().all(is_plain);
        if !folders.iter().all(is_name) {
            return Err(RunPathError::Folder);
        }
        let uid = uid.get(..8).filter(|uid| is_hex(uid, 8)).ok_or(RunPathError::Uid)?;
        if !is_hex(run, 4) {
            return Err(RunPathError::Run);
        }
        let time = started.to_zoned(TimeZone::UTC);
        let (day, stamp) = (time.strftime("%Y/%m/%d"), time.strftime("%Y%m%dT%H%M%SZ"));
        let folders: String = folders.iter().flat_map(|name| [*name, "/"]).collect();
        let path = format!("{folders}{day}/{stamp}-{uid}-{run}");
        Self::parse(&path).ok_or(RunPathError::Folder)
    }

    /// Takes a path below a prefix; `None` where it is no directory of a run.
    pub fn parse(path: &str) -> Option<Self> {
        let is_path = || Path::parse(path).is_ok_and(|parsed| parsed.as_ref() == path);
        let (started, ..) = parts(path).filter(|_| is_path())?;
        let path = path.to_owned();
        Some(Self { path, started })
    }

    /// When the run was started, by the second.
    pub fn started(&self) -> Timestamp {
        self.started
    }

    /// The 8 digits of the uid, and the 4 of the run.
    pub fn ids(&self) -> (&str, &str) {
        let parts = parts(&self.path).map(|(_, uid, run)| (uid, run));
        parts.unwrap_or_default()
    }

    /// The path, relative to the prefix.
    pub fn as_str(&self) -> &str {
        &self.path
    }
}

impl fmt::Display for RunPath {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.path)
    }
}

fn is_hex(text: &str, length: usize) -> bool {
    text.len() == length && text.bytes().all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f'))
}

/// When a run was started, its uid and its own digits, by its path.
fn parts(path: &str) -> Option<(Timestamp, &str, &str)> {
    let mut parts = path.rsplit('/').next()?.split('-');
    let (stamp, uid, run) = (parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() || !is_hex(uid, 8) || !is_hex(run, 4) {
        return None;
    }
    let digits = stamp.strip_suffix('Z').filter(|digits| digits.len() == 15)?;
    let time = DateTime::strptime("%Y%m%dT%H%M%S", digits).ok()?;
    Some((TimeZone::UTC.to_timestamp(time).ok()?, uid, run))
}

#[cfg(test)]
mod tests {
    use super::{RunPath, RunPathError};

    #[test]
    fn a_run_has_a_directory_of_its_own_that_says_when_whose_and_which() {
        let started = "2026-11-23T01:00:03.7Z".parse().unwrap();
        let uid = "5e0c71aa-0000-4000-8000-000000000000";
        let run = RunPath::new(&["ace", "prod", "scheduled"], started, uid, "7c1e").unwrap();
        assert_eq!(
            run.as_str(),
            "ace/prod/scheduled/2026/11/23/20261123T010003Z-5e0c71aa-7c1e"
        );
        assert_eq!(RunPath::parse(run.as_str()), Some(run.clone()));
        assert_eq!(run.started().to_string(), "2026-11-23T01:00:03Z");
        assert_eq!(run.ids(), ("5e0c71aa", "7c1e"));
        for (folders, uid, run, expected) in [
            (&["a/b"][..], uid, "7c1e", RunPathError::Folder),
            (&[".."], uid, "7c1e", RunPathError::Folder),
            (&[""], uid, "7c1e", RunPathError::Folder),
            (&["ü"], uid, "7c1e", RunPathError::Folder),
            (&[], "5E0C71AA", "7c1e", RunPathError::Uid),
            (&[], "5e0c", "7c1e", RunPathError::Uid),
            (&[], uid, "7c1e0", RunPathError::Run),
        ] {
            assert_eq!(RunPath::new(folders, started, uid, run), Err(expected));
        }
    }

    #[test]
    fn a_directory_of_a_run_has_a_time_a_uid_and_a_run() {
        let found = RunPath::parse("with spaces/ü/20261123T010003Z-5e0c71aa-7c1e").unwrap();
        assert_eq!(found.started().to_string(), "2026-11-23T01:00:03Z");
        for other in [
            "20261123T010003Z-5e0c71aa",
            "20261123T010003Z-5e0c71aa-7c1e-1",
            "20261123T010003Z-5E0C71AA-7c1e",
            "20261123T010003Z-5e0c71a-7c1e0",
            "20261323T010003Z-5e0c71aa-7c1e",
            "2026-11-23",
            "20261123T010003-5e0c71aa-7c1e",
            "../20261123T010003Z-5e0c71aa-7c1e",
            "/20261123T010003Z-5e0c71aa-7c1e",
            "a//20261123T010003Z-5e0c71aa-7c1e",
            "",
        ] {
            assert_eq!(RunPath::parse(other), None, "{other}");
        }
    }
}
