//! Deno's configuration for one deployment: its own import map, with the platform's stand-in for std's `serve`.
//!
//! A generated file outside the deployment is used instead of the deployment's own, because the stand-in must be put
//! into it and because nothing else that a `deno.json` may say (lock file, vendor folder, tasks) holds on the platform.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Component, Path, PathBuf};

use jsonc_parser::{ParseOptions, parse_to_serde_value};
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use super::deployment::Deployment;

/// What a URL parser would not read as part of a path.
const IN_PATH: &AsciiSet = &CONTROLS.add(b' ').add(b'%').add(b'?').add(b'#');
const STD: &str = "https://deno.land/std";
const STD_SERVER: &str = "/http/server.ts";
const SOURCES: [&str; 8] = ["ts", "tsx", "mts", "js", "jsx", "mjs", "json", "jsonc"];

/// Why there is no configuration.
#[derive(Debug, thiserror::Error)]
pub(super) enum ImportsError {
    /// The deployment's import map is no JSON, or not of the right shape.
    #[error("{message}")]
    Map { path: PathBuf, message: String },
    /// Its files can't be read, or ours not be written.
    #[error("failed to prepare the import map")]
    Io(#[from] io::Error),
}

/// `file:` URL of an absolute path.
pub(super) fn file_url(path: &Path) -> String {
    format!("file://{}", utf8_percent_encode(&path.to_string_lossy(), IN_PATH))
}

/// Writes the configuration below `folder`, named by its content, and says where.
pub(super) fn write(deployment: &Deployment, folder: &Path, stand_in: &Path) -> Result<PathBuf, ImportsError> {
    let text = configuration(deployment, &file_url(stand_in))?.to_string();
    let path = folder.join(format!("{}.json", &hex::encode(Sha256::digest(&text))[..32]));
    if !path.exists() {
        let fresh = folder.join(format!("{}.tmp", uuid::Uuid::new_v4()));
        fs::write(&fresh, text)?;
        fs::rename(&fresh, &path)?;
    }
    Ok(path)
}

fn configuration(deployment: &Deployment, stand_in: &str) -> Result<Value, ImportsError> {
    let mut specifiers = BTreeSet::new();
    collect_std_servers(&deployment.root, &mut specifiers)?;
    let own = deployment
        .import_map
        .as_ref()
        .map(|path| deployment.root.join(path))
        .filter(|path| path.is_file());
    let (mut imports, mut scopes, mut options) = (Map::new(), Map::new(), Value::Null);
    if let Some(path) = own {
        let config = read(&path)?;
        options = config.get("compilerOptions").cloned().unwrap_or_default();
        let (map, path) = match config.get("importMap").and_then(Value::as_str) {
            Some(reference) if !config.contains_key("imports") => {
                let path = join(&path, reference);
                (read(&path)?, path)
            }
            _ => (config, path),
        };
        imports = absolute_entries(map.get("imports"), &path);
        if let Some(Value::Object(entries)) = map.get("scopes") {
            scopes = entries
                .iter()
                .map(|(prefix, entries)| (absolute(prefix, &path), absolute_entries(Some(entries), &path).into()))
                .collect();
        }
    }
    stand_in_for_std(&mut imports, specifiers, stand_in);
    let mut configuration = json!({ "imports": imports, "scopes": scopes });
    if options.is_object() {
        configuration["compilerOptions"] = options;
    }
    Ok(configuration)
}

/// Import maps match exactly, so each way to name std's server gets an entry of its own.
fn stand_in_for_std(imports: &mut Map<String, Value>, specifiers: BTreeSet<String>, stand_in: &str) {
    let mapped: Vec<String> = imports
        .iter()
        .filter_map(|(name, address)| {
            let address = address.as_str()?.strip_prefix(STD)?;
            let is_server = address.ends_with(STD_SERVER);
            let reaches_server = name.ends_with('/') && address.matches('/').count() == 1 && address.ends_with('/');
            let in_http = name.ends_with('/') && address.ends_with("/http/");
            match () {
                () if is_server => Some(name.clone()),
                () if reaches_server => Some(format!("{name}http/server.ts")),
                () if in_http => Some(format!("{name}server.ts")),
                () => None,
            }
        })
        .collect();
    for name in mapped.into_iter().chain(specifiers) {
        imports.insert(name, Value::from(stand_in));
    }
}

fn read(path: &Path) -> Result<Map<String, Value>, ImportsError> {
    let text = fs::read_to_string(path)?;
    parse_to_serde_value(&text, &ParseOptions::default()).map_err(|error| ImportsError::Map {
        path: path.to_owned(),
        message: error.to_string(),
    })
}

fn absolute_entries(entries: Option<&Value>, map: &Path) -> Map<String, Value> {
    let Some(Value::Object(entries)) = entries else {
        return Map::new();
    };
    entries
        .iter()
        .map(|(name, address)| {
            let address = match address {
                Value::String(address) => Value::from(absolute(address, map)),
                other => other.clone(),
            };
            (absolute(name, map), address)
        })
        .collect()
}

/// A name that is relative to the map, as a URL; any other unchanged.
fn absolute(name: &str, map: &Path) -> String {
    let relative = ["./", "../", "/"].iter().any(|start| name.starts_with(start));
    if !relative {
        return name.to_owned();
    }
    let slash = if name.ends_with('/') { "/" } else { "" };
    format!("{}{slash}", file_url(&join(map, name)))
}

/// `reference` as seen from the folder of `file`, without `.` and `..`.
fn join(file: &Path, reference: &str) -> PathBuf {
    let mut path = file.parent().unwrap_or(file).to_owned();
    for component in Path::new(reference).components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir => {
                path.pop();
            }
            other => path.push(other),
        }
    }
    path
}

