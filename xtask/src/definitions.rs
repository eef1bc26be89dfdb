//! `crds/`: one file per kind, and the kustomization that lists them.

use serde_json::{Value, json};

use crate::yaml;

/// The custom resource definitions as values, in the order of `ace_api::crds`.
pub fn definitions() -> Vec<Value> {
    ace_api::crds().iter().map(|crd| json!(crd)).collect()
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
