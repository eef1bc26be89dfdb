//! Reads what `deno info --json` says of a deployment's modules.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use percent_encoding::percent_decode_str;
use serde::Deserialize;

use super::check::Refused;
use super::deployment::Deployment;

/// Output of `deno info --json`, version 1: the fields that matter here.
#[derive(Deserialize)]
pub(super) struct Graph {
    roots: Vec<String>,
    modules: Vec<Module>,
}

#[derive(Deserialize)]
struct Module {
    specifier: String,
    error: Option<String>,
    #[serde(default)]
    dependencies: Vec<Dependency>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Dependency {
    specifier: String,
    /// Absent for what is imported for its types only.
    code: Option<Resolution>,
    #[serde(default)]
    is_dynamic: bool,
}

#[derive(Deserialize)]
struct Resolution {
    specifier: Option<String>,
    error: Option<String>,
    span: Option<Span>,
}

#[derive(Deserialize)]
struct Span {
    start: Position,
}

/// Counted from 0; compilers count from 1.
#[derive(Deserialize)]
struct Position {
    line: u32,
    character: u32,
}

impl Graph {
    /// The first thing that the platform's bundler would stumble over. It takes what is imported statically and for
    /// more than types; dynamic imports fail at run time, and remote ones are not judged here.
    pub(super) fn refusal(&self, deployment: &Deployment, stand_in: &Path) -> Option<Refused> {
        let modules: BTreeMap<&str, &Module> = self
            .modules
            .iter()
            .map(|module| (module.specifier.as_str(), module))
            .collect();
        let mut seen: BTreeSet<&str> = BTreeSet::new();
        let mut waiting: Vec<(&str, String)> = self
            .roots
            .iter()
            .rev()
            .map(|root| (root.as_str(), String::new()))
            .collect();
        while let Some((specifier, at)) = waiting.pop() {
            if !seen.insert(specifier) {
                continue;
            }
            let Some(path) = path_of(specifier) else { continue };
            let module = modules.get(specifier);
            let error = module.and_then(|module| module.error.as_deref());
            let outside = !path.starts_with(&deployment.root) && path != stand_in;
            if outside || error.is_some_and(|error| error.starts_with("Module not found")) {
                let specifier = format!("file://{}", deployment.container_path(&path));
                return Some(Refused::ModuleNotFound { specifier, at });
            }
            if let Some(error) = error {
                return Some(unparsed(error, specifier, deployment));
            }
            for dependency in module.iter().flat_map(|module| &module.dependencies).rev() {
                let Some(code) = dependency.code.as_ref().filter(|_| !dependency.is_dynamic) else {
                    continue;
                };
                let at = position(&path, code, deployment);
                match (&code.specifier, &code.error) {
                    (Some(target), _) => waiting.push((target, at)),
                    (None, Some(error)) => return Some(unresolved(error, &dependency.specifier, at)),
                    (None, None) => {}
                }
            }
        }
        None
    }
}

fn path_of(specifier: &str) -> Option<PathBuf> {
    let path = specifier.strip_prefix("file://")?;
    Some(PathBuf::from(percent_decode_str(path).decode_utf8_lossy().into_owned()))
}

fn position(referrer: &Path, code: &Resolution, deployment: &Deployment) -> String {
    let start = code.span.as_ref().map(|span| &span.start);
    let (line, column) = start.map_or((1, 1), |start| (start.line + 1, start.character + 1));
    format!("file://{}:{line}:{column}", deployment.container_path(referrer))
}

/// Deno appends a picture of the code and `at file:///…:line:column`.
fn unparsed(error: &str, specifier: &str, deployment: &Deployment) -> Refused {
    let what = error
        .lines()
        .next()
        .unwrap_or(error)
        .trim_start_matches("SyntaxError: ")
        .trim_end_matches('.');
    let at = error.rsplit_once("\n    at ").map_or(specifier, |(_, at)| at.trim());
    Refused::Syntax {
        message: format!("The module's source code could not be parsed: {what}"),
        at: deployment.as_in_container(at),
    }
}

/// Deno words it differently by version; the platform's words are those of its bundler.
fn unresolved(error: &str, specifier: &str, at: String) -> Refused {
    let message = if error.contains("not a dependency") || error.contains("not prefixed with") {
        format!("Relative import path \"{specifier}\" not prefixed with / or ./ or ../")
    } else {
        error.to_owned()
    };
    Refused::Unresolved { message, at }
}
