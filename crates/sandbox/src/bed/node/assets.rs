//! The programs of a node: kubelet and scheduler built from `tests/node`, the container runtime from the distribution.

use std::path::PathBuf;
use std::process::Command;

use super::super::assets::linker_flags;
use super::super::go::Program;
use super::super::progress::Progress;
use super::super::tools::{self, ToolError, on_path};
use super::ground;

/// The Go module, which travels in this program.
const MODULE: [(&str, &str); 3] = [
    ("main.go", include_str!("../../../../../tests/node/main.go")),
    ("go.mod", include_str!("../../../../../tests/node/go.mod")),
    ("go.sum", include_str!("../../../../../tests/node/go.sum")),
];

const PAUSE: [(&str, &str); 2] = [
    ("main.go", include_str!("../../../../../tests/node/pause/main.go")),
    ("go.mod", include_str!("../../../../../tests/node/pause/go.mod")),
];

/// Packages of the distribution, and what of each is looked for.
const RUNTIME: [(&str, &str); 3] = [
    ("containerd", "containerd"),
    ("runc", "runc"),
    ("containernetworking-plugins", "ptp"),
];

/// Where Debian has the plugins, which are not on the `PATH`.
pub(super) const PLUGINS: &str = "/usr/lib/cni";

/// What a node is started with.
#[derive(Debug, Clone)]
pub(super) struct Assets {
    /// Kubelet and scheduler.
    pub(super) node: PathBuf,
    /// What holds the namespaces of a pod.
    pub(super) pause: PathBuf,
    pub(super) containerd: PathBuf,
    pub(super) ctr: PathBuf,
    pub(super) unshare: PathBuf,
}

/// Sees to it that a node can be started here: looks whether it may, installs and builds what is missing, and says what. Answers with
/// the programs.
pub fn ensure(progress: Progress) -> Result<Vec<(&'static str, PathBuf)>, ToolError> {
    ground::may_have_a_node()?;
    install_runtime(progress)?;
    let assets = Assets::find(progress)?;
    Ok(vec![
        ("kubelet, scheduler", assets.node),
        ("containerd", assets.containerd),
    ])
}

impl Assets {
    /// What is installed, and what is in the cache or has to be built.
    pub(super) fn find(progress: Progress) -> Result<Assets, ToolError> {
        let node = Program {
            name: "kubernetes-node",
            what: "kubelet and kube-scheduler from tests/node: 10 minutes and more on 2 cores, once",
            module: &MODULE,
            package: ".",
            linker_flags: linker_flags(&MODULE),
            packages: 1_800,
        };
        let pause = Program {
            name: "pause",
            what: "what holds the namespaces of a pod, from tests/node/pause",
            module: &PAUSE,
            package: ".",
            linker_flags: "-s -w".to_owned(),
            packages: 60,
        };
        Ok(Assets {
            node: node.ensure(progress, |_| Ok(()))?.join(node.name),
            pause: pause.ensure(progress, |_| Ok(()))?.join(pause.name),
            containerd: installed("containerd", "containerd")?,
            ctr: installed("ctr", "containerd")?,
            unshare: installed("unshare", "util-linux")?,
        })
    }
}

/// Does nothing where all of it is installed.
fn install_runtime(progress: Progress) -> Result<(), ToolError> {
    let is_there = |program| on_path(program).is_some() || std::path::Path::new(PLUGINS).join(program).exists();
    let missing: Vec<_> = RUNTIME.into_iter().filter(|(_, program)| !is_there(program)).collect();
    let Some((_, program)) = missing.first() else {
        return Ok(());
    };
    let needed = RUNTIME.map(|(package, _)| package).join(", ");
    let error = ToolError::Missing {
        program,
        remedy: format!("install it: a node needs {needed}"),
    };
    let packages: Vec<&str> = missing.iter().map(|(package, _)| *package).collect();
    tools::apt_install(&packages, error, progress)
}

fn installed(program: &'static str, package: &str) -> Result<PathBuf, ToolError> {
    on_path(program).ok_or_else(|| ToolError::Missing {
        program,
        remedy: format!("install the package {package}"),
    })
}

/// A command with these arguments that has to succeed.
pub(super) fn run<const N: usize>(program: &str, arguments: [&str; N]) -> Result<(), ToolError> {
    tools::run(Command::new(program).args(arguments)).map(drop)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::*;

    #[test]
    fn kubelet_and_control_plane_are_of_one_version() {
        let control_plane = include_str!("../../../../../tests/control-plane/go.mod");
        let version = |module: &str| {
            let mut lines = module.lines().map(str::trim);
            lines
                .find(|line| line.starts_with("k8s.io/kubernetes v"))
                .unwrap()
                .to_owned()
        };
        let [_, (_, module), _] = MODULE;
        assert_eq!(version(module), version(control_plane));
    }

    #[test]
    fn every_file_of_the_go_modules_travels_in_this_program() {
        let node = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/node");
        for (folder, carried) in [(node.clone(), &MODULE[..]), (node.join("pause"), &PAUSE[..])] {
            let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap());
            let files = entries.filter(|entry| entry.path().is_file());
            let mut found: Vec<String> = files.map(|entry| entry.file_name().into_string().unwrap()).collect();
            let mut carried: Vec<&str> = carried.iter().map(|(name, _)| *name).collect();
            found.sort();
            carried.sort_unstable();
            assert_eq!(carried, found);
        }
    }
}
