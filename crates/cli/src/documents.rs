//! The objects of one kind in a file, and the Platforms beside them.

use std::io::Read as _;
use std::path::Path;
use std::{fs, io};

use ace_api::Platform;
use kube::{Resource, ResourceExt};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::plan::PlanError;

/// The objects of a manifest.
pub(crate) struct Documents<K> {
    objects: Vec<K>,
    platforms: Vec<Platform>,
}

impl<K: Resource<DynamicType = ()> + DeserializeOwned> Documents<K> {
    pub(crate) fn read(path: &Path) -> Result<Self, PlanError> {
        let mut text = String::new();
        let read = if path == Path::new("-") {
            io::stdin().read_to_string(&mut text).map(|_| ())
        } else {
            fs::read_to_string(path).map(|content| text = content)
        };
        read.map_err(|error| PlanError::Manifest {
            path: path.to_owned(),
            error,
        })?;
        let document = |document: usize, cause: String| PlanError::Document {
            path: path.to_owned(),
            document,
            cause,
        };
        let documents: Vec<Value> = serde_yaml::from_multiple(&text).map_err(|error| document(1, error.to_string()))?;
        let mut read = Self {
            objects: Vec::new(),
            platforms: Vec::new(),
        };
        for (number, value) in (1..).zip(documents) {
            let api = format!("{}/{}", ace_api::GROUP, ace_api::VERSION);
            if value.get("apiVersion").is_none_or(|version| *version != api) {
                continue;
            }
            match value.get("kind").and_then(Value::as_str) {
                Some("Platform") => read
                    .platforms
                    .push(parsed(value).map_err(|cause| document(number, cause))?),
                Some(kind) if kind == K::kind(&()) => read
                    .objects
                    .push(parsed(value).map_err(|cause| document(number, cause))?),
                _ => {}
            }
        }
        Ok(read)
    }

    /// The only object of the kind, or the one of that name, with the Platforms of the manifest.
    pub(crate) fn choose(self, path: &Path, name: Option<&str>) -> Result<(K, Vec<Platform>), PlanError> {
        let (kind, all) = (K::kind(&()), self.objects.len());
        let wanted = |object: &K| name.is_none_or(|name| object.name_any() == name);
        let mut objects: Vec<_> = self.objects.into_iter().filter(wanted).collect();
        let refused = |found: String, instead| PlanError::WhichObject {
            path: path.to_owned(),
            found,
            instead,
        };
        match (objects.pop(), objects.is_empty(), name) {
            (Some(object), true, _) => Ok((object, self.platforms)),
            (Some(_), false, None) => Err(refused(format!("{all} {kind}s"), "pass the name of one")),
            (Some(_), false, Some(name)) => Err(refused(format!("several {kind}s called {name}"), "keep one of them")),
            (None, _, Some(name)) => Err(refused(
                format!("no {kind} called {name}"),
                "pass the name of one that is in it",
            )),
            (None, _, None) => Err(refused(format!("no {kind}"), "pass a manifest that has one")),
        }
    }
}

fn parsed<K: DeserializeOwned>(value: Value) -> Result<K, String> {
    serde_json::from_value(value).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use ace_api::{LocalReference, MigrationSet};
    use kube::ResourceExt;
    use serde_json::json;

    use super::Documents;

    /// Names of the sets in a manifest, the requested name, and the result.
    type Case = (
        &'static [&'static str],
        Option<&'static str>,
        Result<&'static str, &'static str>,
    );

    fn set(name: &str) -> MigrationSet {
        let spec = json!({ "platformRef": LocalReference { name: "prod".to_owned() }, "source": { "kind": "ConfigMap", "name": "files" } });
        MigrationSet::new(name, serde_json::from_value(spec).unwrap())
    }

    #[test]
    fn of_several_sets_the_one_that_is_named_is_meant() {
        let cases: [Case; 6] = [
            (&["main"], None, Ok("main")),
            (&["main", "other"], Some("other"), Ok("other")),
            (
                &["main"],
                Some("other"),
                Err("x.yaml has no MigrationSet called other; pass the name of one that is in it"),
            ),
            (
                &["main", "other"],
                None,
                Err("x.yaml has 2 MigrationSets; pass the name of one"),
            ),
            (
                &["main", "main"],
                Some("main"),
                Err("x.yaml has several MigrationSets called main; keep one of them"),
            ),
            (
                &[],
                None,
                Err("x.yaml has no MigrationSet; pass a manifest that has one"),
            ),
        ];
        for (names, name, expected) in cases {
            let manifest = Documents {
                objects: names.iter().map(|name| set(name)).collect(),
                platforms: Vec::new(),
            };
            let chosen = manifest.choose(Path::new("x.yaml"), name);
            let chosen = chosen.map(|(set, _)| set.name_any()).map_err(|error| error.to_string());
            assert_eq!(chosen.as_deref().map_err(String::as_str), expected);
        }
    }
}
