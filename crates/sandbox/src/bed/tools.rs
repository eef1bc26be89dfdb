//! Programs that are not built from this repository, and where they are: PostgreSQL from the distribution; Deno, the official
//! CLI and the SDKs that tests use from the npm registry. Everything is looked up in a few milliseconds once it is there.

use std::env;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use sha2::{Digest, Sha256};

use super::assets::Assets;
use super::helm;
use super::kustomize::KustomizeController;
use super::majors;
use super::object_store;
use super::packages;
use super::process;
use super::progress::Progress;

pub use super::extensions::project_bin_dir;
pub use super::majors::Major;

const PACKAGE: &str = include_str!("../../../../tests/tools/package.json");
const LOCK: &str = include_str!("../../../../tests/tools/package-lock.json");

/// Oldest major version that the bootstrap's SQL works with.
const OLDEST_POSTGRES: u32 = 15;

/// A program that is missing, or can't be had.
#[derive(Debug, thiserror::Error)]
pub enum ToolError {
    /// A program is not installed.
    #[error("{program} is missing: {remedy}")]
    Missing { program: &'static str, remedy: String },
    /// A program that was run to install or build another.
    #[error("`{command}` failed:\n{output}")]
    Failed {
        command: String,
        /// The end of what it printed.
        output: String,
    },
    /// A program that could not be run at all.
    #[error("could not run `{command}`")]
    Run { command: String, source: io::Error },
    /// A file or directory: of the cache, or of what is installed.
    #[error("could not {action} {}", path.display())]
    File {
        /// A verb: `write`, `read`, `create`.
        action: &'static str,
        path: PathBuf,
        source: io::Error,
    },
    /// This machine, or this user, can't have a node.
    #[error("no node can run here: {0}")]
    NoNode(String),
    /// Neither `XDG_CACHE_HOME` nor `HOME` says where a cache may be.
    #[error("neither XDG_CACHE_HOME nor HOME is set, so there is no place for a cache")]
    NoHome,
}

impl ToolError {
    /// For `map_err` at a file operation.
    pub(super) fn file(action: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> ToolError {
        let path = path.into();
        move |source| ToolError::File { action, path, source }
    }
}

/// `${XDG_CACHE_HOME:-~/.cache}/ace-ops`.
pub fn cache_directory() -> Result<PathBuf, ToolError> {
    let set = |name: &str| env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let base = set("XDG_CACHE_HOME")
        .or_else(|| Some(set("HOME")?.join(".cache")))
        .ok_or(ToolError::NoHome)?;
    Ok(base.join("ace-ops"))
}

/// Installs and builds what a bed can't do without and is missing, and says so. Returns what is where.
pub fn ensure(progress: Progress) -> Result<Vec<(&'static str, PathBuf)>, ToolError> {
    install_postgres(progress)?;
    node_modules(progress)?;
    Ok(vec![
        ("PostgreSQL", project_bin_dir()?),
        ("deno", deno()?),
        ("supabase", supabase_cli()?),
        ("control plane", Assets::ensure(progress)?.directory().to_owned()),
        ("object store", object_store::program(progress)?),
    ])
}

/// The same, and what only tests use: the extensions that a bed goes without where the distribution's packages can't be had (then
/// each call tries again, and says so), Flux's kustomize-controller, and Helm.
pub fn ensure_for_tests(progress: Progress) -> Result<Vec<(&'static str, PathBuf)>, ToolError> {
    install_postgres(progress)?;
    packages::fetch(progress)?;
    let majors = majors::fetch(progress)?;
    let mut all = ensure(progress)?;
    all.push(("kustomize-controller", KustomizeController::ensure(progress)?.program));
    all.push(("helm", helm::helm(progress)?));
    let majors = majors.into_iter().flatten();
    all.extend(majors.map(|major| (major.title(), major.programs)));
    Ok(all)
}

/// Directory of `postgres` and `initdb`, of the newest version that is installed.
pub fn postgres_bin_dir() -> Result<PathBuf, ToolError> {
    let listed = ["/usr/lib/postgresql", "/opt/homebrew/opt", "/usr/local/opt"]
        .into_iter()
        .flat_map(versions);
    let red_hat = versions("/usr").map(|(version, path)| (version, path.join("bin")));
    let newest = listed
        .map(|(version, path)| (version, path.join("bin")))
        .chain(red_hat)
        .filter(|(version, path)| *version >= OLDEST_POSTGRES && path.join("initdb").exists())
        .max_by_key(|(version, _)| *version);
    newest
        .map(|(_, path)| path)
        .or_else(|| Some(fs::canonicalize(on_path("initdb")?).ok()?.parent()?.to_owned()))
        .ok_or_else(|| ToolError::Missing {
            program: "PostgreSQL",
            remedy: format!(
                "install the server, version {OLDEST_POSTGRES} or newer, with its contrib modules \
                 (Debian, Ubuntu: `apt-get install postgresql`; Fedora: `dnf install postgresql-server postgresql-contrib`; \
                 macOS: `brew install postgresql@17`)"
            ),
        })
}

/// Entries of a directory that are called `15`, `postgresql@15` or `pgsql-15`.
fn versions(directory: &str) -> impl Iterator<Item = (u32, PathBuf)> {
    fs::read_dir(directory)
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| {
            let name = entry.file_name().into_string().ok()?;
            let digits = name
                .strip_prefix("postgresql@")
                .or_else(|| name.strip_prefix("pgsql-"))
                .unwrap_or(&name);
            Some((digits.parse().ok()?, entry.path()))
        })
}

/// Does nothing where it is installed.
fn install_postgres(progress: Progress) -> Result<(), ToolError> {
    let Err(error) = postgres_bin_dir() else { return Ok(()) };
    apt_install(&["postgresql"], error, progress)?;
    postgres_bin_dir().map(drop)
}

/// Installs packages of the distribution; where that is not Debian's, or not ours to change, what is `missing` is the answer.
pub(super) fn apt_install(packages: &[&str], missing: ToolError, progress: Progress) -> Result<(), ToolError> {
    let Some(apt) = on_path("apt-get") else {
        return Err(missing);
    };
    let mut command = if rustix::process::geteuid().is_root() {
        Command::new(apt)
    } else if let Some(sudo) = on_path("sudo") {
        let mut command = Command::new(sudo);
        command.arg("-n").arg(apt);
        command
    } else {
        return Err(missing);
    };
    progress.say(format_args!("installing: apt-get install {}", packages.join(" ")));
    command
        .args(["install", "--yes", "--no-install-recommends"])
        .args(packages)
        .env("DEBIAN_FRONTEND", "noninteractive");
    if run(&mut command).is_err() {
        // Lists of packages may be missing or old: they are fetched only when that is in the way.
        let mut update = Command::new(command.get_program());
        update
            .args(command.get_args().take_while(|argument| *argument != "install"))
            .arg("update");
        run(&mut update)?;
        run(&mut command)?;
    }
    Ok(())
}

/// Deno: the program itself, without npm's wrapper in front of it.
pub fn deno() -> Result<PathBuf, ToolError> {
    let packages = node_modules(Progress::Silent)?.join("@deno");
    let installed = fs::read_dir(&packages).into_iter().flatten().flatten();
    installed
        .map(|entry| entry.path().join("deno"))
        .find(|path| path.exists())
        .ok_or(ToolError::Missing {
            program: "deno",
            remedy: format!(
                "the npm registry has no package of it for this system below {}",
                packages.display()
            ),
        })
}

/// The official CLI, by its own wrapper.
pub fn supabase_cli() -> Result<PathBuf, ToolError> {
    Ok(node_modules(Progress::Silent)?.join(".bin/supabase"))
}

/// Node.js, with which npm comes.
pub(super) fn node() -> Result<PathBuf, ToolError> {
    on_path("node").ok_or_else(|| ToolError::Missing {
        program: "node",
        remedy: "install Node.js 20 or newer".to_owned(),
    })
}

/// The installed packages of the npm registry, for the bed's mail server and for a test that runs an SDK.
pub fn npm_packages() -> Result<PathBuf, ToolError> {
    node_modules(Progress::Silent)
}

/// The installed packages, which are fetched at the first call. Their place is named by a digest of the lock.
fn node_modules(progress: Progress) -> Result<PathBuf, ToolError> {
    let directory = cache_directory()?.join("tools").join(digest([PACKAGE, LOCK]));
    in_cache(&directory, |unfinished| {
        progress.say("installing Deno, the Supabase CLI and SDKs for the tests from the npm registry");
        // Their install scripts only move the programs to where the wrappers look first.
        install_packages(unfinished, PACKAGE, LOCK)
    })?;
    Ok(directory.join("node_modules"))
}

/// Installs what a lock of npm's names, without the scripts of the packages.
pub(super) fn install_packages(directory: &Path, package: &str, lock: &str) -> Result<(), ToolError> {
    let npm = on_path("npm").ok_or_else(|| ToolError::Missing {
        program: "npm",
        remedy: "install Node.js 20 or newer".to_owned(),
    })?;
    for (name, text) in [("package.json", package), ("package-lock.json", lock)] {
        let path = directory.join(name);
        fs::write(&path, text).map_err(ToolError::file("write", path))?;
    }
    let mut command = process::guarded(&npm, rustix::process::Signal::KILL);
    command
        .args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"])
        .current_dir(directory);
    run(&mut command).map(drop)
}

/// PostgreSQL of other major versions, which are fetched at the first call; `None` on a system that they are not built for.
pub fn other_postgres() -> Result<Option<Vec<Major>>, ToolError> {
    majors::fetch(Progress::Silent)
}

/// Sees to it that `directory` is there: filled by `fill` under another name first, so that it is whole whenever it is
/// there at all. A second process that wants the same waits.
pub(super) fn in_cache(directory: &Path, fill: impl FnOnce(&Path) -> Result<(), ToolError>) -> Result<(), ToolError> {
    if directory.exists() {
        return Ok(());
    }
    let parent = directory.parent().unwrap_or(directory);
    fs::create_dir_all(parent).map_err(ToolError::file("create", parent))?;
    let place = directory.with_extension("lock");
    let lock = File::create(&place).map_err(ToolError::file("create", &place))?;
    lock.lock().map_err(ToolError::file("lock", &place))?;
    if directory.exists() {
        return Ok(());
    }
    let unfinished = directory.with_extension("unfinished");
    if unfinished.exists() {
        fs::remove_dir_all(&unfinished).map_err(ToolError::file("remove", &unfinished))?;
    }
    fs::create_dir(&unfinished).map_err(ToolError::file("create", &unfinished))?;
    fill(&unfinished)?;
    fs::rename(&unfinished, directory).map_err(ToolError::file("create", directory))
}

/// First 16 hexadecimal digits of a SHA-256 over texts, each with its length.
pub(super) fn digest<'a>(texts: impl IntoIterator<Item = &'a str>) -> String {
    let mut sum = Sha256::new();
    for text in texts {
        sum.update(text.len().to_le_bytes());
        sum.update(text);
    }
    hex::encode(&sum.finalize()[..8])
}

