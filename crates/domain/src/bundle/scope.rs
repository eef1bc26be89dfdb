//! Which folders of an archive are read where it has more files than are kept at a time.

use std::collections::{BTreeMap, BTreeSet};

use super::archive::{read_archive, read_archive_where, visit};
use super::limits::{ArchiveError, ArchiveLimits};
use super::path::TreePath;
use super::tree::{Tree, ancestors};

/// A folder that somebody reads; `None` is the root.
pub type Folder = Option<TreePath>;

/// What of an archive a tree has.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub enum Scope {
    /// All of it.
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

impl Scope {
    /// Whether it is known what lies below a folder, or that this is too much.
    pub fn covers(&self, folder: Option<&TreePath>) -> bool {
        match self {
            Self::Everything => true,
            Self::Folders(folders) => self.has(folder) || folders.contains_key(&folder.cloned()),
        }
    }

    /// How many files a folder has, if they are too many.
    pub fn too_many(&self, folder: Option<&TreePath>) -> Option<TooMany> {
        match self {
            Self::Folders(folders) if !self.has(folder) => match folders.get(&folder.cloned())? {
                Fit::Kept => None,
                Fit::TooMany(many) => Some(*many),
            },
            _ => None,
        }
    }

    /// The folders that it was read for.
    pub fn folders(&self) -> impl Iterator<Item = &Folder> {
        let folders = match self {
            Self::Everything => None,
            Self::Folders(folders) => Some(folders.keys()),
        };
        folders.into_iter().flatten()
    }

    /// The folder, or one that it lies in, is kept.
    fn has(&self, folder: Option<&TreePath>) -> bool {
        let Self::Folders(folders) = self else { return true };
        let kept = |folder: &Folder| folders.get(folder) == Some(&Fit::Kept);
        let on_the_way = folder.map(TreePath::as_str).into_iter().flat_map(ancestors);
        let mut on_the_way = on_the_way.filter_map(|at| TreePath::new(at).ok());
        kept(&folder.cloned()) || kept(&None) || on_the_way.any(|at| kept(&Some(at)))
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
    let mut counts: BTreeMap<&Folder, usize> = folders.iter().map(|folder| (folder, 0)).collect();
    let mut count = |path: &TreePath| {
        let way = ancestors(path.as_str()).filter_map(|at| TreePath::new(at).ok());
        for at in [None].into_iter().chain(way.map(Some)) {
            if let Some(files) = counts.get_mut(&at) {
                *files += 1;
            }
        }
        false
    };
    visit(bytes, limits, &mut count, &mut |_, _| Ok(()))?;
    let mut smallest: Vec<_> = counts.into_iter().collect();
    smallest.sort_by_key(|(folder, files)| (*files, *folder));
    let limit = limits.entries;
    let mut room = limit;
    let fits = smallest
        .into_iter()
        .map(|(folder, files)| match room.checked_sub(files) {
            Some(rest) => {
                room = rest;
                (folder.clone(), Fit::Kept)
            }
            None => (folder.clone(), Fit::TooMany(TooMany { files, limit })),
        });
    let scope = Scope::Folders(fits.collect());
    // What leads to a folder is beside the sum: there is at most one of each of its segments.
    let limits = ArchiveLimits {
        entries: usize::MAX,
        ..*limits
    };
    // A link or a file may stand in for a folder, or on the way to it.
    let named = folders.iter().flatten().map(TreePath::as_str);
    let ways: BTreeSet<&str> = named.flat_map(|folder| ancestors(folder).chain([folder])).collect();
    let tree = read_archive_where(bytes, &limits, |path| {
        scope.has(Some(path)) || ways.contains(path.as_str())
    })?;
    Ok((tree, scope))
}
