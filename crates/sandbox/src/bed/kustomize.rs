//! Flux's kustomize-controller, for tests of pipelines that wait: built once from its published module, and kept in the cache.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::go::{self, Program};
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

/// The file with its CRD.
const DEFINITION: &str = "kustomizations.yaml";

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
        let program = Program {
            name: "kustomize-controller",
            what: "Flux's kustomize-controller, which takes some minutes, once",
            module: &MODULE,
            package: CONTROLLER,
            linker_flags: "-s -w".to_owned(),
            packages: 1_900,
        };
        let directory = program.ensure(progress, |unfinished| {
            let mut list = Command::new(go::go()?);
            list.args(["list", "-mod=readonly", "-m", "-f", "{{.Dir}}", CONTROLLER])
                .current_dir(unfinished.join("source"));
            let module = String::from_utf8_lossy(&tools::run(&mut list)?.stdout)
                .trim()
                .to_owned();
            let crd = Path::new(&module).join("config/crd/bases/kustomize.toolkit.fluxcd.io_kustomizations.yaml");
            let definition = unfinished.join(DEFINITION);
            fs::copy(&crd, definition)
                .map(drop)
                .map_err(ToolError::file("copy", crd))
        })?;
        Ok(Self {
            program: directory.join(program.name),
            definition: directory.join(DEFINITION),
        })
    }
}
