//! `docs/reference/`: one page per kind, made from its definition and from the lists of reasons.

use std::fmt::Write as _;

use ace_api::{KINDS, KindEntry, ListedReason};
use serde_json::Value;

use crate::definitions::definitions;

/// Files by path from the root of the repository.
pub(crate) fn files() -> Vec<(String, String)> {
    let definitions = definitions();
    let kinds = KINDS.iter().zip(&definitions);
    kinds
        .map(|(kind, definition)| {
            let singular = text(&definition["spec"]["names"]["singular"]);
            (format!("docs/reference/{singular}.md"), page(kind, definition))
        })
        .collect()
}

fn page(kind: &KindEntry, definition: &Value) -> String {
    let spec = &definition["spec"];
    let names = &spec["names"];
    let version = &spec["versions"][0];
    let schema = &version["schema"]["openAPIV3Schema"];
    let mut page = format!(
        "<!-- Made by `cargo xtask generate`; do not edit. -->\n# {}\n\n`{}/{}` · short name `{}` · categories {} · namespaced\n\n{}\n\n",
        kind.name,
        text(&spec["group"]),
        text(&version["name"]),
        words(&names["shortNames"]),
        code_words(&names["categories"]),
        text(&schema["description"]),
    );
    rules(&mut page, schema);
    section(&mut page, "spec", &schema["properties"]["spec"]);
    section(&mut page, "status", &schema["properties"]["status"]);
    page.push_str("## Conditions\n\n");
    page.push_str(CONDITIONS);
    reasons(&mut page, "Reasons", kind.reasons);
    for (type_, listed) in kind.conditions {
        reasons(&mut page, &format!("Reasons of `{}`", type_.as_str()), listed);
    }
    columns(&mut page, &version["additionalPrinterColumns"]);
    if let Some(fields) = version["selectableFields"].as_array() {
        let fields: Vec<String> = fields
            .iter()
            .map(|field| format!("`{}`", text(&field["jsonPath"]).trim_start_matches('.')))
            .collect();
        let _ = writeln!(
            page,
            "\n`kubectl get --field-selector` and watches can select by {}.",
            fields.join(", ")
        );
    }
    page
}

/// What holds for the conditions of every kind.
const CONDITIONS: &str = "`Ready` is always present. `Reconciling` (work is in progress, waits for a dependency, or is retried), `Stalled` (a person has to act; the message says how) and `Suspended` are present only while they are True, and never both of the first two. Each condition has the generation that it describes.\n\n";

