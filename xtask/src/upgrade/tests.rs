use ace_api::{
    AlertRule, Backup, BackupDestination, BackupSchedule, EdgeFunction, KINDS, MigrationSet, NotificationChannel,
    Platform, Restore, Silence,
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json};

use super::{breaks, definitions, filled, releases};
use crate::tree;

/// The object as this version reads it and writes it again.
fn read_and_written(object: &Value) -> Result<Value, String> {
    fn typed<K: DeserializeOwned + Serialize>(object: &Value) -> Result<Value, String> {
        let read: K = serde_json::from_value(object.clone()).map_err(|error| error.to_string())?;
        Ok(json!(read))
    }
    match object["kind"].as_str().unwrap_or_default() {
        "AlertRule" => typed::<AlertRule>(object),
        "Backup" => typed::<Backup>(object),
        "BackupDestination" => typed::<BackupDestination>(object),
        "BackupSchedule" => typed::<BackupSchedule>(object),
        "EdgeFunction" => typed::<EdgeFunction>(object),
        "MigrationSet" => typed::<MigrationSet>(object),
        "NotificationChannel" => typed::<NotificationChannel>(object),
        "Platform" => typed::<Platform>(object),
        "Restore" => typed::<Restore>(object),
        "Silence" => typed::<Silence>(object),
        other => Err(format!("{other} is not among the kinds of this test")),
    }
}

/// The places where `after` lacks something of `before`.
fn lost(path: &str, before: &Value, after: &Value, found: &mut Vec<String>) {
    match (before, after) {
        (Value::Object(before), Value::Object(after)) => {
            for (name, value) in before {
                lost(
                    &format!("{path}.{name}"),
                    value,
                    after.get(name).unwrap_or(&Value::Null),
                    found,
                );
            }
        }
        (Value::Array(before), Value::Array(after)) if before.len() == after.len() => {
            let pairs = before.iter().zip(after).enumerate();
            pairs.for_each(|(place, (before, after))| lost(&format!("{path}[{place}]"), before, after, found));
        }
        // The default of a flag is not written.
        (Value::Bool(false), Value::Null) => {}
        _ if before == after => {}
        _ => found.push(format!("{path}: {before} became {after}")),
    }
}

#[test]
fn objects_of_every_release_are_read_and_written_whole() {
    let releases = releases(&tree::root()).unwrap();
    assert!(!releases.is_empty());
    for release in releases {
        for definition in &release.definitions {
            let kind = &definition["spec"]["names"]["kind"];
            assert!(release.objects.iter().any(|object| object["kind"] == *kind), "{kind}");
        }
        for object in &release.objects {
            let name = format!(
                "{} {} of {}",
                object["kind"], object["metadata"]["name"], release.version
            );
            let written = read_and_written(object).unwrap_or_else(|error| panic!("{name}: {error}"));
            let mut found = Vec::new();
            for part in ["spec", "status"] {
                lost(part, &object[part], &written[part], &mut found);
            }
            assert_eq!(found, [""; 0], "{name}");
        }
    }
}

#[test]
fn the_definitions_of_today_break_no_release() {
    assert_eq!(breaks(&tree::root()).unwrap(), [""; 0]);
}

#[test]
fn a_filled_object_has_every_field_and_together_they_have_every_value() {
    let definitions = definitions();
    assert_eq!(definitions.len(), KINDS.len());
    for definition in definitions {
        let objects = filled::filled(&definition);
        let all = json!(objects).to_string();
        let schema = &definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"];
        for part in ["spec", "status"] {
            is_filled(&schema[part], &objects[0][part]);
            each_value(&schema[part], &mut |value| {
                assert!(all.contains(&value.to_string()), "{value}");
            });
        }
    }
}

fn is_filled(schema: &Value, value: &Value) {
    for (name, schema) in schema["properties"].as_object().into_iter().flatten() {
        assert!(!value[name].is_null(), "{name} of {value}");
        is_filled(schema, &value[name]);
    }
    if schema["items"].is_object() {
        is_filled(&schema["items"], &value[0]);
    }
}

fn each_value(schema: &Value, found: &mut impl FnMut(&Value)) {
    schema["enum"].as_array().into_iter().flatten().for_each(&mut *found);
    for (_, schema) in schema["properties"].as_object().into_iter().flatten() {
        each_value(schema, found);
    }
    for nested in ["items", "additionalProperties"] {
        if schema[nested].is_object() {
            each_value(&schema[nested], found);
        }
    }
}
