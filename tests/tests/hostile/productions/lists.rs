//! Productions of the Management API's list of functions.

use serde_json::{Value, json};

use super::Production;

pub(super) fn lists() -> Vec<Production> {
    let production = |name, list: fn(usize) -> String| Production {
        reader: "functions",
        name,
        input: Box::new(move |times| list(times).into_bytes()),
    };
    vec![
        production("functions", |times| {
            json!((0..times).map(|at| function(&format!("f{at}"))).collect::<Vec<_>>()).to_string()
        }),
        production("one slug again", |times| json!(vec![function("f"); times]).to_string()),
        production("a long slug", |times| json!([function(&"s".repeat(times))]).to_string()),
        production("lists in lists", |times| {
            ["[".repeat(times), "]".repeat(times)].concat()
        }),
        production("objects in objects", |times| {
            ["[", &"{\"a\": ".repeat(times), "1", &"}".repeat(times), "]"].concat()
        }),
        production("fields that nobody knows", |times| {
            let mut function = function("f");
            for at in 0..times {
                function[format!("f{at}")] = json!([at]);
            }
            json!([function]).to_string()
        }),
        production("a number without end", |times| format!("[{}]", "9".repeat(times))),
        production("a text without end", |times| format!("[\"{}", "\\u0061".repeat(times))),
    ]
}

fn function(slug: &str) -> Value {
    json!({
        "id": "5d0e4f60-0000-4000-8000-000000000000", "slug": slug, "name": slug, "status": "ACTIVE", "version": 1,
        "created_at": 1_700_000_000_000_i64, "updated_at": 1_700_000_000_000_i64, "verify_jwt": true,
        "entrypoint_path": "file:///tmp/user_fn/source/index.ts", "ezbr_sha256": "0".repeat(64),
    })
}
