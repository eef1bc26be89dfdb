use std::path::{Path, PathBuf};

use ace_domain::bundle;

use super::{DirectoryError, is_project};
use crate::paths::within;

/// Name of the folder that the CLI keeps a project in.
const FOLDER: &str = "supabase";

/// Where a project is. Paths are seen from its root, beyond which nothing belongs to it: of a folder named `supabase` the one
/// that it is in, of another one itself.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Place {
    /// As it was passed, so that it can be shown.
    pub(crate) root: PathBuf,
    /// The project's folder, seen from the root: `supabase`, or nothing.
    pub(crate) below: &'static str,
}

impl Place {
    /// `supabase` in a directory before the directory itself, which may have a `functions` of somebody else's.
    pub(super) fn find(directory: &Path) -> Result<Self, DirectoryError> {
        let inner = directory.join(FOLDER);
        if is_project(&inner) {
            return Ok(Self {
                root: directory.to_owned(),
                below: FOLDER,
            });
        }
        if !is_project(directory) {
            return Err(DirectoryError::NoProject(directory.to_owned()));
        }
        let resolved = directory.canonicalize().ok();
        let is_named = resolved.is_some_and(|path| path.file_name().is_some_and(|name| name == FOLDER));
        if is_named {
            return Ok(Self {
                root: outer(directory),
                below: FOLDER,
            });
        }
        Ok(Self {
            root: directory.to_owned(),
            below: "",
        })
    }

    pub(super) fn folder(&self) -> PathBuf {
        match self.below {
            "" => self.root.clone(),
            below => self.root.join(below),
        }
    }

    /// The folders with `.env` files, and how to name these.
    pub(super) fn environment(&self) -> Vec<(PathBuf, &'static str)> {
        match self.below {
            "" => vec![(self.root.clone(), "")],
            _ => vec![(self.folder(), "supabase/"), (self.root.clone(), "")],
        }
    }

    /// A path of the configuration, seen from the root; `None` when it leaves that.
    pub(crate) fn configured_path(&self, path: &str) -> Option<String> {
        joined(self.below, path)
    }

    /// One of the project's folders, seen from the root.
    pub(crate) fn of(&self, name: &str) -> String {
        within(self.below, name)
    }
}

/// `a/supabase` lies in `a`, and `.` in `..`.
fn outer(directory: &Path) -> PathBuf {
    let named = directory.file_name().is_some();
    match directory.parent() {
        Some(parent) if named && parent.as_os_str().is_empty() => PathBuf::from("."),
        Some(parent) if named => parent.to_owned(),
        _ => directory.join(".."),
    }
}

/// `relative` seen from `folder`; `None` when it leaves the root.
pub(crate) fn joined(folder: &str, relative: &str) -> Option<String> {
    if relative.starts_with('/') {
        return None;
    }
    bundle::joined(folder, relative)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{joined, outer};

    #[test]
    fn a_path_of_the_configuration_is_seen_from_the_root_and_may_not_leave_it() {
        let cases = [
            ("./functions/a/index.ts", Some("supabase/functions/a/index.ts")),
            ("functions/a//./b", Some("supabase/functions/a/b")),
            ("../src/x.ts", Some("src/x.ts")),
            ("../../x.ts", None),
            ("/etc/x.ts", None),
        ];
        for (path, expected) in cases {
            assert_eq!(joined("supabase", path).as_deref(), expected, "{path}");
        }
    }

    #[test]
    fn the_root_of_a_folder_named_supabase_is_the_folder_around_it() {
        let cases = [
            ("supabase", "."),
            ("app/supabase", "app"),
            (".", "./.."),
            ("..", "../.."),
        ];
        for (directory, expected) in cases {
            assert_eq!(outer(Path::new(directory)), Path::new(expected), "{directory}");
        }
    }
}
