//! The kinds: served, and by definitions that have everything that this operator writes and reads.

use std::collections::BTreeSet;

use ace_api::{GROUP, KindEntry, Process, VERSION, crds};
use http::Request;
use kube::{Client, Error};
use serde_json::Value;

use super::{APPLY, Finding, Problem};

/// Fields that every object has, and that no definition of ours describes.
const OF_KUBERNETES: [&str; 3] = ["apiVersion", "kind", "metadata"];

fn kinds(processes: &[Process]) -> BTreeSet<&'static str> {
    let all = processes
        .iter()
        .flat_map(|process| process.kinds().chain(process.reads()));
    all.map(|kind: &KindEntry| kind.name).collect()
}

/// Whether the API server serves the kinds of these processes.
pub(super) async fn served(client: &Client, processes: &[Process]) -> Vec<Finding> {
    let of = format!("the kinds of {GROUP}/{VERSION} are served");
    let served = match client.list_api_group_resources(&format!("{GROUP}/{VERSION}")).await {
        Ok(served) => served.resources,
        Err(Error::Api(status)) if status.code == 404 => Vec::new(),
        Err(error) => return vec![Finding::unanswered(of, &error)],
    };
    let missing: Vec<&str> = kinds(processes)
        .into_iter()
        .filter(|kind| !served.iter().any(|resource| resource.kind == *kind))
        .collect();
    let problem = (!missing.is_empty()).then(|| Problem {
        said: format!("there is no definition of {}", missing.join(", ")),
        mend: format!("install the definitions: {APPLY}"),
    });
    vec![Finding::of(of, problem)]
}

/// Whether the definitions that are served have every field and word of this operator's own. A field that they have not is dropped
/// without a word from what is written.
pub(super) async fn current(client: &Client, processes: &[Process]) -> Finding {
    let of = "the definitions are those of this operator, or newer";
    let path = format!("/openapi/v3/apis/{GROUP}/{VERSION}");
    let request = match Request::get(path).header("Accept", "application/json").body(Vec::new()) {
        Ok(request) => request,
        Err(error) => return Finding::unanswered(of, &Error::HttpError(error)),
    };
    let document: Value = match client.request(request).await {
        Ok(document) => document,
        Err(error) => return Finding::unanswered(of, &error),
    };
    let problem = older(&document, &kinds(processes)).map(|(kind, field)| Problem {
        said: format!("that of {kind} is older than this operator: it lacks `{field}`"),
        mend: format!(
            "install the definitions of version {}: {APPLY}",
            env!("CARGO_PKG_VERSION")
        ),
    });
    Finding::of(of, problem)
}

/// The first kind whose served schema lacks something, and what.
fn older(document: &Value, kinds: &BTreeSet<&str>) -> Option<(String, String)> {
    let schemas = document.pointer("/components/schemas")?.as_object()?;
    crds().into_iter().find_map(|definition| {
        let kind = definition.spec.names.kind;
        if !kinds.contains(kind.as_str()) {
            return None;
        }
        let schema = definition
            .spec
            .versions
            .into_iter()
            .next()?
            .schema?
            .open_api_v3_schema?;
        let ours = serde_json::to_value(schema).ok()?;
        let served = schemas.values().find(|schema| is_of(schema, &kind))?;
        lacking(&ours, served, "").map(|field| (kind, field))
    })
}

fn is_of(schema: &Value, kind: &str) -> bool {
    let named = schema.get("x-kubernetes-group-version-kind").and_then(Value::as_array);
    let says = |one: &Value, field: &str, word: &str| one.get(field).is_some_and(|said| said == word);
    named.is_some_and(|all| {
        all.iter()
            .any(|one| says(one, "kind", kind) && says(one, "group", GROUP))
    })
}

/// The first field or word of `ours` that `served` has not.
fn lacking(ours: &Value, served: &Value, path: &str) -> Option<String> {
    if let Some(words) = ours.get("enum").and_then(Value::as_array) {
        let there = served.get("enum").and_then(Value::as_array);
        let unknown = |word: &&Value| there.is_some_and(|there| !there.contains(word));
        if let Some(word) = words.iter().find(unknown) {
            return Some(format!("{path}: {}", word.as_str().unwrap_or_default()));
        }
    }
    for inner in ["items", "additionalProperties"] {
        let Some(schema) = ours.get(inner).filter(|schema| schema.is_object()) else {
            continue;
        };
        let there = served.get(inner).unwrap_or(&Value::Null);
        if let Some(field) = lacking(schema, there, path) {
            return Some(field);
        }
    }
    let fields = ours.get("properties").and_then(Value::as_object)?;
    fields.iter().find_map(|(name, schema)| {
        if path.is_empty() && OF_KUBERNETES.contains(&name.as_str()) {
            return None;
        }
        let path = if path.is_empty() {
            name.clone()
        } else {
            format!("{path}.{name}")
        };
        match served.get("properties").and_then(|there| there.get(name)) {
            None => Some(path),
            Some(there) => lacking(schema, there, &path),
        }
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use ace_api::{GROUP, KINDS, crds};
    use serde_json::{Value, json};

    use super::older;

    /// What a server publishes that has the definitions of this operator, with one change.
    fn published(change: impl Fn(&mut Value)) -> Value {
        let schemas = crds().into_iter().map(|definition| {
            let kind = definition.spec.names.kind.clone();
            let mut schema = json!(definition.spec.versions[0].schema.as_ref().unwrap().open_api_v3_schema);
            schema["x-kubernetes-group-version-kind"] =
                json!([{ "group": GROUP, "kind": kind, "version": "v1alpha1" }]);
            if kind == "EdgeFunction" {
                change(&mut schema);
            }
            (format!("com.mobulace.ops.v1alpha1.{kind}"), schema)
        });
        json!({ "components": { "schemas": schemas.collect::<serde_json::Map<_, _>>() } })
    }

    fn found(change: impl Fn(&mut Value)) -> Option<(String, String)> {
        let kinds: BTreeSet<&str> = KINDS.iter().map(|kind| kind.name).collect();
        older(&published(change), &kinds)
    }

    fn without(path: &str, name: &str) -> Option<(String, String)> {
        found(|schema| {
            let fields = schema.pointer_mut(path).unwrap().as_object_mut().unwrap();
            fields.remove(name).unwrap();
        })
    }

    #[test]
    fn definitions_that_have_more_are_no_older() {
        assert_eq!(found(|_| ()), None);
        assert_eq!(
            found(|schema| schema["properties"]["spec"]["properties"]["later"] = json!({})),
            None
        );
    }

    #[test]
    fn the_field_or_word_that_is_missing_is_named() {
        let of_function = |field: &str| Some(("EdgeFunction".to_owned(), field.to_owned()));
        assert_eq!(
            without("/properties/status/properties", "intent"),
            of_function("status.intent")
        );
        assert_eq!(
            without("/properties/status/properties/history/items/properties", "type"),
            of_function("status.history.type")
        );
        let fewer = found(|schema| schema["properties"]["spec"]["properties"]["mode"]["enum"] = json!(["Enforce"]));
        let (kind, field) = fewer.unwrap();
        assert!(kind == "EdgeFunction" && field.starts_with("spec.mode: "), "{field}");
    }

    #[test]
    fn a_kind_that_nobody_here_reads_is_not_looked_at() {
        let document = published(|schema| schema["properties"] = json!({}));
        assert_eq!(older(&document, &BTreeSet::from(["Platform"])), None);
    }
}
