//! Parameters of a query as SQL literals of unknown type: the server decides what they are, as with any driver.

use serde_json::Value;

/// `None` where a text contains NUL, which no PostgreSQL text can.
pub(super) fn literal(value: &Value) -> Option<String> {
    match text(value)? {
        None => Some("NULL".to_owned()),
        Some(text) => Some(format!("E'{}'", text.replace('\\', "\\\\").replace('\'', "''"))),
    }
}

#[expect(
    clippy::option_option,
    reason = "outside: whether it can be written; inside: whether it is null"
)]
fn text(value: &Value) -> Option<Option<String>> {
    let text = match value {
        Value::Null => return Some(None),
        Value::String(text) => text.clone(),
        Value::Array(items) => array(items)?,
        other => other.to_string(),
    };
    (!text.contains('\0')).then_some(Some(text))
}

fn array(items: &[Value]) -> Option<String> {
    let mut parts = Vec::new();
    for item in items {
        parts.push(match item {
            Value::Array(items) => array(items)?,
            item => match text(item)? {
                None => "NULL".to_owned(),
                Some(text) => format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"")),
            },
        });
    }
    Some(format!("{{{}}}", parts.join(",")))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::literal;

    #[test]
    fn quotes_and_backslashes_do_not_end_a_literal() {
        let values = [
            json!(null),
            json!(1.5),
            json!(true),
            json!("a'b\\"),
            json!(["x\"y", null, [1]]),
            json!({"a": "'"}),
        ];
        let literals = [
            "NULL",
            "E'1.5'",
            "E'true'",
            "E'a''b\\\\'",
            "E'{\"x\\\\\"y\",NULL,{\"1\"}}'",
            "E'{\"a\":\"''\"}'",
        ];
        assert_eq!(
            values.map(|value| literal(&value)),
            literals.map(|text| Some(text.to_owned()))
        );
        assert_eq!(literal(&json!("\0")), None);
    }
}
