//! Files that a function imports for their types only: the platform's bundler leaves them out, so they may be missing from
//! a body.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::Path;
use std::process::Stdio;

use percent_encoding::percent_decode_str;
use serde::Deserialize;
use tokio::process::Command;

use super::state::{Bundle, Files};

/// Output of `deno info --json`: the fields that matter here.
#[derive(Deserialize)]
struct Graph {
    roots: Vec<String>,
    modules: Vec<Module>,
}

#[derive(Deserialize)]
struct Module {
    specifier: String,
    #[serde(default)]
    dependencies: Vec<Dependency>,
}

/// `code` is absent for what is imported for its types.
#[derive(Deserialize)]
struct Dependency {
    code: Option<Resolution>,
}

#[derive(Deserialize)]
struct Resolution {
    specifier: Option<String>,
}

/// The files of a bundle without those that only types are taken from. Files that nothing imports (static ones) stay.
pub(super) async fn without_type_only(deno: &Path, cache: &Path, root: &Path, bundle: &Bundle) -> io::Result<Files> {
    let mut command = Command::new(deno);
    command.args(["info", "--json", "--no-lock", "--no-remote", "--no-npm"]);
    match &bundle.import_map {
        Some(path) if path.ends_with("deno.json") || path.ends_with("deno.jsonc") => {
            command.arg("--config").arg(root.join(path));
        }
        Some(path) => {
            command.arg("--no-config").arg("--import-map").arg(root.join(path));
        }
        None => {
            command.arg("--no-config");
        }
    }
    command
        .arg(root.join(&bundle.entrypoint))
        .current_dir(root)
        .env_clear()
        .env("DENO_DIR", cache);
    let output = command.stdin(Stdio::null()).kill_on_drop(true).output().await?;
    if !output.status.success() {
        return Err(io::Error::other(String::from_utf8_lossy(&output.stderr).into_owned()));
    }
    let graph: Graph = serde_json::from_slice(&output.stdout)?;
    let (imported, run) = (
        graph.modules.iter().map(|module| module.specifier.as_str()).collect(),
        graph.run(),
    );
    let path_of = |specifier: &&str| -> Option<String> {
        let path = percent_decode_str(specifier.strip_prefix("file://")?)
            .decode_utf8()
            .ok()?
            .into_owned();
        Some(Path::new(&path).strip_prefix(root).ok()?.to_str()?.to_owned())
    };
    let imported: BTreeSet<&str> = imported;
    let left_out: BTreeSet<String> = imported.difference(&run).filter_map(path_of).collect();
    Ok(bundle
        .files
        .iter()
        .filter(|(path, _)| !left_out.contains(*path))
        .map(|(path, bytes)| (path.clone(), bytes.clone()))
        .collect())
}

impl Graph {
    /// What is reached from the root by imports that exist at run time.
    fn run(&self) -> BTreeSet<&str> {
        let modules: BTreeMap<&str, &Module> = self
            .modules
            .iter()
            .map(|module| (module.specifier.as_str(), module))
            .collect();
        let (mut run, mut waiting): (BTreeSet<&str>, Vec<&str>) =
            (BTreeSet::new(), self.roots.iter().map(String::as_str).collect());
        while let Some(specifier) = waiting.pop() {
            if run.insert(specifier) {
                let dependencies = modules
                    .get(specifier)
                    .into_iter()
                    .flat_map(|module| &module.dependencies);
                waiting.extend(dependencies.filter_map(|dependency| dependency.code.as_ref()?.specifier.as_deref()));
            }
        }
        run
    }
}
