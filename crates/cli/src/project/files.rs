use std::fs::{self, DirEntry, FileType};
use std::io::ErrorKind;
use std::path::{Component, Path, PathBuf};

use ace_domain::bundle::{ArchiveLimits, Tree, TreePath};
use bytes::Bytes;

use super::secrets;
use super::{DirectoryError, failed};

/// Folders that are never read: what a package manager or Git put there is no source.
pub(crate) const NOT_READ: [&str; 2] = ["node_modules", ".git"];

/// A folder with everything below it.
#[derive(Debug, Default)]
pub(crate) struct Files {
    pub(crate) tree: Tree,
    /// Entries that a source can't have: links, devices, names that are not paths.
    pub(crate) left_out: Vec<String>,
    /// Files that hold secrets by their name or content, and folders by their name. They are not in the tree.
    pub(crate) secrets: Vec<String>,
}

/// Any number of folders within each other.
pub(crate) const ALL: usize = usize::MAX;

/// Reads the files of `folder`, and of so many levels of folders in it; their paths begin with `prefix`, which is empty or ends in
/// `/`.
pub(crate) fn read_files(folder: &Path, prefix: &str, levels: usize) -> Result<Files, DirectoryError> {
    let mut reader = Reader {
        root: folder.to_owned(),
        files: Files::default(),
        bytes: 0,
    };
    walk(folder, prefix, levels, &mut |entry, kind, path| {
        reader.take(entry, kind, path)
    })?;
    Ok(reader.files)
}

/// The files with secrets below a folder, seen from `root` as that is.
pub(crate) fn secret_files(root: &Path, folder: &str) -> Result<Vec<String>, DirectoryError> {
    let mut found = Vec::new();
    if root.join(folder).is_dir() {
        walk(
            &root.join(folder),
            &format!("{folder}/"),
            ALL,
            &mut |entry, kind, path| {
                let (name, place) = (entry.file_name(), entry.path());
                let name = name.to_string_lossy();
                let may_hold = kind.is_dir() || kind.is_file();
                if may_hold && secrets::file_holds_secrets(&name, &place).map_err(failed(&place))? {
                    found.push(path);
                }
                Ok(())
            },
        )?;
    }
    Ok(found)
}

/// Visits the files below a folder, and the folders that are left out with all that is in them; the paths begin with `prefix`.
fn walk<V>(folder: &Path, prefix: &str, levels: usize, visit: &mut V) -> Result<(), DirectoryError>
where
    V: FnMut(&DirEntry, FileType, String) -> Result<(), DirectoryError>,
{
    let entries: Result<Vec<_>, _> = fs::read_dir(folder).and_then(Iterator::collect);
    let mut entries = entries.map_err(failed(folder))?;
    entries.sort_by_key(DirEntry::file_name);
    for entry in entries {
        let (path, name) = (entry.path(), entry.file_name());
        let relative = format!("{prefix}{}", name.to_string_lossy());
        let kind = entry.file_type().map_err(failed(&path))?;
        let named = name.to_string_lossy();
        if !kind.is_dir() {
            visit(&entry, kind, relative)?;
        } else if secrets::is_named(&named) {
            visit(&entry, kind, format!("{relative}/"))?;
        } else if let Some(levels) = levels.checked_sub(1).filter(|_| !NOT_READ.contains(&&*named)) {
            walk(&path, &format!("{relative}/"), levels, visit)?;
        }
    }
    Ok(())
}

struct Reader {
    root: PathBuf,
    files: Files,
    bytes: usize,
}

impl Reader {
    fn take(&mut self, entry: &DirEntry, kind: FileType, relative: String) -> Result<(), DirectoryError> {
        let (path, name) = (entry.path(), entry.file_name());
        if kind.is_dir() {
            self.files.secrets.push(relative);
            return Ok(());
        }
        let valid = name.to_str().and_then(|_| TreePath::new(relative.clone()).ok());
        let Some(at) = valid.filter(|_| kind.is_file()) else {
            self.files.left_out.push(relative.escape_debug().to_string());
            return Ok(());
        };
        if is_apple_double(at.name()) {
            return Ok(());
        }
        let content = fs::read(&path).map_err(failed(&path))?;
        if secrets::holds_secrets(at.name(), &content) {
            self.files.secrets.push(relative);
            return Ok(());
        }
        self.add(at, content)
    }

    fn add(&mut self, at: TreePath, content: Vec<u8>) -> Result<(), DirectoryError> {
        self.bytes += content.len();
        let limits = ArchiveLimits::default();
        if self.bytes > limits.unpacked || self.files.tree.len() >= limits.entries {
            return Err(DirectoryError::TooLarge {
                path: self.root.clone(),
                limit: limits.entries,
                bytes: limits.unpacked,
            });
        }
        let named = at.as_str().escape_debug().to_string();
        // A file system has no two files at one path.
        if self.files.tree.add(at, content.into()).is_err() {
            self.files.left_out.push(named);
        }
        Ok(())
    }
}

/// What a Mac keeps beside a file where the file system has no place for it.
fn is_apple_double(name: &str) -> bool {
    name.starts_with("._")
}

/// One file below `root`, if a source can have it: nothing on its way is a link, and none of its folders is one that is not
/// read.
pub(crate) fn read_file(root: &Path, path: &TreePath) -> Option<Bytes> {
    let is_read = !path.as_str().split('/').any(|name| NOT_READ.contains(&name));
    if !is_read || secrets::is_excluded(path.as_str()) || is_apple_double(path.name()) {
        return None;
    }
    let mut place = root.to_owned();
    for segment in Path::new(path.as_str()).components() {
        let Component::Normal(segment) = segment else {
            return None;
        };
        place.push(segment);
        if fs::symlink_metadata(&place).ok()?.is_symlink() {
            return None;
        }
    }
    let size = fs::metadata(&place).ok().filter(fs::Metadata::is_file)?.len();
    if size > ArchiveLimits::default().file as u64 {
        return None;
    }
    let content = match fs::read(&place) {
        Err(error) if error.kind() == ErrorKind::NotFound => return None,
        read => read.ok()?,
    };
    (!secrets::holds_secrets(path.name(), &content)).then(|| content.into())
}
