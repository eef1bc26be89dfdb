//! The program of an image, and what is said of where it comes from.

use std::{
    env, io,
    path::{Path, PathBuf},
    process::{Command, ExitStatus},
};

use jiff::Timestamp;

use crate::tree::git;

/// With an explicit target, build scripts and macros are not static: those are loaded by the compiler.
pub(crate) const TARGET: &str = "x86_64-unknown-linux-gnu";
/// Seconds since 1970 that everything in the image has; see <https://reproducible-builds.org/specs/source-date-epoch/>.
const EPOCH: &str = "SOURCE_DATE_EPOCH";

/// An image can't be made.
#[derive(Debug, thiserror::Error)]
pub enum ImageError {
    /// A program that is needed can't be run.
    #[error("running {0}: {1}")]
    Run(&'static str, #[source] io::Error),
    /// A program does not build.
    #[error("building failed ({0}): what cargo said is above")]
    Build(ExitStatus),
    /// Nobody knows how old the sources are.
    #[error(
        "when the sources were changed is not known: run it in a git checkout, or set {EPOCH} to seconds since 1970"
    )]
    NoTime,
    /// A file can't be read or written.
    #[error("accessing {0}: {1}")]
    File(PathBuf, #[source] io::Error),
}

/// Builds a program, static and without a path of this machine in it, and says where it lies.
pub fn build(root: &Path, package: &str, program: &str) -> Result<PathBuf, ImageError> {
    let root = root
        .canonicalize()
        .map_err(|error| ImageError::File(root.to_owned(), error))?;
    let home = env::var_os("CARGO_HOME").map(PathBuf::from);
    let home = home.or_else(|| Some(env::home_dir()?.join(".cargo")));
    let places = [(Some(root.clone()), "/ace-ops"), (home, "/cargo")];
    let places = places.into_iter().filter_map(|(place, name)| Some((place?, name)));
    let places: Vec<String> = places
        .map(|(place, name)| format!("{}={name}", place.display()))
        .collect();
    let mut flags = vec!["-Ctarget-feature=+crt-static".to_owned()];
    flags.extend(places.iter().map(|place| format!("--remap-path-prefix={place}")));
    let c_flags: Vec<String> = places
        .iter()
        .map(|place| format!("-ffile-prefix-map={place}"))
        .collect();
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo
        .args(["build", "--release", "--locked", "--package", package, "--bin", program])
        .args(["--target", TARGET])
        .current_dir(&root)
        .env("CARGO_ENCODED_RUSTFLAGS", flags.join("\u{1f}"))
        .env("CFLAGS", c_flags.join(" "));
    let status = cargo.status().map_err(|error| ImageError::Run("cargo", error))?;
    if !status.success() {
        return Err(ImageError::Build(status));
    }
    let target = env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), |target| root.join(target));
    Ok(target.join(TARGET).join("release").join(program))
}

/// Seconds since 1970 that everything in the image has: [`EPOCH`], else the time of the last commit.
pub fn created(root: &Path) -> Result<u64, ImageError> {
    let asked = env::var(EPOCH)
        .ok()
        .or_else(|| git(root, &["log", "-1", "--format=%ct"]));
    asked.and_then(|seconds| seconds.parse().ok()).ok_or(ImageError::NoTime)
}

/// The commit of the checkout, if it is one and nothing differs from it.
pub fn revision(root: &Path) -> Option<String> {
    let differs = git(root, &["status", "--porcelain", "--untracked-files=no"])?;
    let commit = git(root, &["rev-parse", "HEAD"])?;
    differs.is_empty().then_some(commit)
}

/// In RFC 3339.
pub(crate) fn time(seconds: u64) -> String {
    let seconds = i64::try_from(seconds).unwrap_or_default();
    Timestamp::from_second(seconds).unwrap_or_default().to_string()
}
