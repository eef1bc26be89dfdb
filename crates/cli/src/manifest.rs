use ace_api::{EdgeFunction, EdgeFunctionSpec, MigrationSet, MigrationSetSpec, Platform, PlatformSpec};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

/// Fields that are written even with their default, because they decide what the operator may do.
const EXPLICIT: [&str; 2] = ["verifyJWT", "mode"];

/// The objects as YAML documents, without fields that repeat a default, as a person would write them.
pub(crate) fn documents(
    platform: &Platform,
    set: Option<&MigrationSet>,
    functions: &[EdgeFunction],
) -> Result<String, Box<dyn std::error::Error>> {
    let spec = &platform.spec;
    let database = spec.database.as_ref().map(|database| {
        json!({
            "host": database.host,
            "caSecretRef": database.ca_secret_ref,
            "passwordSecretRef": database.password_secret_ref,
        })
    });
    let required = json!({
        "project": spec.project,
        "api": { "tokenSecretRef": spec.api.token_secret_ref },
        "database": database,
    });
    let platform = document::<PlatformSpec>(platform, &required);
    let set = set.into_iter().map(|object| {
        let spec = &object.spec;
        let required = json!({ "platformRef": spec.platform_ref, "source": spec.source });
        document::<MigrationSetSpec>(object, &required)
    });
    let functions = functions.iter().map(|object| {
        let spec = &object.spec;
        let required = json!({ "platformRef": spec.platform_ref, "source": spec.source, "verifyJWT": spec.verify_jwt });
        document::<EdgeFunctionSpec>(object, &required)
    });
    let mut text = String::new();
    for document in std::iter::once(platform).chain(set).chain(functions) {
        text.push_str(&yaml(&document?)?);
    }
    Ok(text)
}

/// One object. `required`: the fields of its spec that have no default.
pub(crate) fn one<S: DeserializeOwned + Serialize>(
    object: &impl Serialize,
    required: &Value,
) -> Result<String, Box<dyn std::error::Error>> {
    yaml(&document::<S>(object, required)?)
}

/// A document of several.
pub(crate) fn yaml(document: &Value) -> Result<String, Box<dyn std::error::Error>> {
    Ok(format!("---\n{}", serde_yaml::to_string(document)?))
}

/// The defaults are read from the type itself, so that they are defined only once.
fn document<S: DeserializeOwned + Serialize>(
    object: &impl Serialize,
    required: &Value,
) -> Result<Value, serde_json::Error> {
    let bare: S = serde_json::from_value(required.clone())?;
    let bare = serde_json::to_value(bare)?;
    let repeats = |field: &str, value: &Value| required.get(field).is_none() && bare.get(field) == Some(value);
    let mut document = serde_json::to_value(object)?;
    if let Some(Value::Object(spec)) = document.get_mut("spec") {
        spec.retain(|field, value| EXPLICIT.contains(&field.as_str()) || !repeats(field, value));
    }
    Ok(document)
}
