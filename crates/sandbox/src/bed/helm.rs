//! Helm, for the tests of the chart: built once from its published module, and kept in the cache.

use std::path::PathBuf;

use super::go::Program;
use super::progress::Progress;
use super::tools::ToolError;

/// A module without code, whose tool is Helm.
const MODULE: [(&str, &str); 2] = [
    ("go.mod", include_str!("../../../../tests/helm/go.mod")),
    ("go.sum", include_str!("../../../../tests/helm/go.sum")),
];

/// The program, which is built when it is not in the cache.
pub fn helm(progress: Progress) -> Result<PathBuf, ToolError> {
    let program = Program {
        name: "helm",
        what: "Helm from tests/helm, which takes some minutes, once",
        module: &MODULE,
        package: "helm.sh/helm/v4/cmd/helm",
        linker_flags: "-s -w".to_owned(),
        packages: 1_200,
    };
    Ok(program.ensure(progress, |_| Ok(()))?.join(program.name))
}
