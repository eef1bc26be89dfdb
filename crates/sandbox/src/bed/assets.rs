//! The programs of the control plane: built once from `tests/control-plane` and kept in the cache outside the checkout.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde::Deserialize;

use super::go::{self, Program};
use super::progress::Progress;
use super::tools::{self, ToolError};

/// The Go module, which travels in this program: what is built always fits what starts it.
const MODULE: [(&str, &str); 5] = [
    ("main.go", include_str!("../../../../tests/control-plane/main.go")),
    ("etcd.go", include_str!("../../../../tests/control-plane/etcd.go")),
    ("parent.go", include_str!("../../../../tests/control-plane/parent.go")),
    ("go.mod", include_str!("../../../../tests/control-plane/go.mod")),
    ("go.sum", include_str!("../../../../tests/control-plane/go.sum")),
];

/// A module that pins Flux's source-controller, whose zip holds the CRDs.
const FLUX_MODULE: [(&str, &str); 2] = [
    ("go.mod", include_str!("../../../../tests/control-plane/flux/go.mod")),
    ("go.sum", include_str!("../../../../tests/control-plane/flux/go.sum")),
];
const FLUX: &str = "github.com/fluxcd/source-controller";

/// Packages of the control plane (`go list -deps . | wc -l`), those that are compiled already included.
const PACKAGES: usize = 2_700;

/// A folder with the control plane's programs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Assets {
    directory: PathBuf,
}

impl Assets {
    /// What `KUBEBUILDER_ASSETS` names, else our own build, which is made when it is not in the cache.
    pub(super) fn ensure(progress: Progress) -> Result<Assets, ToolError> {
        if let Some(directory) = env::var_os("KUBEBUILDER_ASSETS").filter(|value| !value.is_empty()) {
            return Assets::given(PathBuf::from(directory));
        }
        let program = Program {
            name: "control-plane",
            what: "the control plane from tests/control-plane: about 5 minutes on 2 cores, once",
            module: &MODULE,
            package: ".",
            linker_flags: linker_flags(&MODULE),
            packages: PACKAGES,
        };
        let directory = program.ensure(progress, |unfinished| {
            for name in ["etcd", "kube-apiserver", "kube-controller-manager", "kubectl"] {
                let path = unfinished.join(name);
                std::os::unix::fs::symlink("control-plane", &path).map_err(ToolError::file("create", path))?;
            }
            Ok(())
        })?;
        Ok(Assets { directory })
    }

    fn given(directory: PathBuf) -> Result<Assets, ToolError> {
        let assets = Assets { directory };
        let missing = ["etcd", "kube-apiserver", "kubectl"]
            .into_iter()
            .find(|name| !assets.program(name).exists());
        match missing {
            None => Ok(assets),
            Some(program) => Err(ToolError::Missing {
                program,
                remedy: format!(
                    "KUBEBUILDER_ASSETS names {}, which has none; unset it to have the control plane built",
                    assets.directory.display()
                ),
            }),
        }
    }

    pub(super) fn directory(&self) -> &Path {
        &self.directory
    }

    pub(super) fn program(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }

    /// What `setup-envtest` downloads has none.
    pub(super) fn has_controllers(&self) -> bool {
        self.program("kube-controller-manager").exists()
    }
}

/// The CRDs of Flux's sources: name of the CRD and its YAML. From the Go module cache, filled when it has to be.
pub(super) fn flux_crds() -> Result<Vec<(String, String)>, ToolError> {
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Download {
        dir: PathBuf,
    }
    let directory = tools::cache_directory()?
        .join("flux")
        .join(tools::digest(FLUX_MODULE.map(|(_, text)| text)));
    tools::in_cache(&directory, |unfinished| go::lay_out(&FLUX_MODULE, unfinished))?;
    let [(_, module), _] = FLUX_MODULE;
    let version = module
        .lines()
        .find_map(|line| line.strip_prefix("require ")?.strip_prefix(FLUX))
        .unwrap_or_default();
    let mut command = Command::new(go::go()?);
    command
        .args(["mod", "download", "-json"])
        .arg(format!("{FLUX}@{}", version.trim()))
        .current_dir(&directory);
    let output = tools::run(&mut command)?;
    let download: Download = serde_json::from_slice(&output.stdout).map_err(|error| ToolError::Failed {
        command: tools::line_of(&command),
        output: error.to_string(),
    })?;
    ["buckets", "externalartifacts", "gitrepositories", "ocirepositories"]
        .into_iter()
        .map(|plural| {
            let path = download
                .dir
                .join(format!("config/crd/bases/source.toolkit.fluxcd.io_{plural}.yaml"));
            let text = fs::read_to_string(&path).map_err(ToolError::file("read", path))?;
            Ok((format!("{plural}.source.toolkit.fluxcd.io"), text))
        })
        .collect()
}

/// Tells programs of Kubernetes which version the module pins: kubectl compares its own with the server's, and a kubelet says it of
/// its node.
pub(super) fn linker_flags(module: &[(&str, &str)]) -> String {
    let version = module
        .iter()
        .flat_map(|(_, text)| text.lines())
        .find_map(|line| line.trim().strip_prefix("k8s.io/kubernetes v"))
        .unwrap_or_default();
    let (major, rest) = version.split_once('.').unwrap_or_default();
    let minor = rest.split('.').next().unwrap_or_default();
    let set = "-X k8s.io/component-base/version";
    format!(
        "-s -w {set}.gitVersion=v{version} {set}.gitMajor={major} {set}.gitMinor={minor} \
         -X k8s.io/client-go/pkg/version.gitVersion=v{version}"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_of_the_go_module_travels_in_this_program() {
        let module = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/control-plane");
        let mut found: Vec<_> = fs::read_dir(module)
            .unwrap()
            .map(|entry| entry.unwrap())
            .filter(|entry| entry.path().is_file())
            .map(|entry| entry.file_name().into_string().unwrap())
            .collect();
        let mut carried = MODULE.map(|(name, _)| name.to_owned()).to_vec();
        found.sort();
        carried.sort();
        assert_eq!(carried, found);
    }

    #[test]
    fn the_version_that_kubectl_is_told_is_the_modules() {
        let flags = linker_flags(&MODULE);
        assert!(flags.contains("version.gitMajor=1 "), "{flags}");
        assert!(!flags.contains("gitMinor= ") && !flags.contains("=v "), "{flags}");
    }

    #[test]
    fn a_folder_of_assets_without_kubectl_is_refused_by_name() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["etcd", "kube-apiserver"] {
            fs::write(folder.path().join(name), "").unwrap();
        }
        let error = Assets::given(folder.path().to_owned()).unwrap_err();
        assert!(
            error
                .to_string()
                .starts_with("kubectl is missing: KUBEBUILDER_ASSETS names "),
            "{error}"
        );
    }
}