/// A schema's fields as a table, then those of the objects within, each under its path.
fn section(page: &mut String, path: &str, schema: &Value) {
    let level = if path.contains('.') { "###" } else { "##" };
    let _ = write!(page, "{level} {path}\n\n");
    // A condition's own fields are Kubernetes', and described there.
    if path.ends_with("conditions[]") {
        page.push_str("`metav1.Condition` of Kubernetes: `type`, `status`, `reason`, `message`, `observedGeneration`, `lastTransitionTime`.\n\n");
        return;
    }
    let required: Vec<&str> = schema["required"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    page.push_str("| field | type | default | bounds | description |\n|---|---|---|---|---|\n");
    let properties = || schema["properties"].as_object().into_iter().flatten();
    for (name, field) in properties() {
        let default = if required.contains(&name.as_str()) {
            "**required**".to_owned()
        } else {
            default(field)
        };
        let _ = writeln!(
            page,
            "| `{name}` | {} | {default} | {} | {} |",
            type_name(field),
            cell(&bounds(field).join("; ")),
            cell(&description(path, name, field)),
        );
    }
    page.push('\n');
    rules(page, schema);
    for (name, field) in properties() {
        if field["properties"].is_object() {
            section(page, &format!("{path}.{name}"), field);
        } else if field["items"]["properties"].is_object() {
            section(page, &format!("{path}.{name}[]"), &field["items"]);
        }
    }
}

/// The conditions' description lists all reasons in one line, for `kubectl explain`; the page has them as tables.
fn description(path: &str, name: &str, field: &Value) -> String {
    let says = text(&field["description"]);
    match (path, name) {
        ("status", "conditions") => says.split(" Reasons:").next().unwrap_or_default().to_owned(),
        _ => says.to_owned(),
    }
}

fn rules(page: &mut String, schema: &Value) {
    let messages: Vec<&str> = messages(schema).collect();
    if !messages.is_empty() {
        page.push_str("Refused at admission, with these words:\n\n");
        for message in messages {
            let _ = writeln!(page, "- {message}");
        }
        page.push('\n');
    }
}

fn messages(schema: &Value) -> impl Iterator<Item = &str> {
    schema["x-kubernetes-validations"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|rule| text(&rule["message"]))
}

fn type_name(field: &Value) -> String {
    let name = match text(&field["type"]) {
        "array" => return format!("list of {}", type_name(&field["items"])),
        "string" if field["format"] == "date-time" => "time",
        "string" if field["enum"].is_array() => "enum",
        name => name,
    };
    name.to_owned()
}

fn default(field: &Value) -> String {
    match &field["default"] {
        Value::Null => String::new(),
        Value::String(word) => format!("`{word}`"),
        other => format!("`{other}`"),
    }
}

/// Every bound of a field, and of a list's items, in words.
fn bounds(field: &Value) -> Vec<String> {
    let mut bounds = Vec::new();
    if field["enum"].is_array() {
        bounds.push(code_words(&field["enum"]));
    }
    let limits = [
        ("minLength", "maxLength", "characters"),
        ("minItems", "maxItems", "items"),
        ("minimum", "maximum", ""),
    ];
    for (least, most, unit) in limits {
        let range = match (field[least].as_f64(), field[most].as_f64()) {
            (Some(least), Some(most)) if least.total_cmp(&most).is_eq() => format!("exactly {least}"),
            (Some(least), Some(most)) => format!("{least} to {most}"),
            (Some(least), None) => format!("at least {least}"),
            (None, Some(most)) => format!("at most {most}"),
            (None, None) => continue,
        };
        bounds.push(format!("{range} {unit}").trim_end().to_owned());
    }
    if let Some(pattern) = field["pattern"].as_str() {
        bounds.push(format!("`{pattern}`"));
    }
    if let Some(keys) = field["x-kubernetes-list-map-keys"].as_array() {
        let keys: Vec<&str> = keys.iter().map(text).collect();
        bounds.push(format!("one per `{}`", keys.join(", ")));
    }
    if field["x-kubernetes-list-type"] == "set" {
        bounds.push("no item twice".to_owned());
    }
    let object = field["properties"].is_object();
    bounds.extend(messages(field).filter(|_| !object).map(str::to_owned));
    if field["items"].is_object() && !field["items"]["properties"].is_object() {
        let items = self::bounds(&field["items"]);
        if !items.is_empty() {
            bounds.push(format!("each: {}", items.join(", ")));
        }
    }
    bounds
}

fn reasons(page: &mut String, title: &str, reasons: &[ListedReason]) {
    let _ = write!(page, "### {title}\n\n| reason | shown by | meaning |\n|---|---|---|\n");
    for reason in reasons {
        let _ = writeln!(
            page,
            "| `{}` | {} | {} |",
            reason.name,
            cell(reason.shown_by.as_str()),
            cell(reason.meaning)
        );
    }
    page.push('\n');
}

fn columns(page: &mut String, columns: &Value) {
    page.push_str("## Columns of `kubectl get`\n\n| column | shows | |\n|---|---|---|\n");
    for column in columns.as_array().into_iter().flatten() {
        let wide = if column["priority"].as_i64().unwrap_or_default() > 0 {
            "with `-o wide`"
        } else {
            ""
        };
        let _ = writeln!(
            page,
            "| {} | `{}` | {wide} |",
            text(&column["name"]).to_uppercase(),
            cell(text(&column["jsonPath"]).trim_start_matches('.'))
        );
    }
}

/// Text for a cell of a table: on one line, its bars escaped.
fn cell(text: &str) -> String {
    text.replace('\n', " ").replace('|', "\\|")
}

fn words(list: &Value) -> String {
    let words: Vec<&str> = list.as_array().into_iter().flatten().map(text).collect();
    words.join(", ")
}

fn code_words(list: &Value) -> String {
    let words: Vec<String> = list
        .as_array()
        .into_iter()
        .flatten()
        .map(|word| format!("`{}`", text(word)))
        .collect();
    words.join(", ")
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{bounds, files};
    use crate::definitions::definitions;

    #[test]
    fn every_field_and_every_rule_of_every_kind_is_on_its_page() {
        let pages = files();
        for (definition, (path, page)) in definitions().iter().zip(&pages) {
            let schema = &definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"];
            walk(schema, &mut |name, field| {
                assert!(page.contains(&format!("| `{name}` |")), "{path} lacks the field {name}");
                for rule in field["x-kubernetes-validations"].as_array().into_iter().flatten() {
                    let message = rule["message"].as_str().unwrap().replace('|', "\\|");
                    assert!(page.contains(&message), "{path} lacks the rule {message}");
                }
            });
        }
    }

    #[test]
    fn bounds_are_said_in_words() {
        let list = json!({
            "type": "array", "maxItems": 8, "minItems": 1, "x-kubernetes-list-type": "set",
            "items": { "type": "integer", "minimum": 100, "maximum": 599 },
        });
        assert_eq!(bounds(&list), ["1 to 8 items", "no item twice", "each: 100 to 599"]);
        let text = json!({ "type": "string", "minLength": 20, "maxLength": 20, "pattern": "^[a-z]{20}$" });
        assert_eq!(bounds(&text), ["exactly 20 characters", "`^[a-z]{20}$`"]);
        assert_eq!(bounds(&json!({ "type": "boolean" })), Vec::<String>::new());
    }

    fn walk(schema: &Value, check: &mut impl FnMut(&str, &Value)) {
        for part in ["spec", "status"] {
            fields(&schema["properties"][part], check);
        }
    }

    fn fields(schema: &Value, check: &mut impl FnMut(&str, &Value)) {
        for (name, field) in schema["properties"].as_object().into_iter().flatten() {
            check(name, field);
            if name != "conditions" {
                fields(field, check);
                fields(&field["items"], check);
            }
        }
    }
}