/// Runs a command to its end, without a terminal.
pub(super) fn run(command: &mut Command) -> Result<Output, ToolError> {
    let line = line_of(command);
    let failed = |source| ToolError::Run {
        command: line.clone(),
        source,
    };
    let output = command.stdin(Stdio::null()).output().map_err(failed)?;
    if output.status.success() {
        return Ok(output);
    }
    let text = String::from_utf8_lossy(&output.stderr) + String::from_utf8_lossy(&output.stdout);
    Err(ToolError::Failed {
        command: line,
        output: end_of(&text),
    })
}

/// A command as a person would type it.
pub(super) fn line_of(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    let words: Vec<_> = words.map(|word| word.to_string_lossy()).collect();
    words.join(" ")
}

/// The last 20 lines of a text.
pub(super) fn end_of(text: &str) -> String {
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(20)..].join("\n")
}

/// A program of this name on the `PATH`.
pub(super) fn on_path(name: &str) -> Option<PathBuf> {
    env::split_paths(&env::var_os("PATH")?)
        .map(|directory| directory.join(name))
        .find(|path| path.is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_in_the_cache_is_whole_or_absent() {
        let cache = tempfile::tempdir().unwrap();
        let place = cache.path().join("tool");
        let failure = || ToolError::NoHome;
        in_cache(&place, |unfinished| {
            fs::write(unfinished.join("half"), "").unwrap();
            Err(failure())
        })
        .unwrap_err();
        assert!(!place.exists());
        in_cache(&place, |unfinished| {
            fs::write(unfinished.join("whole"), "").unwrap();
            Ok(())
        })
        .unwrap();
        in_cache(&place, |_| panic!("it is there")).unwrap();
        assert!(place.join("whole").exists() && !place.join("half").exists());
    }

    #[test]
    fn what_a_failed_command_printed_is_told() {
        let error = run(Command::new("sh").args(["-c", "echo the reason >&2; exit 3"])).unwrap_err();
        assert_eq!(
            error.to_string(),
            "`sh -c echo the reason >&2; exit 3` failed:\nthe reason"
        );
    }
}
