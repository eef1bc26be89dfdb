//! Which folders of an archive are read where it has more files than are kept at a time.

use std::collections::{BTreeMap, BTreeSet};

use super::archive::{read_archive, read_archive_where, visit};
use super::limits::{ArchiveError, ArchiveLimits};
use super::path::TreePath;
use super::tree::{RootNames, Tree, ancestors, below};

/// A folder that somebody reads; `None` is the root.
pub type Folder = Option<TreePath>;

/// What of an archive a tree has.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub enum Scope {
    #[default]
    Everything,
    /// What lies below these folders, and of the others just how many files they have.
    Folders(BTreeMap<Folder, Fit>),
}

/// Whether a tree has a folder.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Fit {
    Kept,
    /// It has so many files that they are not kept, alone or beside those of other folders.
    TooMany(TooMany),
}

/// The files of a folder that are too many.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct TooMany {
    /// How many it has.
    pub files: usize,
    /// How many are kept of all folders.
    pub limit: usize,
}

impl Fit {
    /// It would be kept if others were not read.
    pub fn lacks_room(self) -> bool {
        matches!(self, Self::TooMany(many) if !many.is_alone())
    }
}

impl TooMany {
    /// They are too many without those of other folders.
    pub fn is_alone(self) -> bool {
        self.files > self.limit
    }
}

impl Scope {
    /// Whether a folder is kept; `None` where the tree was read for others, and has not counted it.
    pub fn fit(&self, folder: Option<&TreePath>) -> Option<Fit> {
        let Self::Folders(folders) = self else {
            return Some(Fit::Kept);
        };
        let kept = |at: &Folder| folders.get(at) == Some(&Fit::Kept);
        let way = folder.map(TreePath::as_str).into_iter().flat_map(ancestors);
        let mut above = way.filter_map(|at| TreePath::new(at).ok()).map(Some);
        if kept(&None) || above.any(|at| kept(&at)) {
            return Some(Fit::Kept);
        }
        folders.get(&folder.cloned()).copied()
    }

    /// Whether those who read these folders, and nobody else, would have no more of them in a tree that is read for them.
    pub fn serves(&self, read: &BTreeSet<Folder>) -> bool {
        let Self::Folders(folders) = self else {
            return true;
        };
        let fits: Option<Vec<Fit>> = read.iter().map(|folder| self.fit(folder.as_ref())).collect();
        let is_for_no_others = || folders.keys().all(|folder| read.contains(folder));
        fits.is_some_and(|fits| !fits.into_iter().any(Fit::lacks_room) || is_for_no_others())
    }

    /// Some folder would be kept if others were not read.
    pub fn lacks_room(&self) -> bool {
        match self {
            Self::Everything => false,
            Self::Folders(folders) => folders.values().any(|fit| fit.lacks_room()),
        }
    }
}

/// Reads an archive for those who read these folders: all of it, or, where it has more files than are kept, the folders with the
/// fewest files. Their sum is within the limit, so that no reader takes the memory of the others.
pub fn read_for(
    bytes: &[u8],
    limits: &ArchiveLimits,
    folders: &BTreeSet<Folder>,
) -> Result<(Tree, Scope), ArchiveError> {
    match read_archive(bytes, limits) {
        Err(ArchiveError::Entries { .. }) => {}
        read => return Ok((read?, Scope::Everything)),
    }
    let mut counts: BTreeMap<&str, usize> = folders.iter().map(|folder| (text(folder), 0)).collect();
    let mut root = RootNames::default();
    let mut count = |path: &TreePath| {
        root.add(path);
        for at in above(path.as_str()) {
            if let Some(files) = counts.get_mut(at) {
                *files += 1;
            }
        }
        false
    };
    visit(bytes, limits, &mut count, &mut |_, _| Ok(()))?;
    let fits = fits(counts, limits.entries);
    // What leads to a folder is beside the sum: there is at most one of each of its segments.
    let limits = ArchiveLimits {
        entries: usize::MAX,
        ..*limits
    };
    // A link or a file may stand in for a folder, or on the way to it.
    let named = folders.iter().flatten().map(TreePath::as_str);
    let ways: BTreeSet<&str> = named.flat_map(|folder| ancestors(folder).chain([folder])).collect();
    let is_kept = |at: &str| fits.get(at) == Some(&Fit::Kept);
    let tree = read_archive_where(bytes, &limits, |path| {
        ways.contains(path.as_str()) || above(path.as_str()).any(is_kept)
    })?;
    let fit = |folder: &Folder| Some((folder.clone(), *fits.get(text(folder))?));
    Ok((
        tree.of_a_source_with(root),
        Scope::Folders(folders.iter().filter_map(fit).collect()),
    ))
}

/// Which of these folders with so many files are kept. A file counts once, also where folders lie in each other.
fn fits(counts: BTreeMap<&str, usize>, limit: usize) -> BTreeMap<&str, Fit> {
    let mut smallest: Vec<_> = counts.into_iter().collect();
    smallest.sort_by_key(|(folder, files)| (*files, *folder));
    let mut room = limit;
    // Those that are kept and lie in no other one that is.
    let mut kept: BTreeMap<&str, usize> = BTreeMap::new();
    let fits = smallest.into_iter().map(|(folder, files)| {
        if above(folder).any(|at| kept.contains_key(at)) {
            return (folder, Fit::Kept);
        }
        let prefix = if folder.is_empty() {
            String::new()
        } else {
            format!("{folder}/")
        };
        let inside: Vec<_> = below(&kept, &prefix).map(|(at, files)| (*at, *files)).collect();
        let counted: usize = inside.iter().map(|(_, files)| files).sum();
        let Some(rest) = room.checked_sub(files.saturating_sub(counted)) else {
            return (folder, Fit::TooMany(TooMany { files, limit }));
        };
        room = rest;
        for (at, _) in inside {
            kept.remove(at);
        }
        kept.insert(folder, files);
        (folder, Fit::Kept)
    });
    fits.collect()
}

/// A folder as text: the root is empty.
fn text(folder: &Folder) -> &str {
    folder.as_ref().map_or("", TreePath::as_str)
}

/// The folders that a path lies in, the root among them.
fn above(path: &str) -> impl Iterator<Item = &str> {
    [""].into_iter().chain(ancestors(path))
}
