//! A column's text as JSON, the way the platform's driver has it: numbers where JSON can hold them, else text.

use serde_json::{Number, Value};
use tokio_postgres::types::{Kind, Type};

/// Largest integer that every JSON reader takes exactly: 2^53 - 1.
const SAFE: i64 = 9_007_199_254_740_991;

pub(super) fn json(text: Option<&str>, of: &Type) -> Value {
    let Some(text) = text else { return Value::Null };
    if let Kind::Array(item) = of.kind() {
        return Array {
            rest: text.trim_start_matches(|letter| letter != '{'),
        }
        .read(item)
        .unwrap_or_else(|| text.into());
    }
    let parsed = match *of {
        Type::BOOL => Some(Value::Bool(text == "t")),
        Type::INT2 | Type::INT4 | Type::INT8 | Type::OID => text
            .parse::<i64>()
            .ok()
            .filter(|number| number.abs() <= SAFE)
            .map(Value::from),
        // What is no JSON number (NaN, Infinity) is null, as JSON.stringify has it.
        Type::FLOAT4 | Type::FLOAT8 => Some(
            text.parse()
                .ok()
                .and_then(Number::from_f64)
                .map_or(Value::Null, Value::Number),
        ),
        Type::JSON | Type::JSONB => serde_json::from_str(text).ok(),
        _ => None,
    };
    parsed.unwrap_or_else(|| text.into())
}

/// Reader of PostgreSQL's array text: `{1,NULL,"a \"b\"",{…}}`, bounds before the first brace cut off.
struct Array<'a> {
    rest: &'a str,
}

impl Array<'_> {
    fn read(&mut self, item: &Type) -> Option<Value> {
        self.take('{')?;
        let mut items = Vec::new();
        if self.take('}').is_some() {
            return Some(Value::Array(items));
        }
        loop {
            items.push(match self.rest.chars().next()? {
                '{' => self.read(item)?,
                '"' => json(Some(&self.quoted()?), item),
                _ => {
                    let (text, rest) = self.rest.split_at(self.rest.find([',', '}'])?);
                    self.rest = rest;
                    if text == "NULL" {
                        Value::Null
                    } else {
                        json(Some(text), item)
                    }
                }
            });
            if self.take(',').is_none() {
                self.take('}')?;
                return Some(Value::Array(items));
            }
        }
    }

    fn take(&mut self, letter: char) -> Option<()> {
        self.rest = self.rest.strip_prefix(letter)?;
        Some(())
    }

    fn quoted(&mut self) -> Option<String> {
        self.take('"')?;
        let mut text = String::new();
        let mut letters = self.rest.char_indices();
        loop {
            match letters.next()? {
                (index, '"') => {
                    self.rest = &self.rest[index + 1..];
                    return Some(text);
                }
                (_, '\\') => text.push(letters.next()?.1),
                (_, letter) => text.push(letter),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use tokio_postgres::types::Type;

    #[test]
    fn values_keep_their_type_where_json_has_it() {
        let cases = [
            ("t", Type::BOOL, json!(true)),
            ("-7", Type::INT4, json!(-7)),
            ("9007199254740991", Type::INT8, json!(9_007_199_254_740_991_i64)),
            ("9007199254740992", Type::INT8, json!("9007199254740992")),
            ("1.50", Type::NUMERIC, json!("1.50")),
            ("1.5", Type::FLOAT8, json!(1.5)),
            ("NaN", Type::FLOAT8, Value::Null),
            (r#"{"a":[1]}"#, Type::JSONB, json!({"a": [1]})),
            ("2026-01-01", Type::DATE, json!("2026-01-01")),
            (
                r#"{a,NULL,"b \"c\", d",""}"#,
                Type::TEXT_ARRAY,
                json!(["a", null, "b \"c\", d", ""]),
            ),
            ("[0:1]={{1,2},{3,4}}", Type::INT4_ARRAY, json!([[1, 2], [3, 4]])),
            ("{}", Type::INT4_ARRAY, json!([])),
        ];
        for (text, of, wanted) in cases {
            assert_eq!(super::json(Some(text), &of), wanted, "{text}");
        }
        assert_eq!(super::json(None, &Type::INT4), Value::Null);
    }
}
