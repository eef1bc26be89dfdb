//! What of a definition may not change while there are objects that were made under it.

use std::collections::BTreeSet;

use serde_json::Value;

/// Bounds that must not become lower, nor appear.
const UPPER: &[&str] = &["maxLength", "maxItems", "maxProperties", "maximum"];
/// Bounds that must not become higher, nor appear.
const LOWER: &[&str] = &["minLength", "minItems", "minProperties", "minimum"];
/// What must stay as it is, or go where it only forbids something.
const SAME: &[&str] = &[
    "type",
    "default",
    "x-kubernetes-list-type",
    "x-kubernetes-list-map-keys",
    "x-kubernetes-int-or-string",
];
/// What must stay or go: it only forbids something.
const STRICTER: &[&str] = &["pattern", "format"];

/// What an object of the definition `before` would meet in `now`, a line each.
///
/// Rules in CEL are not compared: whether one is stricter than another can't be told from their text. The objects that are recorded
/// are applied to the definitions of today for that.
pub(super) fn breaks(before: &Value, now: &Value) -> Vec<String> {
    let name = before["metadata"]["name"].as_str().unwrap_or_default();
    let mut found = Vec::new();
    for field in ["group", "scope"] {
        same(&mut found, field, &before["spec"][field], &now["spec"][field]);
    }
    let names = |definition: &Value| -> BTreeSet<String> {
        let short = strings(&definition["spec"]["names"]["shortNames"]);
        let names =
            ["kind", "plural", "singular"].map(|name| definition["spec"]["names"][name].as_str().map(str::to_owned));
        short.into_iter().chain(names.into_iter().flatten()).collect()
    };
    let gone = names(before).difference(&names(now)).cloned().collect::<Vec<_>>();
    found.extend(gone.iter().map(|name| format!("the name {name} is gone")));
    for version in versions(before) {
        let label = version["name"].as_str().unwrap_or_default();
        let Some(now) = versions(now).iter().find(|now| now["name"] == version["name"]) else {
            found.push(format!("the version {label} is gone"));
            continue;
        };
        if version["served"] == true && now["served"] != true {
            found.push(format!("the version {label} is not served"));
        }
        let [before, now] = [version, now].map(|version| &version["schema"]["openAPIV3Schema"]);
        schema(&mut found, "", before, now);
    }
    found.into_iter().map(|line| format!("{name}: {line}")).collect()
}

fn versions(definition: &Value) -> &[Value] {
    definition["spec"]["versions"].as_array().map_or(&[], Vec::as_slice)
}

fn strings(list: &Value) -> Vec<String> {
    let all = list.as_array().into_iter().flatten();
    all.filter_map(|one| one.as_str().map(str::to_owned)).collect()
}

fn same(found: &mut Vec<String>, what: &str, before: &Value, now: &Value) {
    if before != now {
        found.push(format!("{what} was {before} and is {now}"));
    }
}

