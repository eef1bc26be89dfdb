//! A copy of the repository, in which mistakes are made.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use ace_tests::cargo;

use crate::patch::{Seeded, Suite};

/// Another version is another package: in the shared target directory nothing of the copy is taken for the original.
const VERSION: &str = "0.0.0-seeded";

pub(crate) struct Scratch {
    folder: PathBuf,
    files: BTreeMap<PathBuf, Vec<u8>>,
}

/// How a run of tests ended.
pub(crate) struct Ran {
    pub passed: bool,
    pub output: String,
}

impl Scratch {
    pub(crate) fn of(root: &Path) -> Self {
        let scratch = Self {
            folder: Path::new(env!("CARGO_TARGET_TMPDIR")).join("seeded"),
            files: sources(root),
        };
        scratch.restore();
        scratch
    }

    /// Brings it back to what the repository has. What is the same stays untouched, so that cargo builds only what differs.
    pub(crate) fn restore(&self) {
        for (path, bytes) in &self.files {
            let path = self.folder.join(path);
            if fs::read(&path).is_ok_and(|before| before == *bytes) {
                continue;
            }
            let folder = path.parent().expect("a file lies in a folder");
            fs::create_dir_all(folder)
                .and_then(|()| fs::write(&path, bytes))
                .expect("the scratch copy can be written");
        }
        for path in below(&self.folder, &|_| true) {
            if !self.files.contains_key(&path) {
                fs::remove_file(self.folder.join(path)).expect("the scratch copy can be written");
            }
        }
    }

    /// Whether the bug is killed, else why not.
    pub(crate) fn kills(&self, bug: &Seeded) -> Result<(), String> {
        apply(&self.folder, bug, &[]).map_err(|error| format!("does not apply: {error}"))?;
        let ran = self.test(&bug.suite, &[&bug.killed_by]);
        let failed = ran.output.contains(&format!("test {} ... FAILED", bug.killed_by));
        match (ran.passed, failed) {
            (false, true) => Ok(()),
            (true, _) => Err(format!("survives {}", bug.killed_by)),
            (false, false) => Err(format!("does not compile:\n{}", ran.output)),
        }
    }

    /// Runs the tests of these names; none that is named may be missing.
    pub(crate) fn test(&self, suite: &Suite, names: &[&str]) -> Ran {
        let target = Path::new(env!("CARGO_TARGET_TMPDIR"))
            .parent()
            .expect("the folder lies in the target directory");
        let output = cargo()
            .args(["test", "--offline", "--locked", "--quiet"])
            .args(suite.arguments())
            .args(["--", "--exact", "--format=pretty"])
            .args(names)
            .current_dir(&self.folder)
            .env("CARGO_TARGET_DIR", target)
            .env("RUST_BACKTRACE", "0")
            .output()
            .expect("cargo runs this test");
        let ran = Ran {
            passed: output.status.success(),
            output: text(&output),
        };
        for name in names.iter().filter(|_| ran.output.contains("running ")) {
            let result = format!("test {name} ... ");
            assert!(ran.output.contains(&result), "there is no test {name}:\n{}", ran.output);
        }
        ran
    }
}

/// Whether the bug's patch fits the files of `root`, which stay as they are; else what git says.
pub(crate) fn applies(root: &Path, bug: &Seeded) -> Result<(), String> {
    apply(root, bug, &["--check"])
}

fn apply(folder: &Path, bug: &Seeded, options: &[&str]) -> Result<(), String> {
    let applied = Command::new("git")
        .args(["apply", "--whitespace=nowarn"])
        .args(options)
        .arg(&bug.patch)
        .current_dir(folder)
        // Not the repository that the scratch copy happens to lie in.
        .env("GIT_CEILING_DIRECTORIES", folder.parent().unwrap_or(folder))
        .output()
        .map_err(|error| format!("git can't be run: {error}"))?;
    if applied.status.success() {
        Ok(())
    } else {
        Err(text(&applied))
    }
}

fn text(output: &Output) -> String {
    format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

/// The files of the repository by their paths, as its copy has them.
fn sources(root: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    // Neither what git keeps nor what is built or installed.
    let is_source = |folder: &Path| {
        let name = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let is_hidden = name.starts_with('.') && name != ".cargo";
        !is_hidden && name != "node_modules" && !folder.join("CACHEDIR.TAG").exists()
    };
    let paths = below(root, &is_source).into_iter();
    let mut files: BTreeMap<PathBuf, Vec<u8>> = paths
        .map(|path| {
            let bytes = fs::read(root.join(&path)).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            (path, bytes)
        })
        .collect();
    for (path, renamed) in [("Cargo.toml", manifest as fn(&str) -> String), ("Cargo.lock", lock)] {
        let bytes = files.get_mut(Path::new(path)).expect("the repository is a workspace");
        *bytes = renamed(str::from_utf8(bytes).expect("it is text")).into_bytes();
    }
    files
}

/// The workspace's manifest with the other version.
fn manifest(text: &str) -> String {
    let version = text.lines().find(|line| line.starts_with("version = "));
    text.replacen(
        version.expect("a workspace has a version"),
        &format!("version = \"{VERSION}\""),
        1,
    )
}

/// The lock file with the other version for the packages of the workspace: those that come from nowhere else.
fn lock(text: &str) -> String {
    let packages = text.split("[[package]]").map(|package| {
        if package.contains("\nsource = ") || !package.contains("\nname = ") {
            return package.to_owned();
        }
        let lines = package.split('\n').map(|line| match line.strip_prefix("version = ") {
            Some(_) => format!("version = \"{VERSION}\""),
            None => line.to_owned(),
        });
        lines.collect::<Vec<_>>().join("\n")
    });
    packages.collect::<Vec<_>>().join("[[package]]")
}

/// The files below `root` by their paths from there, in folders that are `wanted`.
fn below(root: &Path, wanted: &dyn Fn(&Path) -> bool) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![PathBuf::new()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(root.join(&folder)).expect("the folder can be read") {
            let path = folder.join(entry.expect("the folder can be read").file_name());
            if !root.join(&path).is_dir() {
                found.push(path);
            } else if wanted(&root.join(&path)) {
                folders.push(path);
            }
        }
    }
    found
}
