//! YAML of generated files: sorted keys, readable by YAML 1.1 readers (kubectl, Flux), never wider than the sources.

use serde_json::Value;

/// First line of each generated file.
const HEADER: &str = "# Made by `cargo xtask generate`; do not edit.\n";

/// `documents` as one file.
///
/// The order of keys is settled here, because `serde_json` keeps either order depending on which crates a build unifies.
pub(crate) fn file(documents: impl IntoIterator<Item = Value>) -> String {
    headed(HEADER, documents)
}

/// The same below another first line.
pub(crate) fn headed(header: &str, documents: impl IntoIterator<Item = Value>) -> String {
    let documents: Vec<String> = documents.into_iter().map(document).collect();
    format!("{header}{}", documents.join("---\n"))
}

/// `value` as YAML, without the first line of a file.
pub(crate) fn document(mut value: Value) -> String {
    value.sort_all_objects();
    let options = serde_yaml::ser_options! { folded_wrap_chars: 110, compact_list_indent: true };
    let mut text = String::new();
    serde_yaml::to_fmt_writer_with_options(&mut text, &value, options).expect("a JSON value is YAML");
    text
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    #[test]
    fn what_a_yaml_1_1_reader_takes_for_something_else_is_quoted() {
        let value = json!({"on": "yes", "a": "2026-11-23", "b": "1e3", "c": "0o7", "d": "~", "e": "12:30:45", "f": "=", "y": "n"});
        let text = super::file([value.clone()]);
        for quoted in ["yes", "2026-11-23", "1e3", "0o7", "~", "12:30:45", "=", "n"] {
            assert!(
                text.contains(&format!("'{quoted}'")) || text.contains(&format!("\"{quoted}\"")),
                "{quoted} in {text}"
            );
        }
        assert_eq!(serde_yaml::from_str::<Value>(&text).unwrap(), value);
    }

    #[test]
    fn documents_are_separated_and_their_keys_sorted() {
        let text = super::file([json!({"b": 1, "a": 2}), json!({"c": []})]);
        assert_eq!(text, format!("{}a: 2\nb: 1\n---\nc: []\n", super::HEADER));
    }
}
