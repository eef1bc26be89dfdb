//! `crds/`: one file per kind, and the kustomization that lists them.

use serde_json::{Value, json};

use crate::yaml;

/// The custom resource definitions as values, in the order of `ace_api::crds`.
pub fn definitions() -> Vec<Value> {
    ace_api::crds().iter().map(|crd| whole_numbers(json!(crd))).collect()
}

/// Bounds are floats in the types of Kubernetes, and whole numbers in everybody's YAML.
fn whole_numbers(value: Value) -> Value {
    match value {
        Value::Object(fields) => Value::Object(
            fields
                .into_iter()
                .map(|(name, field)| (name, whole_numbers(field)))
                .collect(),
        ),
        Value::Array(items) => items.into_iter().map(whole_numbers).collect(),
        Value::Number(number) => match number.as_f64() {
            // Beyond 2^53 a float can't tell neighbours apart; no bound of ours comes near.
            #[allow(clippy::cast_possible_truncation, reason = "it has no fraction and is small")]
            Some(float) if number.is_f64() && float.fract() == 0.0 && float.abs() < 9e15 => json!(float as i64),
            _ => Value::Number(number),
        },
        other => other,
    }
}

/// Files by path from the root of the repository.
pub(crate) fn files() -> Vec<(String, String)> {
    let mut files: Vec<(String, String)> = definitions()
        .into_iter()
        .map(|definition| (format!("crds/{}", file_name(&definition)), yaml::file([definition])))
        .collect();
    let resources: Vec<String> = definitions().iter().map(file_name).collect();
    let kustomization = json!({
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "resources": resources,
    });
    files.push(("crds/kustomization.yaml".to_owned(), yaml::file([kustomization])));
    files
}

/// `<plural>.<group>.yaml`.
fn file_name(definition: &Value) -> String {
    let name = definition["metadata"]["name"]
        .as_str()
        .expect("a definition has a name");
    format!("{name}.yaml")
}
