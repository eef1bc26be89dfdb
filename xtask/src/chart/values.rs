//! `values.yaml` and the table of the chart's page, made from `values.schema.json`.

use std::fmt::{self, Write as _};

use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, Visitor},
};
use serde_json::{Value, json};

use crate::yaml;

const SCHEMA: &str = include_str!("../../../charts/ace-ops/values.schema.json");
const PAGE: &str = include_str!("page.md");
/// Where the table comes.
const TABLE: &str = "<!-- values -->\n";
/// Longest line of a comment.
const WIDTH: usize = 120;

/// A value: a group of others, or one that has a default.
#[derive(Deserialize)]
pub(super) struct Schema {
    #[serde(default)]
    description: String,
    #[serde(default)]
    default: Option<Value>,
    #[serde(default)]
    properties: Properties,
}

/// In the order of the file, which a map of `serde_json` keeps or does not, depending on which crates a build unifies.
#[derive(Default)]
struct Properties(Vec<(String, Schema)>);

impl<'de> Deserialize<'de> for Properties {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct InOrder;
        impl<'de> Visitor<'de> for InOrder {
            type Value = Properties;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("properties by name")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Properties, A::Error> {
                let mut all = Vec::new();
                while let Some(one) = map.next_entry()? {
                    all.push(one);
                }
                Ok(Properties(all))
            }
        }
        deserializer.deserialize_map(InOrder)
    }
}

pub(super) fn read() -> Schema {
    serde_json::from_str(SCHEMA).expect("values.schema.json describes values")
}

pub(super) fn file(values: &Schema) -> String {
    let mut text = "# Made by `cargo xtask generate` from values.schema.json; do not edit.\n".to_owned();
    write_group(&mut text, values, 0);
    text
}

fn write_group(text: &mut String, group: &Schema, depth: usize) {
    let indent = "  ".repeat(depth);
    for (name, value) in &group.properties.0 {
        if depth == 0 {
            text.push('\n');
        }
        for line in wrapped(&value.description, WIDTH - indent.len() - 2) {
            let _ = writeln!(text, "{indent}# {line}");
        }
        if let Some(default) = &value.default {
            let lines = yaml::document(json!({ name.as_str(): default }));
            for line in lines.lines() {
                let _ = writeln!(text, "{indent}{line}");
            }
        } else {
            let _ = writeln!(text, "{indent}{name}:");
            write_group(text, value, depth + 1);
        }
    }
}

fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.len() + word.len() < width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

pub(super) fn page(values: &Schema) -> String {
    let mut table = "| value | default | what it says |\n|---|---|---|\n".to_owned();
    write_rows(&mut table, values, "");
    let head =
        "<!-- Made by `cargo xtask generate` from xtask/src/chart/page.md and values.schema.json; do not edit. -->\n";
    format!("{head}{}", PAGE.replace(TABLE, &table))
}

fn write_rows(table: &mut String, group: &Schema, path: &str) {
    for (name, value) in &group.properties.0 {
        let path = format!("{path}{name}");
        let mut default = value.default.clone();
        if let Some(default) = &mut default {
            default.sort_all_objects();
        }
        let default = default.map_or_else(String::new, |default| format!("`{default}`"));
        // A bar would end the cell.
        let description = value.description.replace('|', "\\|");
        let _ = writeln!(table, "| `{path}` | {default} | {description} |");
        if value.default.is_none() {
            write_rows(table, value, &format!("{path}."));
        }
    }
}
