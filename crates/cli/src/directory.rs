use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use ace_domain::bundle::{ArchiveLimits, Tree, TreePath};
use thiserror::Error;

use crate::config::Config;

/// A Supabase project on disk.
#[derive(Debug)]
pub(crate) struct Project {
    pub(crate) config: Config,
    /// The files of `functions/`.
    pub(crate) functions: Tree,
    /// Entries of `functions/` that a source can't have: links, devices, names that are not paths.
    pub(crate) left_out: Vec<String>,
    /// `migrations/`, if it exists.
    pub(crate) migrations: Option<Files>,
}

/// A folder with everything below it.
#[derive(Debug, Default)]
pub(crate) struct Files {
    pub(crate) tree: Tree,
    /// Entries that a source can't have.
    pub(crate) left_out: Vec<String>,
}

#[derive(Debug, Error)]
pub(crate) enum DirectoryError {
    #[error("{0} has neither functions/ nor migrations/: pass the directory that has config.toml")]
    NoProject(PathBuf),
    #[error("cannot read {path}: {error}")]
    Read { path: PathBuf, error: io::Error },
    #[error("cannot read {path}: {error}")]
    Config { path: PathBuf, error: Box<toml::de::Error> },
    #[error("{path} has more than {limit} files or files of more than {bytes} bytes in all, which no source may have")]
    TooLarge { path: PathBuf, limit: usize, bytes: usize },
}

impl Project {
    /// Reads `directory`, or its `supabase` folder when that is the project.
    pub(crate) fn read(directory: &Path) -> Result<Self, DirectoryError> {
        let holds = |root: &PathBuf| root.join("functions").is_dir() || root.join("migrations").is_dir();
        let root = [directory.to_owned(), directory.join("supabase")]
            .into_iter()
            .find(holds);
        let root = root.ok_or_else(|| DirectoryError::NoProject(directory.to_owned()))?;
        let config = read_config(&root.join("config.toml"))?;
        let [functions, migrations] = ["functions", "migrations"].map(|name| root.join(name));
        let read = |folder: PathBuf| folder.is_dir().then(|| read_files(&folder, "")).transpose();
        let functions = read(functions)?.unwrap_or_default();
        Ok(Self {
            config,
            functions: functions.tree,
            left_out: functions.left_out,
            migrations: read(migrations)?,
        })
    }
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

fn read_config(path: &Path) -> Result<Config, DirectoryError> {
    match fs::read_to_string(path) {
        Ok(text) => Config::parse(&text).map_err(|error| DirectoryError::Config {
            path: path.to_owned(),
            error: Box::new(error),
        }),
        // A project without one has the defaults.
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Config::default()),
        Err(error) => Err(DirectoryError::Read {
            path: path.to_owned(),
            error,
        }),
    }
}

struct Reader {
    root: PathBuf,
    files: Files,
    bytes: usize,
}

impl Reader {
    fn folder(&mut self, folder: &Path, prefix: &str) -> Result<(), DirectoryError> {
        let failed = |path: &Path| {
            let path = path.to_owned();
            |error| DirectoryError::Read { path, error }
        };
        let entries: Result<Vec<_>, _> = fs::read_dir(folder).and_then(Iterator::collect);
        let mut entries = entries.map_err(failed(folder))?;
        entries.sort_by_key(fs::DirEntry::file_name);
        for entry in entries {
            let (path, name) = (entry.path(), entry.file_name());
            let relative = format!("{prefix}{}", name.to_string_lossy());
            let kind = entry.file_type().map_err(failed(&path))?;
            if kind.is_dir() {
                self.folder(&path, &format!("{relative}/"))?;
                continue;
            }
            let valid = name.to_str().and_then(|_| TreePath::new(relative.clone()).ok());
            let Some(at) = valid.filter(|_| kind.is_file()) else {
                self.files.left_out.push(relative.escape_debug().to_string());
                continue;
            };
            let content = fs::read(&path).map_err(failed(&path))?;
            self.bytes += content.len();
            let limits = ArchiveLimits::default();
            if self.bytes > limits.unpacked || self.files.tree.len() >= limits.entries {
                let (limit, bytes) = (limits.entries, limits.unpacked);
                return Err(DirectoryError::TooLarge {
                    path: self.root.clone(),
                    limit,
                    bytes,
                });
            }
            // A file system has no two files at one path.
            if self.files.tree.add(at, content.into()).is_err() {
                self.files.left_out.push(relative.escape_debug().to_string());
            }
        }
        Ok(())
    }
}
