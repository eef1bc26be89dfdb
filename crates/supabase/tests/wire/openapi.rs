//! Requests against the official OpenAPI document, which is not ours to commit: where it is absent, this check says so.

use std::path::PathBuf;
use std::sync::{LazyLock, Once};

use futures::FutureExt;
use serde_json::{Map, Value, json};

use crate::server::Seen;

static DOCUMENT: LazyLock<Option<Value>> = LazyLock::new(|| {
    let default =
        || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/supabase-management-openapi.json");
    let path = std::env::var_os("SUPABASE_OPENAPI").map_or_else(default, PathBuf::from);
    let text = std::fs::read_to_string(path).ok()?;
    Some(serde_json::from_str(&text).expect("the OpenAPI document is JSON"))
});

/// Fails the test if the document does not allow this request.
pub(crate) fn check(request: &Seen) {
    static SAID: Once = Once::new();
    let Some(document) = &*DOCUMENT else {
        SAID.call_once(|| eprintln!("skipped: no OpenAPI document (SUPABASE_OPENAPI) to check requests against"));
        return;
    };
    if let Some(problem) = problem(document, request) {
        panic!("{}: {problem}", request.line);
    }
}

fn problem(document: &Value, request: &Seen) -> Option<String> {
    let (method, target) = request.line.split_once(' ')?;
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let Some((operation, path_values)) = operation(document, &method.to_lowercase(), path) else {
        return Some("no such operation".into());
    };
    let none = Vec::new();
    let parameters = operation["parameters"].as_array().unwrap_or(&none);
    let query: Vec<(String, String)> = reqwest::Url::parse(&format!("http://x/?{query}"))
        .unwrap()
        .query_pairs()
        .into_owned()
        .collect();
    for (name, _) in &query {
        if !parameters
            .iter()
            .any(|parameter| parameter["in"] == "query" && parameter["name"] == *name)
        {
            return Some(format!("query parameter {name} is not in the document"));
        }
    }
    for parameter in parameters {
        let name = parameter["name"].as_str().unwrap();
        let given: Vec<Value> = match parameter["in"].as_str().unwrap() {
            "path" => path_values
                .iter()
                .filter(|(key, _)| key == name)
                .map(|(_, value)| json!(value))
                .collect(),
            "query" => query
                .iter()
                .filter(|(key, _)| key == name)
                .map(|(_, value)| json!(value))
                .collect(),
            _ => continue,
        };
        if given.is_empty() {
            if parameter["required"] == true {
                return Some(format!("parameter {name} is missing"));
            }
            continue;
        }
        let value = if parameter["schema"]["type"] == "array" {
            json!(given)
        } else {
            given[0].clone()
        };
        if let Some(problem) = mismatch(document, &parameter["schema"], &value) {
            return Some(format!("parameter {name}: {problem}"));
        }
    }
    body_problem(document, operation, request)
}

fn body_problem(document: &Value, operation: &Value, request: &Seen) -> Option<String> {
    let Some(content) = operation["requestBody"]["content"].as_object() else {
        return (!request.body.is_empty()).then(|| "a body where the document has none".into());
    };
    let content_type = request.header("content-type").unwrap_or_default();
    let essence = content_type.split(';').next().unwrap_or_default();
    let Some(schema) = content.get(essence).map(|entry| &entry["schema"]) else {
        return Some(format!("the document takes no {essence:?}"));
    };
    let body = match essence {
        "application/json" => serde_json::from_slice(&request.body).unwrap(),
        "multipart/form-data" => form(content_type, request),
        other => return Some(format!("this check cannot read {other}")),
    };
    undeclared(document, schema, &body).or_else(|| mismatch(document, schema, &body))
}

/// The operation of a path, with the values of the path's parameters.
fn operation<'a>(document: &'a Value, method: &str, path: &str) -> Option<(&'a Value, Vec<(String, String)>)> {
    let given: Vec<&str> = path.split('/').collect();
    let matches = document["paths"].as_object()?.iter().filter_map(|(template, methods)| {
        let wanted: Vec<&str> = template.split('/').collect();
        let mut values = Vec::new();
        let same = wanted.len() == given.len()
            && wanted.iter().zip(&given).all(|(wanted, given)| {
                match wanted.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')) {
                    Some(name) => {
                        values.push((name.to_owned(), (*given).to_owned()));
                        true
                    }
                    None => wanted == given,
                }
            });
        (same && methods.get(method).is_some()).then(|| (&methods[method], values))
    });
    // `…/functions/deploy` is a path of its own as well as a slug: the one with fewer parameters is meant.
    matches.min_by_key(|(_, values)| values.len())
}

