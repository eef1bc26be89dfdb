use std::collections::{BTreeMap, BTreeSet};

use super::body::BodyFiles;
use super::closure::Closure;
use super::container;
use super::digest::{self, Sha};
use super::path::TreePath;
use super::reach::{self, Reach};

/// The value shown for a file that one side does not have.
const ABSENT: &str = "absent";
/// Path of the difference that is no file: the platform runs another one than it should.
const ENTRYPOINT: &str = "entrypoint";

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

/// Whether `body` is the source that `closure` is: each file of it that the program reaches equals ours at its path, and none of
/// ours is missing but those imported for their types. A transpiled body is not, whatever it was made from, nor is one without a
/// file that can be the entrypoint.
pub fn proves(closure: &Closure, body: &BodyFiles) -> bool {
    differing(closure, body).is_empty()
}

/// The differences of a body from the source that it should be, by path; a different entrypoint comes first. What its program
/// does not reach is none: clients find imports by pattern, and send files along that only a comment, a text or an unused entry
/// of the import map names.
pub fn differing(closure: &Closure, body: &BodyFiles) -> Vec<FileDifference> {
    let found = differences(closure, body);
    // With the files of the source as they are, the program is the source's, and what the source does not have is not in its
    // closure. Only then are its modules read once more.
    let is_extra = |difference: &FileDifference| {
        difference.path != ENTRYPOINT && difference.desired == ABSENT && !reach::is_configuration(&difference.path)
    };
    if found.is_empty() || !found.iter().all(is_extra) {
        return found;
    }
    let reach = Reach::of(closure);
    if found.iter().any(|difference| reach.may_lead_to(&difference.path)) {
        return found;
    }
    Vec::new()
}

fn differences(closure: &Closure, body: &BodyFiles) -> Vec<FileDifference> {
    let shown = |hash: Option<&Sha>| {
        hash.map_or_else(
            || ABSENT.to_owned(),
            |hash| digest::short_digest(&digest::text(hash)).to_owned(),
        )
    };
    let (entrypoint, observed) = in_tree(body, closure.entrypoint());
    let other_entrypoint = (entrypoint.as_deref() != Some(closure.entrypoint().as_str())).then(|| FileDifference {
        path: ENTRYPOINT.to_owned(),
        desired: closure.entrypoint().to_string(),
        observed: entrypoint.unwrap_or_else(|| ABSENT.to_owned()),
    });
    let ours = closure.hashes.keys().map(TreePath::as_str);
    let paths: BTreeSet<&str> = ours.chain(observed.keys().map(String::as_str)).collect();
    let files = paths.into_iter().filter_map(|path| {
        let (wanted, seen) = (closure.hashes.get(path), observed.get(path).copied());
        let is_excused = seen.is_none() && closure.type_only.contains(path);
        (wanted != seen && !is_excused).then(|| FileDifference {
            path: path.to_owned(),
            desired: shown(wanted),
            observed: shown(seen),
        })
    });
    other_entrypoint.into_iter().chain(files).collect()
}

/// The entrypoint of a body and the digests of its files, by the paths that they have in the source tree whose entrypoint is
/// `entrypoint`. A file outside that tree keeps its `..`.
fn in_tree<'b>(body: &'b BodyFiles, entrypoint: &TreePath) -> (Option<String>, BTreeMap<String, &'b Sha>) {
    let folder = body.entrypoint().map_or("", |_| entrypoint.folder());
    let at = |path: &str| container::joined(folder, path);
    let files = body.hashes().iter().map(|(path, hash)| (at(path), hash));
    (body.entrypoint().map(at), files.collect())
}
