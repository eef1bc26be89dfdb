//! What each release left on API servers, `tests/upgrade/VERSION/`: its definitions, and objects with every field and value that they
//! allow. Later versions are held to them.

mod breaks;
mod filled;

#[cfg(test)]
mod tests;

use std::{fs, io, path::Path};

use serde_json::Value;

use crate::{definitions::definitions, yaml};

/// Folder of the releases.
const FOLDER: &str = "tests/upgrade";
const DEFINITIONS: &str = "definitions.yaml";
const OBJECTS: &str = "objects.yaml";
/// First line of each file.
const HEADER: &str = "# Made by `cargo xtask record` when this version was released; it stays as it is.\n";

/// What one release left.
#[derive(Debug)]
pub struct Release {
    pub version: String,
    pub definitions: Vec<Value>,
    pub objects: Vec<Value>,
}

/// The releases that are recorded.
pub fn releases(root: &Path) -> io::Result<Vec<Release>> {
    let mut releases = Vec::new();
    for entry in fs::read_dir(root.join(FOLDER))? {
        let folder = entry?.path();
        let read = |file: &str| {
            let text = fs::read_to_string(folder.join(file))?;
            serde_yaml::from_multiple::<Value>(&text).map_err(io::Error::other)
        };
        releases.push(Release {
            version: folder.file_name().unwrap_or_default().to_string_lossy().into_owned(),
            definitions: read(DEFINITIONS)?,
            objects: read(OBJECTS)?,
        });
    }
    releases.sort_by(|one, other| one.version.cmp(&other.version));
    Ok(releases)
}

/// Records the definitions of today as those of this version.
pub fn record(root: &Path, version: &str) -> io::Result<()> {
    let folder = root.join(FOLDER).join(version);
    fs::create_dir_all(&folder)?;
    let definitions = definitions().into_iter().map(undescribed);
    let definitions: Vec<Value> = definitions.collect();
    let objects: Vec<Value> = definitions.iter().flat_map(filled::filled).collect();
    fs::write(folder.join(DEFINITIONS), yaml::headed(HEADER, definitions))?;
    fs::write(folder.join(OBJECTS), yaml::headed(HEADER, objects))
}

/// Without the descriptions, which bind nobody.
fn undescribed(value: Value) -> Value {
    match value {
        Value::Object(fields) => {
            let fields = fields.into_iter();
            let binding = fields.filter(|(name, field)| name != "description" || !field.is_string());
            binding.map(|(name, field)| (name, undescribed(field))).collect()
        }
        Value::Array(items) => items.into_iter().map(undescribed).collect(),
        other => other,
    }
}

/// What objects of the releases would meet in the definitions of today, a line each.
pub fn breaks(root: &Path) -> io::Result<Vec<String>> {
    let today = definitions();
    let mut found = Vec::new();
    for release in releases(root)? {
        for before in &release.definitions {
            let name = &before["metadata"]["name"];
            let lines = match today.iter().find(|now| now["metadata"]["name"] == *name) {
                Some(now) => breaks::breaks(before, now),
                None => vec![format!("{}: the definition is gone", name.as_str().unwrap_or_default())],
            };
            found.extend(
                lines
                    .into_iter()
                    .map(|line| format!("since {}: {line}", release.version)),
            );
        }
    }
    Ok(found)
}
