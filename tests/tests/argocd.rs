//! Argo CD's health of our objects, on what the operator wrote: `deploy/argocd/testdata` is recorded.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::{collections::BTreeMap, fmt::Write as _, fs, io::ErrorKind, path::PathBuf, process::Command};

use ace_tests::repository;
use serde_json::Value;

/// Names of the interpreter of Lua 5.1, which Argo CD has.
const PROGRAMS: [&str; 3] = ["lua5.1", "lua51", "luajit"];
/// Runs a script on an object as Argo CD does: with the basic functions, tables and a part of `os`.
const RUN: &str = r#"
local script = assert(loadfile(arg[1]))
local scope = { obj = dofile(arg[2]), table = table, os = { time = os.time, date = os.date } }
for _, name in ipairs({ "assert", "error", "ipairs", "next", "pairs", "pcall", "select", "tonumber", "tostring", "type", "unpack" }) do
  scope[name] = _G[name]
end
setfenv(script, scope)
local health = script()
io.write(health.status, "\n", health.message)
"#;

fn folder() -> PathBuf {
    repository().join("deploy/argocd")
}

fn recorded(name: &str) -> Value {
    let text = fs::read_to_string(folder().join(format!("testdata/{name}.yaml"))).unwrap();
    serde_yaml::from_str(&text).unwrap()
}

/// A value as Lua writes it.
fn literal(value: &Value) -> String {
    match value {
        Value::Null => "nil".to_owned(),
        Value::Bool(bool) => bool.to_string(),
        Value::Number(number) => number.to_string(),
        // Lua 5.1 knows bytes by their decimal numbers.
        Value::String(text) => {
            text.bytes().fold("\"".to_owned(), |mut text, byte| {
                let _ = write!(text, "\\{byte:03}");
                text
            }) + "\""
        }
        Value::Array(items) => format!("{{{}}}", items.iter().map(literal).collect::<Vec<_>>().join(",")),
        Value::Object(fields) => {
            let fields = fields.iter();
            let fields =
                fields.map(|(name, value)| format!("[{}]={}", literal(&Value::from(name.as_str())), literal(value)));
            format!("{{{}}}", fields.collect::<Vec<_>>().join(","))
        }
    }
}

/// Status and message; nothing where there is no Lua.
fn health(object: &Value) -> Option<(String, String)> {
    let scratch = tempfile::tempdir().unwrap();
    let (run, written) = (scratch.path().join("run.lua"), scratch.path().join("object.lua"));
    fs::write(&run, RUN).unwrap();
    fs::write(&written, format!("return {}", literal(object))).unwrap();
    for program in PROGRAMS {
        let ran = Command::new(program)
            .arg(&run)
            .arg(folder().join("health.lua"))
            .arg(&written)
            .output();
        let ran = match ran {
            Ok(ran) => ran,
            Err(error) if error.kind() == ErrorKind::NotFound => continue,
            Err(error) => panic!("{program}: {error}"),
        };
        assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
        let said = String::from_utf8(ran.stdout).unwrap();
        let (status, message) = said.split_once('\n').unwrap();
        return Some((status.to_owned(), message.to_owned()));
    }
    eprintln!("skipped: Lua 5.1 is not installed (apt-get install lua5.1)");
    None
}

/// What each recorded object is.
const STATES: [(&str, &str); 7] = [
    ("new", "Progressing"),
    ("changed", "Progressing"),
    ("progressing", "Progressing"),
    ("healthy", "Healthy"),
    ("drifted", "Healthy"),
    ("stalled", "Degraded"),
    ("suspended", "Suspended"),
];

#[test]
fn each_state_has_the_health_by_which_a_wave_waits_fails_or_goes_on() {
    for (name, expected) in STATES {
        let Some((status, message)) = health(&recorded(name)) else {
            return;
        };
        assert_eq!(status, expected, "{name}: {message}");
    }
}

#[test]
fn the_message_is_that_of_the_condition_which_decides() {
    let decides = BTreeMap::from([
        ("progressing", "Reconciling"),
        ("healthy", "Ready"),
        ("stalled", "Stalled"),
        ("suspended", "Suspended"),
    ]);
    for (name, type_) in decides {
        let object = recorded(name);
        let conditions = object["status"]["conditions"].as_array().unwrap().iter();
        let condition = conditions.clone().find(|condition| condition["type"] == type_);
        let condition = condition.unwrap_or_else(|| panic!("{name} has no {type_}"));
        let said = format!(
            "{}: {}",
            condition["reason"].as_str().unwrap(),
            condition["message"].as_str().unwrap()
        );
        let Some((_, message)) = health(&object) else {
            return;
        };
        assert_eq!(message, said, "{name}");
    }
    let drifted = health(&recorded("drifted"));
    assert!(drifted.is_none_or(|(_, message)| message.starts_with("Drifted: ")));
    let changed = health(&recorded("changed"));
    assert!(changed.is_none_or(|(_, message)| message.starts_with("Waiting for the operator to look at generation ")));
}