/// Every `https://deno.land/std…/http/server.ts` that a source names.
fn collect_std_servers(folder: &Path, found: &mut BTreeSet<String>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let path = entry.path();
        if entry.file_type()?.is_dir() {
            collect_std_servers(&path, found)?;
        } else if path
            .extension()
            .is_some_and(|end| SOURCES.iter().any(|source| end == *source))
        {
            found.extend(std_servers(&String::from_utf8_lossy(&fs::read(&path)?)).map(str::to_owned));
        }
    }
    Ok(())
}

fn std_servers(text: &str) -> impl Iterator<Item = &str> {
    text.match_indices(STD).filter_map(move |(start, _)| {
        let rest = &text[start..];
        let specifier = &rest[..rest.find(['"', '\'', '`', '\n'])?];
        specifier.ends_with(STD_SERVER).then_some(specifier)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn deployment(files: &[(&str, &str)], import_map: Option<&str>) -> (tempfile::TempDir, Deployment) {
        let folder = tempfile::tempdir().expect("a folder");
        for (path, text) in files {
            let path = folder.path().join(path);
            fs::create_dir_all(path.parent().expect("a parent")).expect("folders");
            fs::write(path, text).expect("a file");
        }
        let deployment = Deployment {
            project: "p".into(),
            slug: "f".into(),
            id: uuid::Uuid::nil(),
            version: 1,
            root: folder.path().into(),
            entrypoint: "source/f/index.ts".into(),
            import_map: import_map.map(PathBuf::from),
            environment: std::collections::BTreeMap::new(),
        };
        (folder, deployment)
    }

    #[test]
    fn std_serve_has_a_stand_in_under_every_name_that_reaches_it() {
        let files = [
            (
                "source/f/index.ts",
                "import { serve } from 'https://deno.land/std@0.168.0/http/server.ts';",
            ),
            (
                "source/f/deno.json",
                r#"{"imports": {"std/": "https://deno.land/std@0.177.0/", "x": "npm:x"}}"#,
            ),
        ];
        let (_folder, deployment) = deployment(&files, Some("source/f/deno.json"));
        let expected = json!({"imports": {
            "https://deno.land/std@0.168.0/http/server.ts": "file:///s.js",
            "std/": "https://deno.land/std@0.177.0/",
            "std/http/server.ts": "file:///s.js",
            "x": "npm:x",
        }, "scopes": {}});
        assert_eq!(
            configuration(&deployment, "file:///s.js").expect("a configuration"),
            expected
        );
    }

    #[test]
    fn addresses_are_seen_from_the_map_that_a_configuration_refers_to() {
        let files = [
            (
                "source/f/deno.jsonc",
                "{ // comments are fine\n \"importMap\": \"../maps/all.json\", }",
            ),
            (
                "source/maps/all.json",
                r#"{"imports": {"@shared/": "../_shared/"}, "scopes": {"./": {"a": "./b.ts"}}}"#,
            ),
        ];
        let (folder, deployment) = deployment(&files, Some("source/f/deno.jsonc"));
        let at = |path: &str| format!("{}/{path}", file_url(folder.path()));
        let expected = json!({
            "imports": {"@shared/": at("source/_shared/")},
            "scopes": {at("source/maps/"): {"a": at("source/maps/b.ts")}},
        });
        assert_eq!(
            configuration(&deployment, "file:///s.js").expect("a configuration"),
            expected
        );
    }

    #[test]
    fn a_map_that_does_not_parse_is_the_deployments_fault() {
        let (folder, deployment) = deployment(&[("source/import_map.json", "{")], Some("source/import_map.json"));
        let error = configuration(&deployment, "file:///s.js").expect_err("no configuration");
        let ImportsError::Map { path, .. } = error else {
            panic!("{error:?}")
        };
        assert_eq!(path, folder.path().join("source/import_map.json"));
    }
}
