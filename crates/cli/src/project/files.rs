use std::fs;
use std::io::ErrorKind;
use std::path::{Component, Path, PathBuf};

use ace_domain::bundle::{ArchiveLimits, Tree, TreePath};
use bytes::Bytes;

use super::secrets;
use super::{DirectoryError, failed};

/// Folders that are never read: what a package manager or Git put there is no source.
const NOT_READ: [&str; 2] = ["node_modules", ".git"];

/// A folder with everything below it.
#[derive(Debug, Default)]
pub(crate) struct Files {
    pub(crate) tree: Tree,
    /// Entries that a source can't have: links, devices, names that are not paths.
    pub(crate) left_out: Vec<String>,
    /// Files that hold secrets by their name or content. They are not in the tree.
    pub(crate) secrets: Vec<String>,
}

/// Reads all files below `folder`; their paths begin with `prefix`, which is empty or ends in `/`.
pub(crate) fn read_files(folder: &Path, prefix: &str) -> Result<Files, DirectoryError> {
    let mut reader = Reader {
        root: folder.to_owned(),
        files: Files::default(),
        bytes: 0,
    };
    reader.folder(folder, prefix)?;
    Ok(reader.files)
}

struct Reader {
    root: PathBuf,
    files: Files,
    bytes: usize,
}

impl Reader {
    fn folder(&mut self, folder: &Path, prefix: &str) -> Result<(), DirectoryError> {
        let entries: Result<Vec<_>, _> = fs::read_dir(folder).and_then(Iterator::collect);
        let mut entries = entries.map_err(failed(folder))?;
        entries.sort_by_key(fs::DirEntry::file_name);
        for entry in entries {
            let (path, name) = (entry.path(), entry.file_name());
            let relative = format!("{prefix}{}", name.to_string_lossy());
            let kind = entry.file_type().map_err(failed(&path))?;
            if kind.is_dir() {
                if !name.to_str().is_some_and(|name| NOT_READ.contains(&name)) {
                    self.folder(&path, &format!("{relative}/"))?;
                }
                continue;
            }
            let valid = name.to_str().and_then(|_| TreePath::new(relative.clone()).ok());
            let Some(at) = valid.filter(|_| kind.is_file()) else {
                self.files.left_out.push(relative.escape_debug().to_string());
                continue;
            };
            if is_apple_double(at.name()) {
                continue;
            }
            let content = fs::read(&path).map_err(failed(&path))?;
            if secrets::holds_secrets(at.name(), &content) {
                self.files.secrets.push(relative);
                continue;
            }
            self.add(at, content)?;
        }
        Ok(())
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
    if path.as_str().split('/').any(|name| NOT_READ.contains(&name)) || is_apple_double(path.name()) {
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
