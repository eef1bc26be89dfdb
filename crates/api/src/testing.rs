//! Statuses for tests: what the operator must never write as it is.

use serde_json::{Map, Value, json};

use crate::{KindEntry, bounds};

/// The schema of a kind's status, as it is installed.
///
/// # Panics
///
/// Where a definition has no status.
pub fn status_schema(kind: &KindEntry) -> Value {
    let schema = bounds::status_schema(kind.name).filter(|schema| schema.is_object());
    schema.unwrap_or_else(|| panic!("{} has no status", kind.name)).clone()
}

/// A value with every field that its schema has, where each string and list is one longer than its bound, each number is at the
/// end of its range, and each time is before the first year. What has a fixed form stays valid: no text of others gets there.
pub fn oversized(schema: &Value) -> Value {
    nth(schema, 0)
}

/// The value of an item at this place of a list: those with a key, and those of a set, differ.
#[expect(clippy::cast_possible_truncation, reason = "bounds of integers are integers")]
fn nth(schema: &Value, place: usize) -> Value {
    let bound = |rule: &str| schema[rule].as_u64().and_then(|most| usize::try_from(most).ok());
    let number = |rule: &str, otherwise: i64| {
        schema[rule]
            .as_f64()
            .map_or(json!(otherwise), |bound| json!(bound as i64))
    };
    match schema["type"].as_str() {
        Some("object") => {
            let fields = schema["properties"].as_object().into_iter().flatten();
            let filled: Map<String, Value> = fields.map(|(name, field)| (name.clone(), nth(field, place))).collect();
            Value::Object(filled)
        }
        Some("array") => {
            let items = bound("maxItems").expect("a list of a status has a bound") + 1;
            // A set has no word twice, and neither has a key.
            let keys = schema["x-kubernetes-list-map-keys"].as_array().into_iter().flatten();
            let keys = keys.filter_map(|key| key.as_str().map(|key| &schema["items"]["properties"][key]));
            let words = keys
                .chain([&schema["items"]])
                .filter_map(|words| words["enum"].as_array());
            let items = words.map(Vec::len).chain([items]).min().unwrap_or(items);
            (0..items).map(|place| nth(&schema["items"], place)).collect()
        }
        Some("integer") if schema["format"] == "int32" => number("maximum", i32::MAX.into()),
        Some("integer") => number("minimum", i64::MIN),
        Some("boolean") => json!(true),
        _ => match schema["enum"].as_array() {
            Some(words) => words[place % words.len()].clone(),
            None if schema["format"] == "date-time" => json!("-000001-12-31T00:00:00Z"),
            None if schema["pattern"].is_string() => json!(format!("Word{place}")),
            None => {
                let length = bound("maxLength").expect("a string of a status has a bound") + 1;
                let distinct = place.to_string();
                let rest = "é".repeat(length.saturating_sub(distinct.len()));
                json!(distinct + &rest)
            }
        },
    }
}
