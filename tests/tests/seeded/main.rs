//! Deliberate mistakes, kept as patches in `tests/seeded`: each is applied to a scratch copy of the thinking or, where its name
//! begins with `executor_`, of what runs migrations, and must be killed there by the test that its patch names. One that survives,
//! or no longer applies, fails.
//!
//! `SEEDED=07` runs the patches whose name contains `07`.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
    time::Instant,
};

/// What the thinking, and what runs migrations, is built of.
const CRATES: [&str; 4] = ["crates/api", "crates/domain", "crates/database", "crates/sandbox"];
/// What the bed has compiled into it.
const ASSETS: [&str; 2] = ["tests/control-plane", "tests/tools"];
/// Tests of the thinking, and those on a real PostgreSQL.
const THINKING: [&str; 3] = ["-p", "ace-domain", "--lib"];
const EXECUTOR: [&str; 4] = ["-p", "ace-database", "--test", "executor"];
const FEWEST: usize = 12;

/// One deliberate mistake.
struct Seeded {
    name: String,
    says: String,
    killed_by: String,
    patch: PathBuf,
}

impl Seeded {
    /// Which tests can kill it.
    fn suite(&self) -> &'static [&'static str] {
        if self.name.starts_with("executor_") {
            &EXECUTOR
        } else {
            &THINKING
        }
    }
}

#[test]
fn every_seeded_bug_is_killed_by_the_test_that_its_patch_names() {
    let (root, started) = (repository(), Instant::now());
    let scratch = Path::new(env!("CARGO_TARGET_TMPDIR")).join("seeded");
    let sources = sources(&root);
    let asked = std::env::var("SEEDED").unwrap_or_default();
    let bugs: Vec<Seeded> = bugs(&root)
        .into_iter()
        .filter(|bug| bug.name.contains(&asked))
        .collect();
    assert!(
        !asked.is_empty() || bugs.len() >= FEWEST,
        "{} seeded bugs are left",
        bugs.len()
    );

    write(&scratch, &sources);
    for suite in [&THINKING[..], &EXECUTOR] {
        let killers = bugs.iter().filter(|bug| bug.suite() == suite);
        let names: Vec<&str> = killers.map(|bug| bug.killed_by.as_str()).collect();
        if names.is_empty() {
            continue;
        }
        let sound = test(&scratch, suite, &names);
        assert!(
            sound.status.success(),
            "without a bug its tests fail:\n{}",
            text(&sound)
        );
    }
    let mut survivors = Vec::new();
    for bug in &bugs {
        write(&scratch, &sources);
        let verdict = verdict(&scratch, bug);
        println!("{}: {} {verdict:?}", bug.name, bug.says);
        if let Err(why) = verdict {
            survivors.push(format!("{}: {why}", bug.name));
        }
    }
    println!("{} seeded bugs in {} s", bugs.len(), started.elapsed().as_secs());
    assert!(survivors.is_empty(), "{}", survivors.join("\n"));
}

/// Whether the bug is killed, else why not.
fn verdict(scratch: &Path, bug: &Seeded) -> Result<(), String> {
    let applied = Command::new("git")
        .args(["apply", "--whitespace=nowarn"])
        .arg(&bug.patch)
        .current_dir(scratch)
        // Not the repository that the scratch copy happens to lie in.
        .env("GIT_CEILING_DIRECTORIES", scratch.parent().unwrap_or(scratch))
        .output()
        .map_err(|error| format!("git can't be run: {error}"))?;
    if !applied.status.success() {
        return Err(format!("does not apply any more: {}", text(&applied)));
    }
    let run = test(scratch, bug.suite(), &[&bug.killed_by]);
    let output = text(&run);
    match (
        run.status.success(),
        output.contains(&format!("test {} ... FAILED", bug.killed_by)),
    ) {
        (false, true) => Ok(()),
        (true, _) => Err(format!("survives {}", bug.killed_by)),
        (false, false) => Err(format!("does not compile:\n{output}")),
    }
}

