//! Flux's kustomize-controller, for tests of pipelines that wait: built once from its published module, and kept in the cache.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use rustix::process::Signal;

use super::assets::{go, lay_out, watch};
use super::process;
use super::progress::Progress;
use super::tools::{self, ToolError};

/// A module without code, whose tool is the controller.
const MODULE: [(&str, &str); 2] = [
    (
        "go.mod",
        include_str!("../../../../tests/control-plane/kustomize-controller/go.mod"),
    ),
    (
        "go.sum",
        include_str!("../../../../tests/control-plane/kustomize-controller/go.sum"),
    ),
];
const CONTROLLER: &str = "github.com/fluxcd/kustomize-controller";

/// Packages of it (`go list -deps | wc -l`).
const PACKAGES: usize = 1_900;

/// The controller, and what it reconciles.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KustomizeController {
    pub program: PathBuf,
    /// The CRD of Kustomization.
    pub definition: PathBuf,
}

impl KustomizeController {
    /// Builds it when it is not in the cache.
    pub fn ensure(progress: Progress) -> Result<Self, ToolError> {
        let go = go()?;
        let version = tools::run(Command::new(&go).args(["env", "GOVERSION"]).current_dir("/"))?;
        let version = String::from_utf8_lossy(&version.stdout).into_owned();
        let key = tools::digest(MODULE.iter().map(|(_, text)| *text).chain([version.as_str()]));
        let directory = tools::cache_directory()?.join("kustomize-controller").join(key);
        tools::in_cache(&directory, |unfinished| build(&go, unfinished, progress))?;
        Ok(Self::of(&directory))
    }

    fn of(directory: &Path) -> Self {
        Self {
            program: directory.join("kustomize-controller"),
            definition: directory.join("kustomizations.yaml"),
        }
    }
}

fn build(go: &Path, directory: &Path, progress: Progress) -> Result<(), ToolError> {
    let started = Instant::now();
    progress.say("building Flux's kustomize-controller, which takes some minutes, once");
    let sources = directory.join("source");
    fs::create_dir(&sources).map_err(ToolError::file("create", &sources))?;
    lay_out(&MODULE, &sources)?;
    let KustomizeController { program, definition } = KustomizeController::of(directory);
    let mut command = process::guarded(go, Signal::KILL);
    command
        .args([
            "build",
            "-v",
            "-trimpath",
            "-buildvcs=false",
            "-mod=readonly",
            "-ldflags=-s -w",
        ])
        .arg("-o")
        .arg(&program)
        .arg(CONTROLLER)
        .env("CGO_ENABLED", "0")
        .current_dir(&sources)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped());
    watch(command, PACKAGES, progress, started)?;
    let mut list = Command::new(go);
    list.args(["list", "-mod=readonly", "-m", "-f", "{{.Dir}}", CONTROLLER])
        .current_dir(&sources);
    let module = String::from_utf8_lossy(&tools::run(&mut list)?.stdout)
        .trim()
        .to_owned();
    let crd = Path::new(&module).join("config/crd/bases/kustomize.toolkit.fluxcd.io_kustomizations.yaml");
    fs::copy(&crd, &definition).map_err(ToolError::file("copy", crd))?;
    progress.took("kustomize-controller built", started, "kept in the cache");
    Ok(())
}