fn mismatch(document: &Value, schema: &Value, value: &Value) -> Option<String> {
    // References point into the document, so its components travel with the schema.
    let whole = json!({ "allOf": [schema], "components": document["components"] });
    let validator = jsonschema::validator_for(&whole).expect("the document's schemas are schemas");
    validator
        .iter_errors(value)
        .next()
        .map(|error| format!("{error} at {}", error.instance_path()))
}

/// A property that the document does not have: its schemas are open, our requests are not.
fn undeclared(document: &Value, schema: &Value, value: &Value) -> Option<String> {
    let schema = match schema["$ref"].as_str() {
        Some(reference) => document.pointer(reference.strip_prefix('#')?)?,
        None => schema,
    };
    let declared = schema["properties"].as_object()?;
    value
        .as_object()?
        .iter()
        .find_map(|(name, value)| match declared.get(name) {
            None => Some(format!("property {name} is not in the document")),
            Some(schema) => undeclared(document, schema, value),
        })
}

/// A multipart body as the object that its schema describes: files as a list, metadata as JSON.
fn form(content_type: &str, request: &Seen) -> Value {
    let boundary = multer::parse_boundary(content_type).unwrap();
    let whole = futures::stream::iter([Ok::<_, std::convert::Infallible>(request.body.clone())]);
    let mut parts = multer::Multipart::new(whole, boundary);
    let mut object = Map::new();
    let reading = async {
        while let Some(part) = parts.next_field().await.unwrap() {
            let name = part.name().unwrap().to_owned();
            let text = part.text().await.unwrap();
            if name == "metadata" {
                object.insert(name, serde_json::from_str(&text).unwrap());
            } else {
                object
                    .entry(name)
                    .or_insert(json!([]))
                    .as_array_mut()
                    .unwrap()
                    .push(json!(text));
            }
        }
    };
    reading.now_or_never().expect("the whole body is there");
    Value::Object(object)
}

#[test]
fn the_check_itself_finds_what_the_document_does_not_allow() {
    let Some(document) = &*DOCUMENT else { return };
    let request = |line: &str, body: &str| Seen {
        line: line.into(),
        headers: [("content-type".parse().unwrap(), "application/json".parse().unwrap())]
            .into_iter()
            .collect(),
        body: body.to_owned().into(),
    };
    let project = "/v1/projects/abcdefghijklmnopqrst";
    let table = [
        ("GET", "/functions", "", None),
        ("GET", "/nothing", "", Some("no such operation")),
        ("PUT", "/functions/x", "", Some("no such operation")),
        (
            "GET",
            "/functions?page=2",
            "",
            Some("query parameter page is not in the document"),
        ),
        ("GET", "/functions/a.b", "", Some("parameter function_slug: ")),
        ("GET", "/health", "", Some("parameter services is missing")),
        ("GET", "/health?services=functions", "", Some("parameter services: ")),
        ("GET", "/functions", "{}", Some("a body where the document has none")),
        ("PATCH", "/functions/x", r#"{"verify_jwt":true}"#, None),
        (
            "PATCH",
            "/functions/x",
            r#"{"verify_jwt":"yes"}"#,
            Some("\"yes\" is not of type \"boolean\""),
        ),
        (
            "PATCH",
            "/functions/x",
            r#"{"verifyJwt":true}"#,
            Some("property verifyJwt is not in the document"),
        ),
    ];
    for (method, path, body, expected) in table {
        let found = problem(document, &request(&format!("{method} {project}{path}"), body));
        let starts = |expected: &str| found.as_ref().is_some_and(|found| found.starts_with(expected));
        assert!(
            expected.map_or(found.is_none(), starts),
            "{method} {path} {body}: {found:?}"
        );
    }
}