fn schema(found: &mut Vec<String>, path: &str, before: &Value, now: &Value) {
    let mut say = |text: String| found.push(format!("{}: {text}", if path.is_empty() { "." } else { path }));
    for field in SAME {
        if before[field] != now[field] {
            say(format!("{field} was {} and is {}", before[field], now[field]));
        }
    }
    for field in STRICTER {
        if !now[field].is_null() && before[field] != now[field] {
            say(format!("{field} was {} and is {}", before[field], now[field]));
        }
    }
    for (fields, is_tighter) in [
        (UPPER, (|before, now| now < before) as fn(f64, f64) -> bool),
        (LOWER, |before, now| now > before),
    ] {
        for field in fields {
            let tighter = match (before[field].as_f64(), now[field].as_f64()) {
                (_, None) => false,
                (None, Some(_)) => true,
                (Some(before), Some(now)) => is_tighter(before, now),
            };
            if tighter {
                say(format!("{field} was {} and is {}", before[field], now[field]));
            }
        }
    }
    if before["nullable"] == true && now["nullable"] != true {
        say("null was allowed".to_owned());
    }
    if !now["enum"].is_null() {
        let values = |schema: &Value| schema["enum"].as_array().cloned();
        let now = values(now).unwrap_or_default();
        match values(before) {
            None => say("only some values are allowed now".to_owned()),
            Some(before) => {
                for value in before.iter().filter(|value| !now.contains(value)) {
                    say(format!("the value {value} is gone"));
                }
            }
        }
    }
    let required = |schema: &Value| strings(&schema["required"]);
    let before_required = required(before);
    for field in required(now).iter().filter(|field| !before_required.contains(field)) {
        say(format!("{field} is required now"));
    }
    for (name, before) in before["properties"].as_object().into_iter().flatten() {
        let path = format!("{path}.{name}");
        match now["properties"].get(name) {
            Some(now) => schema(found, &path, before, now),
            None => found.push(format!("{path}: the field is gone")),
        }
    }
    for (field, mark) in [("items", "[]"), ("additionalProperties", "{}")] {
        let path = format!("{path}{mark}");
        match (&before[field], &now[field]) {
            (Value::Null, Value::Null) => {}
            (before, now) if before.is_object() && now.is_object() => schema(found, &path, before, now),
            (before, now) => same(found, &path, before, now),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::breaks;

    fn definition(spec: &Value) -> Value {
        let schema = json!({ "type": "object", "properties": { "spec": spec } });
        json!({
            "metadata": { "name": "things.test" },
            "spec": {
                "group": "test", "scope": "Namespaced",
                "names": { "kind": "Thing", "plural": "things", "singular": "thing", "shortNames": ["th"] },
                "versions": [{ "name": "v1", "served": true, "schema": { "openAPIV3Schema": schema } }],
            },
        })
    }

    fn spec() -> Value {
        json!({
            "type": "object",
            "required": ["a"],
            "properties": {
                "a": { "type": "string", "maxLength": 10, "minLength": 1, "default": "x", "nullable": true },
                "b": { "type": "string", "enum": ["One", "Two"] },
                "c": { "type": "array", "maxItems": 4, "items": { "type": "object", "properties": { "d": { "type": "integer" } } } },
                "e": { "type": "object", "additionalProperties": { "type": "string", "pattern": "^x" } },
            },
        })
    }

    /// What is said where `pointer` of the spec is this now.
    fn said(pointer: &str, value: Value) -> Vec<String> {
        let mut now = spec();
        *now.pointer_mut(pointer).unwrap() = value;
        breaks(&definition(&spec()), &definition(&now))
    }

    #[test]
    fn whatever_an_object_of_before_would_not_pass_is_named() {
        for (pointer, value, expected) in [
            (
                "/properties/a/maxLength",
                json!(9),
                ".spec.a: maxLength was 10 and is 9",
            ),
            ("/properties/a/minLength", json!(2), ".spec.a: minLength was 1 and is 2"),
            (
                "/properties/a/default",
                json!("y"),
                ".spec.a: default was \"x\" and is \"y\"",
            ),
            (
                "/properties/a/default",
                Value::Null,
                ".spec.a: default was \"x\" and is null",
            ),
            ("/properties/a/nullable", json!(false), ".spec.a: null was allowed"),
            (
                "/properties/a",
                json!({ "type": "integer" }),
                ".spec.a: type was \"string\" and is \"integer\"",
            ),
            (
                "/properties/b/enum",
                json!(["Two", "Three"]),
                ".spec.b: the value \"One\" is gone",
            ),
            ("/properties/c/maxItems", json!(3), ".spec.c: maxItems was 4 and is 3"),
            (
                "/properties/c/items/properties",
                json!({}),
                ".spec.c[].d: the field is gone",
            ),
            (
                "/properties/c/items/properties/d",
                json!({ "type": "integer", "minimum": 0 }),
                ".spec.c[].d: minimum was null and is 0",
            ),
            (
                "/properties/e/additionalProperties/pattern",
                json!("^y"),
                ".spec.e{}: pattern was \"^x\" and is \"^y\"",
            ),
            ("/required", json!(["a", "b"]), ".spec: b is required now"),
        ] {
            let said = said(pointer, value);
            assert!(
                said.contains(&format!("things.test: {expected}")),
                "{pointer}: {said:?}"
            );
        }
        let mut newly = spec();
        newly["properties"]["c"]["items"]["properties"]["d"]["enum"] = json!([1]);
        let newly = breaks(&definition(&spec()), &definition(&newly));
        assert_eq!(newly, ["things.test: .spec.c[].d: only some values are allowed now"]);
    }

    #[test]
    fn what_only_allows_more_is_no_break() {
        let mut now = spec();
        now["required"] = json!([]);
        now["properties"]["f"] = json!({ "type": "string", "maxLength": 1, "default": "z" });
        now["properties"]["a"]["maxLength"] = json!(11);
        now["properties"]["a"]["minLength"] = Value::Null;
        now["properties"]["b"]["enum"] = json!(["Zero", "One", "Two"]);
        now["properties"]["c"]["items"]["properties"]["d"]["description"] = json!("another text");
        now["properties"]["e"]["additionalProperties"]["pattern"] = Value::Null;
        assert_eq!(breaks(&definition(&spec()), &definition(&now)), [""; 0]);
    }

    #[test]
    fn names_versions_and_scope_stay() {
        let before = definition(&spec());
        for (pointer, value, expected) in [
            ("/spec/names/shortNames", json!([]), "the name th is gone"),
            (
                "/spec/scope",
                json!("Cluster"),
                "scope was \"Namespaced\" and is \"Cluster\"",
            ),
            ("/spec/versions/0/name", json!("v2"), "the version v1 is gone"),
            ("/spec/versions/0/served", json!(false), "the version v1 is not served"),
        ] {
            let mut now = before.clone();
            *now.pointer_mut(pointer).unwrap() = value;
            assert_eq!(breaks(&before, &now), [format!("things.test: {expected}")], "{pointer}");
        }
    }
}
