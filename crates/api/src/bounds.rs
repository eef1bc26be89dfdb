//! The bounds of a status. Text of others (a slug, a version in a ledger, a region) knows none, and the API server refuses a whole
//! status for one field of it: then what was last written stands, whatever is observed.

use std::{collections::BTreeMap, sync::LazyLock};

use jiff::Timestamp;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Number, Value};

use crate::crds;

/// The schema of each kind's status, as it is installed.
static SCHEMAS: LazyLock<BTreeMap<String, Value>> = LazyLock::new(|| {
    let mut schemas = BTreeMap::new();
    for crd in crds() {
        let mut crd = serde_json::to_value(crd).expect("a definition made from types is JSON");
        let status = crd.pointer_mut("/spec/versions/0/schema/openAPIV3Schema/properties/status");
        let schema = status.map(Value::take).unwrap_or_default();
        let kind = crd.pointer("/spec/names/kind").and_then(Value::as_str);
        schemas.insert(kind.unwrap_or_default().to_owned(), schema);
    }
    schemas
});

/// The schema of the status of a kind.
pub(crate) fn status_schema(kind: &str) -> Option<&'static Value> {
    SCHEMAS.get(kind)
}

/// The earliest time that the API server reads: years before the first are no RFC 3339.
pub(crate) const EARLIEST: Timestamp = Timestamp::constant(-62_135_596_800, 0);

/// The status of an object of this kind, cut to the bounds of its definition: strings and lists to their length, numbers to their
/// range, times to those that can be written down. One that keeps them is returned as it is.
pub fn within_bounds<S: Serialize + DeserializeOwned>(kind: &str, status: S) -> S {
    let (Some(schema), Ok(mut value)) = (status_schema(kind), serde_json::to_value(&status)) else {
        return status;
    };
    if cut(&mut value, schema) {
        serde_json::from_value(value).unwrap_or(status)
    } else {
        status
    }
}

/// Cuts a value to its schema; true if anything was cut.
fn cut(value: &mut Value, schema: &Value) -> bool {
    match value {
        Value::String(text) => cut_text(text, schema),
        Value::Number(number) => cut_number(number, schema),
        Value::Array(items) => {
            let before = items.len();
            items.truncate(bound(schema, "maxItems"));
            let is_shorter = items.len() < before;
            // Every item is cut, also behind one that was.
            items
                .iter_mut()
                .fold(is_shorter, |is_cut, item| cut(item, &schema["items"]) | is_cut)
        }
        Value::Object(fields) => fields.iter_mut().fold(false, |is_cut, (name, field)| {
            let schema = schema["properties"].get(name).unwrap_or(&Value::Null);
            cut(field, schema) | is_cut
        }),
        Value::Null | Value::Bool(_) => false,
    }
}

/// The API server counts characters, not bytes.
fn cut_text(text: &mut String, schema: &Value) -> bool {
    let most = bound(schema, "maxLength");
    if schema["format"] == "date-time" && text.starts_with('-') {
        *text = EARLIEST.to_string();
        return true;
    }
    if text.chars().nth(most).is_none() {
        return false;
    }
    *text = text.chars().take(most.saturating_sub(1)).chain(['…']).collect();
    true
}

fn cut_number(number: &mut Number, schema: &Value) -> bool {
    let Some(value) = number.as_i64() else { return false };
    let (least, most) = (schema["minimum"].as_f64(), schema["maximum"].as_f64());
    #[expect(clippy::cast_possible_truncation, reason = "bounds of integers are integers")]
    let (least, most) = (
        least.map_or(i64::MIN, |least| least as i64),
        most.map_or(i64::MAX, |most| most as i64),
    );
    let within = value.max(least).min(most);
    *number = within.into();
    within != value
}

fn bound(schema: &Value, rule: &str) -> usize {
    let most = schema[rule].as_u64().and_then(|most| usize::try_from(most).ok());
    most.unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests;
