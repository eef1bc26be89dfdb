//! Which fields of our kinds name other objects, for kustomize: where it makes a name, the references follow.

use ace_api::{CARRIERS, GROUP, KINDS, KindEntry, Target};
use serde_json::{Value, json};

use crate::yaml;

/// Files by path from the root of the repository.
pub(crate) fn files() -> Vec<(String, String)> {
    let configuration = json!({ "nameReference": name_references() });
    vec![(
        "deploy/components/name-references/name-reference.yaml".to_owned(),
        yaml::file([configuration]),
    )]
}

fn name_references() -> Vec<Value> {
    let carriers = CARRIERS.iter().map(|carrier| {
        let named = if carrier.right.group.is_empty() {
            json!({ "kind": carrier.kind, "version": "v1" })
        } else {
            json!({ "kind": carrier.kind, "group": carrier.right.group })
        };
        (named, Target::Source)
    });
    let own = KINDS
        .iter()
        .map(|kind| (json!({ "kind": kind.name, "group": GROUP }), Target::Kind(kind.name)));
    let secret = [(json!({ "kind": "Secret", "version": "v1" }), Target::Secret)];
    carriers
        .chain(own)
        .chain(secret)
        .filter_map(|(mut named, target)| {
            let fields: Vec<Value> = KINDS.iter().flat_map(|kind| fields(kind, target)).collect();
            named["fieldSpecs"] = json!(fields);
            // An object that nothing names has no entry.
            (!fields.is_empty()).then_some(named)
        })
        .collect()
}

/// The fields of a kind that name `target`.
fn fields(kind: &KindEntry, target: Target) -> impl Iterator<Item = Value> {
    let references = kind
        .references
        .iter()
        .filter(move |reference| reference.target == target);
    references.map(|reference| {
        let path = reference.path.replace('.', "/");
        json!({ "group": GROUP, "kind": kind.name, "path": path })
    })
}
