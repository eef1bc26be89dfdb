//! The custom resource definitions, made from the types and brought to Kubernetes' conventions.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::CustomResourceExt;
use serde_json::{Value, json};

use crate::{
    AdoptionPolicy, CheckAuth, CheckMethod, DatabaseTls, DeletionPolicy, DriftReason, EdgeFunction, FunctionEventType,
    FunctionReason, IntentType, ListedReason, MigrationEventType, MigrationMode, MigrationReason, MigrationSet, Mode,
    OutOfOrder, Platform, PlatformReason, RiskClass, Rollback, SchemaDriftReason, SourceKind, WhileDrifted,
};

/// Every custom resource definition, as it is installed.
///
/// Beyond what the types say: nothing is nullable (the API server drops nulls instead), a new object's status says
/// `observedGeneration: -1` (so that kstatus never takes it for finished), conditions carry the upstream rules, and their
/// description lists the reasons.
pub fn crds() -> Vec<CustomResourceDefinition> {
    vec![
        finished(&Platform::crd(), &listed(PlatformReason::ALL)),
        finished(&EdgeFunction::crd(), &both(FunctionReason::ALL, DriftReason::ALL)),
        finished(
            &MigrationSet::crd(),
            &both(MigrationReason::ALL, SchemaDriftReason::ALL),
        ),
    ]
}

fn both(reasons: &[ListedReason], drift: &[ListedReason]) -> String {
    format!("{} Of `Drifted`: {}", listed(reasons), listed(drift))
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

fn finished(crd: &CustomResourceDefinition, reasons: &str) -> CustomResourceDefinition {
    let mut value = serde_json::to_value(crd).expect("a definition made from types is JSON");
    for version in value["spec"]["versions"]
        .as_array_mut()
        .expect("a definition has versions")
    {
        let schema = &mut version["schema"]["openAPIV3Schema"];
        tidy(schema, &meanings());
        let status = &mut schema["properties"]["status"];
        status["default"] = json!({ "observedGeneration": -1 });
        if status["properties"]["observedGeneration"].is_object() {
            status["properties"]["observedGeneration"]["minimum"] = json!(-1);
        }
        let conditions = &mut status["properties"]["conditions"];
        conditions["description"] = json!(format!(
            "conditions of this object. `Ready` is always there; `Reconciling`, `Stalled` and `Suspended` only while True, the first two never together. Reasons: {reasons}"
        ));
        constrain_condition(&mut conditions["items"]);
    }
    serde_json::from_value(value).expect("a tidied definition is still one")
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
fn meanings() -> Vec<(Value, String)> {
    [
        schemars::schema_for!(AdoptionPolicy),
        schemars::schema_for!(CheckAuth),
        schemars::schema_for!(CheckMethod),
        schemars::schema_for!(DatabaseTls),
        schemars::schema_for!(DeletionPolicy),
        schemars::schema_for!(FunctionEventType),
        schemars::schema_for!(IntentType),
        schemars::schema_for!(MigrationEventType),
        schemars::schema_for!(MigrationMode),
        schemars::schema_for!(Mode),
        schemars::schema_for!(OutOfOrder),
        schemars::schema_for!(RiskClass),
        schemars::schema_for!(Rollback),
        schemars::schema_for!(SourceKind),
        schemars::schema_for!(WhileDrifted),
    ]
    .iter()
    .map(|schema| {
        let variants = schema.as_value()["oneOf"]
            .as_array()
            .expect("each variant is documented");
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
    use serde_json::Value;

    use super::crds;

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
