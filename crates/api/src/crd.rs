//! The custom resource definitions, made from the types and brought to Kubernetes' conventions.

#![allow(
    clippy::indexing_slicing,
    reason = "JSON of our own types, made when manifests are written and at the start; a test makes all of it"
)]

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use serde_json::{Value, json};

use crate::{KINDS, KindEntry, ListedReason};

/// Every custom resource definition, as it is installed.
///
/// Beyond what the types say: nothing is nullable (the API server drops nulls instead), a new object's status says
/// `observedGeneration: -1` (so that kstatus never takes it for finished), conditions carry the upstream rules, their
/// description lists the reasons, and the columns that every kind has stand behind its own.
pub fn crds() -> Vec<CustomResourceDefinition> {
    KINDS.iter().map(finished).collect()
}

fn reasons(kind: &KindEntry) -> String {
    let others = kind.conditions.iter();
    let others = others.map(|(type_, reasons)| format!(" Of `{}`: {}", type_.as_str(), listed(reasons)));
    [listed(kind.reasons)].into_iter().chain(others).collect()
}

fn listed(reasons: &[ListedReason]) -> String {
    let lines: Vec<String> = reasons
        .iter()
        .map(|reason| {
            format!(
                "`{}` ({}: {})",
                reason.name,
                reason.shown_by.as_str(),
                reason.meaning.trim_end_matches('.')
            )
        })
        .collect();
    format!("{}.", lines.join("; "))
}

fn finished(kind: &KindEntry) -> CustomResourceDefinition {
    let mut value = serde_json::to_value(kind.derived()).expect("a definition made from types is JSON");
    let meanings = meanings(kind);
    let reasons = reasons(kind);
    for version in value["spec"]["versions"]
        .as_array_mut()
        .expect("a definition has versions")
    {
        let has_suspend = version
            .pointer("/schema/openAPIV3Schema/properties/spec/properties/suspend")
            .is_some();
        version["additionalPrinterColumns"] = columns(kind, has_suspend, &version["additionalPrinterColumns"]);
        let schema = &mut version["schema"]["openAPIV3Schema"];
        tidy(schema, &meanings);
        let status = &mut schema["properties"]["status"];
        status["default"] = json!({ "observedGeneration": -1 });
        status["properties"]["observedGeneration"]["minimum"] = json!(-1);
        let conditions = &mut status["properties"]["conditions"];
        conditions["description"] = json!(format!(
            "conditions of this object. `Ready` is always present; `Reconciling`, `Stalled` and `Suspended` only while True, the first two never together. Reasons: {reasons}"
        ));
        constrain_condition(&mut conditions["items"]);
    }
    serde_json::from_value(value).expect("a tidied definition is still one")
}

/// The kind's own columns, and behind those of each priority the ones that every kind has.
fn columns(kind: &KindEntry, has_suspend: bool, own: &Value) -> Value {
    let column = |name: &str, type_: &str, path: &str| json!({ "name": name, "type": type_, "jsonPath": path });
    let condition = |name: &str, type_: &str, field: &str| {
        column(
            name,
            "string",
            &format!(".status.conditions[?(@.type==\"{type_}\")].{field}"),
        )
    };
    let wide = |mut column: Value| {
        column["priority"] = json!(1);
        column
    };
    let own = own.as_array().into_iter().flatten().cloned();
    let (own_wide, own): (Vec<Value>, Vec<Value>) = own.partition(|column| column["priority"] == 1);
    let drifted = kind.has_drift().then(|| condition("Drifted", "Drifted", "status"));
    own.into_iter()
        .chain([condition("Ready", "Ready", "status")])
        .chain(drifted)
        .chain([
            condition("Message", "Ready", "message"),
            column("Age", "date", ".metadata.creationTimestamp"),
            wide(condition("Reason", "Ready", "reason")),
        ])
        .chain(own_wide)
        .chain(has_suspend.then(|| wide(column("Suspended", "boolean", ".spec.suspend"))))
        .collect()
}

/// What controller-gen writes for `metav1.Condition` and k8s-openapi's schema leaves out.
fn constrain_condition(items: &mut Value) {
    let properties = &mut items["properties"];
    properties["type"]["maxLength"] = json!(316);
    properties["type"]["pattern"] = json!(
        r"^([a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*/)?(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])$"
    );
    properties["status"]["enum"] = json!(["True", "False", "Unknown"]);
    properties["reason"]["minLength"] = json!(1);
    properties["reason"]["maxLength"] = json!(1024);
    properties["reason"]["pattern"] = json!("^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$");
    properties["message"]["maxLength"] = json!(32768);
    properties["observedGeneration"]["minimum"] = json!(0);
}

/// Removes `nullable` and nulls in enums, and says what each value of an enum means.
fn tidy(schema: &mut Value, meanings: &[(Value, String)]) {
    match schema {
        Value::Object(fields) => {
            fields.remove("nullable");
            if let Some(Value::Array(values)) = fields.get_mut("enum") {
                values.retain(|value| !value.is_null());
            }
            let meaning = meanings.iter().find(|(words, _)| fields.get("enum") == Some(words));
            if let (Some((_, says)), Some(Value::String(description))) = (meaning, fields.get_mut("description")) {
                description.push(' ');
                description.push_str(says);
            }
            fields.values_mut().for_each(|field| tidy(field, meanings));
        }
        Value::Array(items) => items.iter_mut().for_each(|item| tidy(item, meanings)),
        _ => {}
    }
}

