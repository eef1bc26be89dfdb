use std::collections::BTreeSet;

use serde_json::Value;

use super::{DEFINITIONS, files};

const SCHEMA: &str = include_str!("../../../charts/ace-ops/values.schema.json");
/// What Kubernetes describes: as a whole it is passed on.
const OF_KUBERNETES: [&str; 4] = ["nodeAffinity", "podAffinity", "podAntiAffinity", "labelSelector"];

fn content(path: &str) -> String {
    let found = files().into_iter().find(|(name, _)| name == path);
    found.unwrap_or_else(|| panic!("{path} is made")).1
}

/// Calls `look` for each schema below, with the name that it has.
fn each<'a>(name: &'a str, schema: &'a Value, look: &mut impl FnMut(&'a str, &'a Value)) {
    look(name, schema);
    for group in ["properties", "$defs"] {
        for (name, schema) in schema[group].as_object().into_iter().flatten() {
            each(name, schema, look);
        }
    }
    for one in ["items", "additionalProperties"] {
        if schema[one].is_object() {
            each(name, &schema[one], look);
        }
    }
}

#[test]
fn every_object_of_the_values_is_closed() {
    let schema: Value = serde_json::from_str(SCHEMA).unwrap();
    let mut open = BTreeSet::new();
    each("", &schema, &mut |name, schema| {
        let is_closed = schema["additionalProperties"] == false || schema["additionalProperties"].is_object();
        if schema["type"] == "object" && !is_closed {
            open.insert(name);
        }
    });
    let others: BTreeSet<&str> = OF_KUBERNETES.into_iter().chain(["global"]).collect();
    assert_eq!(open, others);
}

#[test]
fn every_value_is_described_and_has_a_default_or_is_a_group() {
    fn walk(path: &str, group: &Value) {
        for (name, value) in group["properties"].as_object().unwrap() {
            let path = format!("{path}.{name}");
            let description = value["description"].as_str().unwrap_or_default();
            assert!(description.ends_with(['.', ':']), "{path}: {description}");
            if value.get("default").is_none() {
                assert!(value["properties"].is_object(), "{path} has no default");
                walk(&path, value);
            }
        }
    }
    walk("", &serde_json::from_str(SCHEMA).unwrap());
}

#[test]
fn the_values_are_the_defaults_of_the_schema() {
    fn defaults(group: &Value) -> Value {
        let values = group["properties"].as_object().unwrap().iter();
        let default = |value: &Value| value.get("default").cloned().unwrap_or_else(|| defaults(value));
        values.map(|(name, value)| (name.clone(), default(value))).collect()
    }
    let values: Value = serde_yaml::from_str(&content("charts/ace-ops/values.yaml")).unwrap();
    assert_eq!(values, defaults(&serde_json::from_str(SCHEMA).unwrap()));
}

#[test]
fn a_definition_is_kept_whatever_the_values_say() {
    let definitions: Vec<_> = files()
        .into_iter()
        .filter(|(path, _)| path.starts_with(DEFINITIONS))
        .collect();
    assert_eq!(definitions.len(), ace_api::KINDS.len());
    for (path, text) in definitions {
        assert!(text.contains("\n    helm.sh/resource-policy: keep\n"), "{path}");
        // One condition, whether it is there at all.
        let conditions: Vec<&str> = text.lines().filter(|line| line.contains("{{- if")).collect();
        assert_eq!(conditions, ["{{- if .Values.crds.enabled }}"], "{path}");
    }
}

#[test]
fn the_version_is_that_of_the_workspace() {
    let workspace = include_str!("../../../Cargo.toml");
    let version = workspace.lines().find_map(|line| line.strip_prefix("version = "));
    let version = version.unwrap().trim_matches('"');
    let chart: Value = serde_yaml::from_str(&content("charts/ace-ops/Chart.yaml")).unwrap();
    assert_eq!(
        (&chart["version"], &chart["appVersion"]),
        (&version.into(), &version.into())
    );
}
