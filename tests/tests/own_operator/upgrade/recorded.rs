//! What the operator of commit 450a704 left behind: objects, archives and tables as it wrote them, on a bed like this one. What
//! differs from run to run has a name in them: `$project`, `$stamp-live-2`.

use std::collections::BTreeMap;

use serde_json::Value;
use sha2::{Digest, Sha256};

/// Platforms, functions and migration sets, each with its status.
pub const OBJECTS: [&str; 3] = [
    include_str!("recorded/platforms.yaml"),
    include_str!("recorded/functions.yaml"),
    include_str!("recorded/migration_sets.yaml"),
];
/// The archives of the functions, each of which belongs to an EdgeFunction with the uid `$uid`.
pub const ARCHIVES: &str = include_str!("recorded/archives.yaml");
/// The tables that the operator creates in a database.
pub const TABLES: &str = include_str!("recorded/tables.sql");
/// Rows of the database in which every file is applied.
pub const MAIN: &str = include_str!("recorded/main.sql");
/// Rows of the database in which a file waits for an approval.
pub const APPROVAL: &str = include_str!("recorded/approval.sql");
/// Rows of the database in which a run was interrupted by the end of the process: the snapshot after it is pending, and so is its
/// last file.
pub const UNFINISHED: &str = include_str!("recorded/unfinished.sql");

/// What the names in the records stand for.
#[derive(Default)]
pub struct Values(BTreeMap<String, Value>);

impl Values {
    /// Adds one.
    pub fn set(&mut self, name: impl Into<String>, value: impl Into<Value>) {
        self.0.insert(name.into(), value.into());
    }

    /// A text of the records with the values in it.
    pub fn text(&self, recorded: &str) -> String {
        let mut text = recorded.to_owned();
        for (name, value) in &self.0 {
            let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            text = text.replace(&format!("${name}"), &value);
        }
        text
    }

    /// The documents of a record, with the values in them.
    pub fn documents(&self, recorded: &str) -> Vec<Value> {
        let documents = documents(recorded).into_iter();
        documents.map(|document| self.value(document)).collect()
    }

    fn value(&self, recorded: Value) -> Value {
        match recorded {
            Value::String(text) => {
                let whole = text.strip_prefix('$').and_then(|name| self.0.get(name));
                let value = whole.cloned().unwrap_or_else(|| self.text(&text).into());
                assert!(value.as_str().is_none_or(|text| !text.contains('$')), "{value}");
                value
            }
            Value::Array(items) => items.into_iter().map(|item| self.value(item)).collect(),
            Value::Object(fields) => fields
                .into_iter()
                .map(|(name, value)| (name, self.value(value)))
                .collect(),
            other => other,
        }
    }
}

/// The documents of a record, with the names in them.
pub fn documents(recorded: &str) -> Vec<Value> {
    serde_yaml::from_multiple(recorded).unwrap()
}

/// The digest of a plan of that operator: SHA-256 over its parts, each after its length.
pub fn plan_digest(parts: &[&str]) -> String {
    let mut digest = Sha256::new();
    for part in parts {
        digest.update((part.len() as u64).to_be_bytes());
        digest.update(part.as_bytes());
    }
    format!("sha256:{}", hex::encode(digest.finalize()))
}

/// How that operator names the bytes of a file.
pub fn digest(content: &str) -> String {
    format!("sha256:{}", hex::encode(Sha256::digest(content)))
}
