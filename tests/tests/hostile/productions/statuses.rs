//! Productions of objects whose status somebody else has written.

use ace_api::{KINDS, KindEntry, testing::status_schema};
use serde_json::{Value, json};

use super::Production;

/// Entries of some hundred bytes that an object may have: the API server stores at most 1.5 MiB of one.
const STORED: usize = 1_000;

/// Letters of one text that others can write, and fields: with all of a status the object has at most 1.5 MiB.
const TEXT: usize = 10_000;

pub(super) fn statuses() -> Vec<Production> {
    let mut productions = of_migrations();
    for kind in KINDS {
        productions.extend(of_any(kind));
    }
    productions
}

/// What a status of any kind has, and all that one of this kind has by its definition.
fn of_any(kind: &'static KindEntry) -> Vec<Production> {
    let production = |name, status: Box<dyn Fn(usize) -> Value + Send>| Production {
        reader: kind.name,
        name,
        input: Box::new(move |times| status(times).to_string().into_bytes()),
    };
    vec![
        production(
            "every text",
            Box::new(|times| filled(&status_schema(kind), &"\u{fc}".repeat(times.min(TEXT)), 1)),
        ),
        production(
            "every list",
            Box::new(|times| filled(&status_schema(kind), "x", times.min(STORED))),
        ),
        production(
            "texts of control characters",
            Box::new(|times| filled(&status_schema(kind), &"\u{0}\u{202e}\"".repeat(times.min(TEXT / 20)), 2)),
        ),
    ]
}

/// A status that has everything which its definition names: this text, so many entries of a list, numbers at their end. Of a list in
/// a list there are two.
fn filled(schema: &Value, text: &str, entries: usize) -> Value {
    let type_ = schema["type"].as_str().unwrap_or_default();
    match type_ {
        "object" => {
            let fields = schema["properties"].as_object().into_iter().flatten();
            let fields = fields.map(|(name, schema)| (name.clone(), filled(schema, text, entries)));
            Value::Object(fields.collect())
        }
        "array" => vec![filled(&schema["items"], text, entries.min(2)); entries].into(),
        "integer" if schema["format"] == "int32" => i32::MAX.into(),
        "integer" => i64::MAX.into(),
        "boolean" => true.into(),
        _ if schema["format"] == "date-time" => "2026-01-01T00:00:00Z".into(),
        _ => schema["enum"][0].as_str().unwrap_or(text).into(),
    }
}

fn of_migrations() -> Vec<Production> {
    let production = |name, status: fn(usize) -> Value| Production {
        reader: "MigrationSet",
        name,
        input: Box::new(move |times| status(times).to_string().into_bytes()),
    };
    vec![
        production("a long head", |times| json!({ "head": "9".repeat(times) })),
        production(
            "a head of no letters",
            |times| json!({ "head": "\u{0}\u{202e}\u{10ffff}".repeat(times) }),
        ),
        production("conditions", |times| {
            let condition = |at: usize| {
                json!({
                    "type": format!("T{at}"), "status": "True", "reason": "x".repeat(100), "message": "y".repeat(100),
                    "lastTransitionTime": "2026-01-01T00:00:00Z",
                })
            };
            json!({ "conditions": (0..times.min(STORED)).map(condition).collect::<Vec<_>>() })
        }),
        production("one condition again", |times| {
            let ready = json!({
                "type": "Ready", "status": "Odd", "reason": "", "message": "\n", "observedGeneration": i64::MIN,
                "lastTransitionTime": "0001-01-01T00:00:00Z",
            });
            json!({ "conditions": vec![ready; times.min(STORED)] })
        }),
        production("a long message", |times| {
            json!({
                "conditions": [{
                    "type": "Ready", "status": "True", "reason": "r".repeat(times), "message": "\u{fc}".repeat(times),
                    "lastTransitionTime": "2026-01-01T00:00:00Z",
                }],
            })
        }),
        production("a long history", |times| {
            let event = json!({
                "type": "Applied", "version": "1".repeat(100), "durationMilliseconds": i64::MAX,
                "warnings": ["w".repeat(300), "w"], "time": "9999-12-30T00:00:00Z",
            });
            json!({ "history": vec![event; times.min(STORED)] })
        }),
        production("many differences", |times| {
            let field = json!({ "path": "p".repeat(100), "desired": "\"".repeat(100), "observed": "\u{7f}" });
            json!({ "drift": { "detectedTime": "2026-01-01T00:00:00Z", "count": i32::MAX, "fields": vec![field; times.min(STORED)] } })
        }),
        production("numbers at their end", |times| {
            json!({
                "observedGeneration": i64::MIN, "applied": i32::MIN, "pending": i32::MAX, "unknownApplied": i32::MIN,
                "lastHandledReconcileAt": "r".repeat(times),
            })
        }),
        production("a plan of many files", |times| {
            let file = json!({ "version": "1", "name": "n".repeat(200), "risks": ["DataLoss"] });
            json!({ "plan": { "digest": "d".repeat(times), "pending": vec![file; times.min(STORED)] } })
        }),
        production("fields that nobody knows", |times| {
            (0..times.min(TEXT))
                .map(|at| (format!("f{at}"), json!([at])))
                .collect::<serde_json::Map<_, _>>()
                .into()
        }),
    ]
}
