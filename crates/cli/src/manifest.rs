use ace_api::EdgeFunction;
use serde_json::{Map, Value, json};

/// Fields that are written even where they say what holds anyway, because they decide what the operator may do.
const EXPLICIT: [&str; 2] = ["verifyJWT", "mode"];

/// The objects as YAML documents, without the fields that only repeat a default: what a person would have written.
pub(crate) fn documents(functions: &[EdgeFunction]) -> Result<String, Box<dyn std::error::Error>> {
    let mut text = String::new();
    for function in functions {
        text.push_str("---\n");
        text.push_str(&serde_yaml::to_string(&document(function)?)?);
    }
    Ok(text)
}

fn document(function: &EdgeFunction) -> Result<Value, serde_json::Error> {
    let defaults = defaults(function)?;
    let mut document = serde_json::to_value(function)?;
    if let Some(Value::Object(spec)) = document.get_mut("spec") {
        spec.retain(|field, value| EXPLICIT.contains(&field.as_str()) || defaults.get(field) != Some(value));
    }
    Ok(document)
}

/// What the fields are when nobody writes them: read from the type itself, so that it can't be told twice.
fn defaults(function: &EdgeFunction) -> Result<Map<String, Value>, serde_json::Error> {
    let EdgeFunction { spec, .. } = function;
    let required = json!({ "platformRef": spec.platform_ref, "source": spec.source, "verifyJWT": spec.verify_jwt });
    let bare: ace_api::EdgeFunctionSpec = serde_json::from_value(required.clone())?;
    let mut fields = match serde_json::to_value(bare)? {
        Value::Object(fields) => fields,
        _ => Map::new(),
    };
    fields.retain(|field, _| required.get(field).is_none());
    Ok(fields)
}
