//! Which files a change touches.

use std::{
    collections::BTreeSet,
    fmt,
    path::{Path, PathBuf},
};

use xtask::tree::git;

/// The files that differ from a commit before: `SEEDED_BASE` if it is set, else where this branch left `main` (`origin/main` if
/// there is one). On `main` itself that is the commit before the last, so that what was committed last is always tested. Files
/// that are not committed yet count, too.
pub(crate) struct Changes {
    base: String,
    /// None if git can't tell, as in a clone that has only the last commit: then everything counts as changed.
    files: Option<BTreeSet<PathBuf>>,
}

impl Changes {
    pub(crate) fn of(root: &Path) -> Self {
        let base = std::env::var("SEEDED_BASE").ok().or_else(|| base(root));
        Self {
            files: base.as_ref().and_then(|base| files(root, base)),
            base: base.unwrap_or_else(|| "no commit".to_owned()),
        }
    }

    /// These files and no others.
    pub(crate) fn named(files: &[&str]) -> Self {
        Self {
            base: "no commit".to_owned(),
            files: Some(files.iter().map(PathBuf::from).collect()),
        }
    }

    /// Whether one of these files is among them.
    pub(crate) fn touch(&self, files: &BTreeSet<PathBuf>) -> bool {
        self.files.as_ref().is_none_or(|changed| !changed.is_disjoint(files))
    }
}

impl fmt::Display for Changes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.files {
            Some(files) => write!(f, "{} files differ from {}", files.len(), self.base),
            None => write!(f, "git can't compare with {}: everything counts as changed", self.base),
        }
    }
}

fn base(root: &Path) -> Option<String> {
    let head = git(root, &["rev-parse", "HEAD"])?;
    let main = ["origin/main", "main"];
    let left = main.iter().find_map(|main| git(root, &["merge-base", main, "HEAD"]));
    left.filter(|left| *left != head)
        .or_else(|| git(root, &["rev-parse", "HEAD^"]))
}

fn files(root: &Path, base: &str) -> Option<BTreeSet<PathBuf>> {
    let changed = git(root, &["diff", "--name-only", "--no-renames", base])?;
    let new = git(root, &["ls-files", "--others", "--exclude-standard"])?;
    Some(changed.lines().chain(new.lines()).map(PathBuf::from).collect())
}
