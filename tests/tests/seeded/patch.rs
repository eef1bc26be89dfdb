//! What a patch says of itself.

use std::{
    collections::BTreeSet,
    fmt, fs,
    path::{Path, PathBuf},
};

/// One deliberate mistake.
pub(crate) struct Seeded {
    pub name: String,
    pub says: String,
    pub suite: Suite,
    /// The test's full name within its suite.
    pub killed_by: String,
    pub patch: PathBuf,
    /// The files that it changes, from the root of the repository.
    pub patched: Vec<PathBuf>,
}

/// The tests among which a patch names its killer.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) struct Suite {
    pub package: String,
    pub target: Target,
}

/// What cargo builds them into.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum Target {
    Lib,
    Bin(String),
    Test(String),
}

/// All patches of `tests/seeded`, by name.
pub(crate) fn seeded(root: &Path) -> Vec<Seeded> {
    let entries = fs::read_dir(root.join("tests/seeded")).expect("tests/seeded is part of the repository");
    let mut patches: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    patches.retain(|path| path.extension().is_some_and(|ending| ending == "patch"));
    patches.sort();
    patches.into_iter().map(Seeded::read).collect()
}

impl Seeded {
    fn read(patch: PathBuf) -> Self {
        let content = fs::read_to_string(&patch).expect("a patch is text");
        let line = |label: &str| {
            let found = content.lines().find_map(|line| line.strip_prefix(label));
            found
                .unwrap_or_else(|| panic!("{} has no line `{label}`", patch.display()))
                .trim()
                .to_owned()
        };
        let patched = content.lines().filter_map(|line| line.strip_prefix("+++ b/"));
        Self {
            name: patch.file_stem().unwrap().to_string_lossy().into_owned(),
            says: line("Bug:"),
            suite: Suite::parse(&line("Suite:")).unwrap_or_else(|error| panic!("{}: {error}", patch.display())),
            killed_by: line("Killed-by:"),
            patched: patched.map(PathBuf::from).collect(),
            patch,
        }
    }

    /// The files that may hold the test that kills it, from the root of the repository; none if there is no such test.
    pub(crate) fn killers(&self, root: &Path) -> BTreeSet<PathBuf> {
        let function = self.killed_by.rsplit("::").next().unwrap_or_default();
        let function = format!("fn {function}(");
        let mut files = self.suite.files(root);
        files.retain(|file| fs::read_to_string(root.join(file)).is_ok_and(|text| text.contains(&function)));
        files
    }

    /// Whatever may decide whether it is killed, as far as names tell: the patch, the files that it changes, the file with the
    /// test that kills it, and that file's neighbours in a folder of tests.
    pub(crate) fn depends_on(&self, root: &Path) -> BTreeSet<PathBuf> {
        let killers = self.killers(root);
        let folders: BTreeSet<&Path> = killers.iter().filter_map(|file| file.parent()).collect();
        let is_of_tests = |folder: &&Path| folder.components().any(|part| part.as_os_str() == "tests");
        let folders: Vec<&Path> = folders.into_iter().filter(is_of_tests).collect();
        let mut files = self.suite.files(root);
        files.retain(|file| killers.contains(file) || file.parent().is_some_and(|folder| folders.contains(&folder)));
        files.extend(self.patched.iter().cloned());
        files.insert(Path::new("tests/seeded").join(self.patch.file_name().unwrap()));
        files
    }
}

impl Suite {
    /// Reads what `cargo test` takes.
    fn parse(line: &str) -> Result<Self, String> {
        let (package, target) = match line.split(' ').collect::<Vec<_>>().as_slice() {
            ["-p", package, "--lib"] => ((*package).to_owned(), Target::Lib),
            ["-p", package, "--bin", name] => ((*package).to_owned(), Target::Bin((*name).to_owned())),
            ["-p", package, "--test", name] => ((*package).to_owned(), Target::Test((*name).to_owned())),
            _ => {
                return Err(format!(
                    "`{line}` is not `-p PACKAGE` with `--lib`, `--bin NAME` or `--test NAME`"
                ));
            }
        };
        Ok(Self { package, target })
    }

    pub(crate) fn arguments(&self) -> Vec<&str> {
        let mut arguments = vec!["-p", &self.package];
        match &self.target {
            Target::Lib => arguments.push("--lib"),
            Target::Bin(name) => arguments.extend(["--bin", name]),
            Target::Test(name) => arguments.extend(["--test", name]),
        }
        arguments
    }

    /// The files that it is made of, from the root of the repository.
    fn files(&self, root: &Path) -> BTreeSet<PathBuf> {
        let folder = package_folder(root, &self.package);
        let places = match &self.target {
            Target::Lib | Target::Bin(_) => vec![folder.join("src")],
            Target::Test(name) => vec![folder.join(format!("tests/{name}.rs")), folder.join("tests").join(name)],
        };
        let mut files = BTreeSet::new();
        let mut rest: Vec<PathBuf> = places.into_iter().filter(|place| root.join(place).exists()).collect();
        while let Some(place) = rest.pop() {
            if root.join(&place).is_file() {
                files.insert(place);
                continue;
            }
            let entries = fs::read_dir(root.join(&place)).expect("a package's folder can be read");
            rest.extend(entries.map(|entry| place.join(entry.unwrap().file_name())));
        }
        files
    }
}

/// Where the package of this name lies.
fn package_folder(root: &Path, package: &str) -> PathBuf {
    let crates = fs::read_dir(root.join("crates")).expect("the repository has crates");
    let crates = crates.map(|entry| Path::new("crates").join(entry.unwrap().file_name()));
    let mut folders = crates.chain(["tests".into(), "xtask".into()]);
    let name = format!("name = \"{package}\"");
    let is_it = |folder: &PathBuf| {
        let manifest = fs::read_to_string(root.join(folder).join("Cargo.toml"));
        manifest.is_ok_and(|text| text.lines().any(|line| line == name))
    };
    folders
        .find(is_it)
        .unwrap_or_else(|| panic!("there is no package {package}"))
}

impl fmt::Display for Suite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.arguments().join(" "))
    }
}
