//! One version, the workspace's: where written files name the image, they name it with that.

use std::{fs, path::Path};

use crate::{image::NAME, tree::TreeError};

/// Files that name the image.
const PLACES: [&str; 3] = ["deploy/deployment.yaml", "deploy/worker.yaml", "docs/backups.md"];

/// Those files as they should be, by path from the root of the repository.
pub(crate) fn files(root: &Path) -> Result<Vec<(String, String)>, TreeError> {
    let moved = |path: &&str| {
        let text = fs::read_to_string(root.join(path)).map_err(|io| TreeError {
            path: (*path).to_owned(),
            io,
        })?;
        Ok(((*path).to_owned(), with_version(&text, env!("CARGO_PKG_VERSION"))))
    };
    PLACES.iter().map(moved).collect()
}

/// The text with this version behind each name of the image.
fn with_version(text: &str, version: &str) -> String {
    let name = format!("{NAME}:");
    let mut parts = text.split(name.as_str());
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |so_far, rest| {
        let is_of_version = |character: char| character.is_ascii_alphanumeric() || ".-+".contains(character);
        let rest = if rest.starts_with(|first: char| first.is_ascii_digit()) {
            format!("{version}{}", rest.trim_start_matches(is_of_version))
        } else {
            rest.to_owned()
        };
        so_far + &name + &rest
    })
}

#[cfg(test)]
mod tests {
    use super::with_version;

    #[test]
    fn each_image_gets_the_version_and_nothing_else_is_touched() {
        let text = "image: ace-operator:0.1.0\nCOPY --from=ace-operator:0.2.0-rc.1 /ace-operator /x\nServiceAccount ace-system:ace-operator: 1\n";
        let moved = "image: ace-operator:1.2.3\nCOPY --from=ace-operator:1.2.3 /ace-operator /x\nServiceAccount ace-system:ace-operator: 1\n";
        assert_eq!(with_version(text, "1.2.3"), moved);
    }
}
