use std::collections::{BTreeMap, BTreeSet};

use super::body::BodyFiles;
use super::closure::Closure;
use super::container;
use super::digest::{self, Sha};
use super::path::TreePath;
use super::reach;

/// The value shown for a file that one side does not have.
const ABSENT: &str = "absent";
/// Path of the difference that is no file: the platform runs another one than it should.
const ENTRYPOINT: &str = "entrypoint";

/// The files of a function with their digests, by their path in the source tree.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct FileDigests {
    entrypoint: Option<String>,
    files: BTreeMap<String, Sha>,
    /// Files whose absence from a body means nothing.
    may_be_absent: BTreeSet<String>,
}

/// One difference, short enough for a status.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct FileDifference {
    /// Path in the source tree, or `entrypoint`.
    pub path: String,
    /// `sha256:` and twelve digits, `absent`, or the entrypoint's path.
    pub desired: String,
    /// The same of the observed side.
    pub observed: String,
}

/// Whether a body proves to be our source.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Proof {
    /// Each file of the body equals ours at its path, and none of ours is missing but those imported for their types.
    Proved,
    /// It is different content, or transpiled content, which does not show its source.
    Differs(Vec<FileDifference>),
    /// No file of the body can be the entrypoint, so paths can't be compared.
    Unanchored,
}

impl Closure {
    /// The digests of the files.
    pub fn file_digests(&self) -> FileDigests {
        let text = |path: &TreePath| path.as_str().to_owned();
        FileDigests {
            entrypoint: Some(text(&self.entrypoint)),
            files: self.hashes.iter().map(|(path, hash)| (text(path), *hash)).collect(),
            may_be_absent: self.type_only.iter().map(text).collect(),
        }
    }
}

impl BodyFiles {
    /// The digests of the files, by the paths that they have in the source tree whose entrypoint is `entrypoint`. A file
    /// outside that tree keeps its `..`.
    pub fn file_digests(&self, entrypoint: &TreePath) -> FileDigests {
        let folder = if self.entrypoint().is_some() {
            entrypoint.folder()
        } else {
            ""
        };
        let at = |path: &str| container::joined(folder, path);
        FileDigests {
            entrypoint: self.entrypoint().map(at),
            files: self
                .files()
                .iter()
                .map(|(path, bytes)| (at(path), digest::of_bytes(bytes)))
                .collect(),
            may_be_absent: BTreeSet::new(),
        }
    }
}

/// Whether `body` is the source that `closure` is. A transpiled body is not, whatever it was made from.
pub fn proves(closure: &Closure, body: &BodyFiles) -> Proof {
    if body.entrypoint().is_none() {
        return Proof::Unanchored;
    }
    let differences = differing(closure, body);
    if differences.is_empty() {
        Proof::Proved
    } else {
        Proof::Differs(differences)
    }
}

/// The differences of a body from the source that it should be. What its program does not reach is none: clients find imports by
/// pattern, and send files along that only a comment, a text or an unused entry of the import map names.
pub fn differing(closure: &Closure, body: &BodyFiles) -> Vec<FileDifference> {
    let found = differences(&closure.file_digests(), &body.file_digests(closure.entrypoint()));
    // With the files of the source as they are, the program is the source's, and what the source does not have is not in its
    // closure.
    let is_extra =
        |difference: &FileDifference| difference.desired == ABSENT && reach::is_unreached(closure, &difference.path);
    if body.entrypoint().is_some() && found.iter().all(is_extra) {
        return Vec::new();
    }
    found
}

/// The differences of two sides by path; a different entrypoint comes first. Each side is a closure or a body.
pub fn differences(desired: &FileDigests, observed: &FileDigests) -> Vec<FileDifference> {
    let shown = |hash: Option<&Sha>| hash.map_or_else(|| ABSENT.to_owned(), digest::short);
    let named = |path: &Option<String>| path.clone().unwrap_or_else(|| ABSENT.to_owned());
    let entrypoint = (desired.entrypoint != observed.entrypoint).then(|| FileDifference {
        path: ENTRYPOINT.to_owned(),
        desired: named(&desired.entrypoint),
        observed: named(&observed.entrypoint),
    });
    let paths: BTreeSet<&String> = desired.files.keys().chain(observed.files.keys()).collect();
    let files = paths.into_iter().filter_map(|path| {
        let (wanted, seen) = (desired.files.get(path), observed.files.get(path));
        let excused = (seen.is_none() && desired.may_be_absent.contains(path))
            || (wanted.is_none() && observed.may_be_absent.contains(path));
        (wanted != seen && !excused).then(|| FileDifference {
            path: path.clone(),
            desired: shown(wanted),
            observed: shown(seen),
        })
    });
    entrypoint.into_iter().chain(files).collect()
}