/// What the values of each enum mean, by the enum's values: kube keeps only the values, and `kubectl explain` should teach.
fn meanings(kind: &KindEntry) -> Vec<(Value, String)> {
    let schema = kind.schema();
    let definitions = schema.as_value()["$defs"].as_object().into_iter().flatten();
    let enums = definitions.filter_map(|(_, definition)| definition["oneOf"].as_array());
    enums
        .map(|variants| {
            let words = variants.iter().map(|variant| variant["const"].clone()).collect();
            let says: Vec<String> = variants
                .iter()
                .map(|variant| {
                    let (word, says) = (variant["const"].as_str(), variant["description"].as_str());
                    format!("`{}`: {}", word.unwrap_or_default(), says.unwrap_or_default())
                })
                .collect();
            (words, says.join(" "))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::Value;

    use super::crds;
    use crate::KINDS;

    #[test]
    fn every_string_list_and_number_of_a_spec_is_bounded() {
        walk_all(&mut |path, schema| {
            if !path.contains(".spec") || path.contains("[enum]") {
                return;
            }
            match schema["type"].as_str() {
                Some("string") => assert!(
                    schema["maxLength"].is_u64() || schema["enum"].is_array(),
                    "{path} has no maxLength"
                ),
                Some("array") => {
                    assert!(schema["maxItems"].is_u64(), "{path} has no maxItems");
                    assert!(schema["x-kubernetes-list-type"].is_string(), "{path} has no list type");
                }
                Some("integer") => assert!(
                    schema["minimum"].is_number() && schema["maximum"].is_number(),
                    "{path} has no range"
                ),
                _ => {}
            }
        });
    }

    #[test]
    fn nothing_is_nullable_and_no_format_is_unknown_to_the_api_server() {
        walk_all(&mut |path, schema| {
            assert!(schema.get("nullable").is_none(), "{path} is nullable");
            if let Some(format) = schema["format"].as_str() {
                assert!(
                    ["int32", "int64", "date-time"].contains(&format),
                    "{path} has format {format}"
                );
            }
        });
    }

    #[test]
    fn every_field_is_described_by_a_text_that_starts_with_its_name() {
        walk_all(&mut |path, schema| {
            if path.contains("conditions[]") || !path.contains('.') || path == ".spec" || path == ".status" {
                return;
            }
            if let Some(name) = path.rsplit('.').next().filter(|name| !name.ends_with("[]")) {
                let text = schema["description"].as_str().unwrap_or_default();
                assert!(text.starts_with(name), "{path} is described by {text:?}");
            }
        });
    }

    #[test]
    fn a_new_object_is_not_finished_for_kstatus() {
        for crd in crds() {
            let crd = serde_json::to_value(&crd).unwrap();
            let status = &crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["status"];
            assert_eq!(status["default"], serde_json::json!({ "observedGeneration": -1 }));
        }
    }

    #[test]
    fn the_columns_of_every_kind_end_alike_and_show_fields_that_there_are() {
        for (kind, crd) in KINDS.iter().zip(crds()) {
            let version = serde_json::to_value(&crd.spec.versions[0]).unwrap();
            let columns = version["additionalPrinterColumns"].as_array().unwrap();
            let (wide, first): (Vec<&Value>, Vec<&Value>) = columns.iter().partition(|column| column["priority"] == 1);
            let names = |columns: &[&Value]| -> Vec<String> {
                let names = columns.iter().map(|column| column["name"].as_str().unwrap().to_owned());
                names.collect()
            };
            let common: &[&str] = if kind.has_drift() {
                &["Ready", "Drifted", "Message", "Age"]
            } else {
                &["Ready", "Message", "Age"]
            };
            let (first, wide) = (names(&first), names(&wide));
            assert_eq!(first[first.len() - common.len()..], *common, "{}", kind.name);
            let schema = &version["schema"]["openAPIV3Schema"];
            let has_suspend = schema["properties"]["spec"]["properties"]["suspend"].is_object();
            let last = wide.last().map(String::as_str);
            assert_eq!(
                (wide[0].as_str(), last == Some("Suspended")),
                ("Reason", has_suspend),
                "{}",
                kind.name
            );
            let distinct: BTreeSet<&String> = first.iter().chain(&wide).collect();
            assert_eq!(distinct.len(), columns.len(), "{}", kind.name);
            for column in columns {
                let path = column["jsonPath"].as_str().unwrap();
                let fields = path.split("[?").next().unwrap().split('.').skip(1);
                let field = fields.fold(schema, |schema, field| match field.strip_suffix("[0]") {
                    Some(of_many) => &schema["properties"][of_many]["items"],
                    None => &schema["properties"][field],
                });
                // The schema leaves the fields of `metadata` to Kubernetes.
                assert!(
                    field.is_object() || path.starts_with(".metadata."),
                    "{}: {path}",
                    kind.name
                );
            }
        }
    }

    #[test]
    fn every_value_of_an_enum_is_explained() {
        walk_all(&mut |path, schema| {
            for value in schema["enum"].as_array().into_iter().flatten() {
                let explained = format!("`{}`: ", value.as_str().unwrap());
                let text = schema["description"].as_str().unwrap_or_default();
                // A condition's status is Kubernetes' own.
                assert!(
                    text.contains(&explained) || path.ends_with("conditions[].status"),
                    "{path} says nothing of {value}"
                );
            }
        });
    }

    fn walk_all(check: &mut impl FnMut(&str, &Value)) {
        for crd in crds() {
            let crd = serde_json::to_value(&crd).unwrap();
            walk("", &crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"], check);
        }
    }

    fn walk(path: &str, schema: &Value, check: &mut impl FnMut(&str, &Value)) {
        check(path, schema);
        for (name, field) in schema["properties"].as_object().into_iter().flatten() {
            walk(&format!("{path}.{name}"), field, check);
        }
        if schema["items"].is_object() {
            walk(&format!("{path}[]"), &schema["items"], check);
        }
    }
}
