//! The crates that are linked into what is handed out.

use std::{collections::BTreeSet, env, path::Path, process::Command};

use serde_json::{Value, json};

use crate::image::{ImageError, TARGET};

/// A crate that is linked.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Linked {
    pub name: String,
    pub version: String,
    /// By SPDX; empty where it does not say.
    pub license: String,
    /// It is one of this repository.
    pub is_own: bool,
}

impl Linked {
    /// As `CycloneDX` describes it.
    pub(super) fn component(&self) -> Value {
        let mut component = json!({ "type": "library", "name": self.name, "version": self.version });
        if !self.license.is_empty() {
            // What Cargo allowed before SPDX had it.
            component["licenses"] = json!([{ "expression": self.license.replace('/', " OR ") }]);
        }
        if !self.is_own {
            component["purl"] = json!(format!("pkg:cargo/{}@{}", self.name, self.version));
        }
        component
    }
}

/// What cargo links into both programs: neither what runs while they are compiled, nor what tests need.
pub fn linked(root: &Path) -> Result<Vec<Linked>, ImageError> {
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo
        .args(["tree", "--locked", "--package", "ace-operator", "--package", "ace-cli"])
        .args([
            "--target",
            TARGET,
            "--edges",
            "normal,no-proc-macro",
            "--prefix",
            "none",
        ])
        .args(["--format", "{p}\t{l}"])
        .current_dir(root);
    let output = cargo.output().map_err(|error| ImageError::Run("cargo tree", error))?;
    if !output.status.success() {
        return Err(ImageError::Build(output.status));
    }
    Ok(parsed(&String::from_utf8_lossy(&output.stdout)))
}

/// A line for each crate, many more than once: `NAME vVERSION[ (PATH)]`, a tab, and the license.
fn parsed(text: &str) -> Vec<Linked> {
    let crates = text.lines().filter_map(|line| {
        let (package, license) = line.split_once('\t')?;
        let mut words = package.split(' ');
        let (name, version) = (words.next()?, words.next()?.strip_prefix('v')?);
        Some(Linked {
            name: name.to_owned(),
            version: version.to_owned(),
            license: license.trim_end_matches(" (*)").to_owned(),
            is_own: words.next().is_some_and(|place| place.starts_with("(/")),
        })
    });
    crates.collect::<BTreeSet<_>>().into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::{Linked, parsed};

    #[test]
    fn each_crate_is_listed_once_and_the_own_ones_come_from_no_registry() {
        let text = "ace-cli v0.1.0 (/src/crates/cli)\tApache-2.0\nserde v1.0.2\tMIT OR Apache-2.0\n\nserde v1.0.2\tMIT OR Apache-2.0 (*)\nold v0.3.0\tMIT/Apache-2.0\n";
        let found = parsed(text);
        let named: Vec<_> = found.iter().map(|one| (one.name.as_str(), one.is_own)).collect();
        assert_eq!(named, [("ace-cli", true), ("old", false), ("serde", false)]);
        let components: Vec<_> = found.iter().map(Linked::component).collect();
        assert_eq!(components[0]["purl"], serde_json::Value::Null);
        assert_eq!(components[1]["licenses"][0]["expression"], "MIT OR Apache-2.0");
        assert_eq!(components[2]["purl"], "pkg:cargo/serde@1.0.2");
    }
}
