//! Objects in which every field is set, made from a definition.

use serde_json::{Map, Value, json};

/// Objects of a definition that have every field, and together every value of each enumeration.
///
/// They are what may be stored, not what is admitted: rules over several fields are not looked at.
pub(super) fn filled(definition: &Value) -> Vec<Value> {
    let spec = &definition["spec"];
    let schema = &spec["versions"][0]["schema"]["openAPIV3Schema"];
    let count = most_values(schema);
    let object = |turn: usize| {
        json!({
            "apiVersion": format!("{}/{}", text(&spec["group"]), text(&spec["versions"][0]["name"])),
            "kind": spec["names"]["kind"],
            "metadata": { "name": format!("filled-{turn}"), "namespace": "ace" },
            "spec": value(&schema["properties"]["spec"], turn),
            "status": value(&schema["properties"]["status"], turn),
        })
    };
    (0..count).map(object).collect()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// How many values the longest enumeration has.
fn most_values(schema: &Value) -> usize {
    let own = schema["enum"].as_array().map_or(1, Vec::len);
    let within = match schema {
        Value::Object(fields) => fields.values().map(most_values).max(),
        Value::Array(items) => items.iter().map(most_values).max(),
        _ => None,
    };
    own.max(within.unwrap_or(1))
}

fn value(schema: &Value, turn: usize) -> Value {
    if let Some(values) = schema["enum"].as_array() {
        return values.iter().cycle().nth(turn).cloned().unwrap_or_default();
    }
    if schema["x-kubernetes-int-or-string"] == true {
        return json!(turn);
    }
    match text(&schema["type"]) {
        "object" => object(schema, turn),
        "array" => json!([value(&schema["items"], turn), value(&schema["items"], turn + 1)]),
        "boolean" => json!(turn.is_multiple_of(2)),
        "integer" => json!(within(schema, turn)),
        "number" => json!(0.5),
        "string" => json!(string(schema)),
        _ => Value::Null,
    }
}

fn object(schema: &Value, turn: usize) -> Value {
    let mut fields = Map::new();
    for (name, schema) in schema["properties"].as_object().into_iter().flatten() {
        fields.insert(name.clone(), value(schema, turn));
    }
    if schema["additionalProperties"].is_object() {
        fields.insert("key".to_owned(), value(&schema["additionalProperties"], turn));
    }
    Value::Object(fields)
}

fn within(schema: &Value, turn: usize) -> u64 {
    let least = schema["minimum"].as_u64().unwrap_or(0);
    let most = schema["maximum"].as_u64().unwrap_or(u64::MAX);
    (least + turn as u64).min(most)
}

fn string(schema: &Value) -> String {
    let format = text(&schema["format"]);
    match format {
        "date-time" => "2026-11-23T10:00:00Z".to_owned(),
        "date" => "2026-11-23".to_owned(),
        // A duration.
        _ if text(&schema["pattern"]).contains("(h|m|s|ms)") => "15m".to_owned(),
        _ => "a".to_owned(),
    }
}
