//! Productions of objects whose status somebody else has written.

use serde_json::{Value, json};

use super::Production;

/// Entries of some hundred bytes that an object may have: the API server stores at most 1.5 MiB of one.
const STORED: usize = 1_000;

/// More than a status keeps. One of 1,000 entries, which nobody but a writer of statuses makes, takes more than 10 s to shorten in an
/// unoptimised build: an entry is dropped and all of it measured again.
const HISTORY: usize = 100;

pub(super) fn statuses() -> Vec<Production> {
    let production = |name, status: fn(usize) -> Value| Production {
        reader: "status",
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
            json!({ "conditions": (0..times).map(condition).collect::<Vec<_>>() })
        }),
        production("one condition again", |times| {
            let ready = json!({
                "type": "Ready", "status": "Odd", "reason": "", "message": "\n", "observedGeneration": i64::MIN,
                "lastTransitionTime": "0001-01-01T00:00:00Z",
            });
            json!({ "conditions": vec![ready; times] })
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
            json!({ "history": vec![event; times.min(HISTORY)] })
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
            json!({ "plan": { "digest": "d".repeat(times), "pending": vec![file; times] } })
        }),
        production("fields that nobody knows", |times| {
            (0..times)
                .map(|at| (format!("f{at}"), json!([at])))
                .collect::<serde_json::Map<_, _>>()
                .into()
        }),
    ]
}