/// Runs the tests of these names; none that is named may be missing.
fn test(scratch: &Path, suite: &[&str], names: &[&str]) -> Output {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let target = Path::new(env!("CARGO_TARGET_TMPDIR"))
        .parent()
        .expect("the folder lies in the target directory");
    let output = Command::new(cargo)
        .args(["test", "--offline", "--quiet"])
        .args(suite)
        .args(["--", "--exact", "--format=pretty"])
        .args(names)
        .current_dir(scratch)
        .env("CARGO_TARGET_DIR", target)
        .env("RUST_BACKTRACE", "0")
        // Set by the cargo that runs this test, for this package.
        .env_remove("CARGO_MANIFEST_DIR")
        .output()
        .expect("cargo runs this test");
    let ran = text(&output);
    for name in names.iter().filter(|_| ran.contains("running ")) {
        assert!(
            ran.contains(&format!("test {name} ... ")),
            "there is no test {name}:\n{ran}"
        );
    }
    output
}

fn text(output: &Output) -> String {
    format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

fn bugs(root: &Path) -> Vec<Seeded> {
    let folder = root.join("tests/seeded");
    let entries = fs::read_dir(&folder).expect("tests/seeded is part of the repository");
    let mut patches: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    patches.retain(|path| path.extension().is_some_and(|ending| ending == "patch"));
    patches.sort();
    patches.into_iter().map(seeded).collect()
}

fn seeded(patch: PathBuf) -> Seeded {
    let content = fs::read_to_string(&patch).expect("a patch is text");
    let line = |label: &str| {
        let found = content.lines().find_map(|line| line.strip_prefix(label));
        found
            .unwrap_or_else(|| panic!("{} has no line `{label}`", patch.display()))
            .trim()
            .to_owned()
    };
    Seeded {
        name: patch.file_stem().unwrap_or_default().to_string_lossy().into_owned(),
        says: line("Bug:"),
        killed_by: line("Killed-by:"),
        patch,
    }
}

/// The files of a workspace that has the thinking and nothing else.
fn sources(root: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let read = |path: &Path| fs::read(root.join(path)).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let mut files = BTreeMap::new();
    for name in ["Cargo.lock", "clippy.toml", "rust-toolchain.toml"] {
        files.insert(PathBuf::from(name), read(Path::new(name)));
    }
    let manifest = String::from_utf8(read(Path::new("Cargo.toml"))).expect("a manifest is UTF-8");
    let members = manifest
        .lines()
        .find(|line| line.starts_with("members = "))
        .expect("a workspace has members");
    let version = manifest
        .lines()
        .find(|line| line.starts_with("version = "))
        .expect("a workspace has a version");
    // Another version is another package: in the shared target directory nothing of the copy is taken for the original.
    let manifest = manifest
        .replace(members, &format!("members = {CRATES:?}"))
        .replace(version, "version = \"0.0.0-seeded\"");
    files.insert(PathBuf::from("Cargo.toml"), manifest.into_bytes());
    let mut folders: Vec<PathBuf> = CRATES.iter().chain(&ASSETS).map(PathBuf::from).collect();
    while let Some(folder) = folders.pop() {
        let entries = fs::read_dir(root.join(&folder)).expect("what is copied is a folder");
        for entry in entries.filter_map(Result::ok) {
            let path = folder.join(entry.file_name());
            if entry.path().is_dir() {
                folders.push(path);
            } else {
                files.insert(path.clone(), read(&path));
            }
        }
    }
    files
}

/// Brings the scratch copy to these files. What is the same stays untouched, so that cargo builds only what differs.
fn write(scratch: &Path, files: &BTreeMap<PathBuf, Vec<u8>>) {
    for (path, bytes) in files {
        let path = scratch.join(path);
        // The lock file is cargo's own: it drops what the smaller workspace does not need.
        let is_kept = path.file_name().is_some_and(|name| name == "Cargo.lock") && path.exists();
        if is_kept || fs::read(&path).is_ok_and(|before| before == *bytes) {
            continue;
        }
        fs::create_dir_all(path.parent().unwrap_or(scratch)).expect("the scratch copy can be written");
        fs::write(&path, bytes).expect("the scratch copy can be written");
    }
    let mut folders: Vec<PathBuf> = CRATES.iter().map(|name| scratch.join(name)).collect();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).into_iter().flatten().filter_map(Result::ok) {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else if path
                .strip_prefix(scratch)
                .is_ok_and(|inside| !files.contains_key(inside))
            {
                fs::remove_file(&path).expect("the scratch copy can be written");
            }
        }
    }
}

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("the tests are a member of the workspace")
        .to_owned()
}
