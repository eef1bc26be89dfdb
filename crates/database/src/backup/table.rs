use std::{fmt, str::FromStr};

/// Exact name of a table: no case is folded, nothing in it stands for anything else.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct TableName {
    pub schema: String,
    pub name: String,
}

/// Why a text does not name one table.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("write `schema.table`, with a name that has a dot or a quote in double quotes: `public.\"a.b\"`")]
pub struct TableNameError;

/// PostgreSQL keeps no more bytes of a name.
const LONGEST: usize = 63;

impl TableName {
    pub fn new(schema: impl Into<String>, name: impl Into<String>) -> Self {
        Self {
            schema: schema.into(),
            name: name.into(),
        }
    }

    /// A pattern of `pg_dump` that only this table matches: in quotes every character stands for itself.
    pub(crate) fn pattern(&self) -> String {
        format!("{}.{}", quoted(&self.schema), quoted(&self.name))
    }
}

/// An identifier of SQL in quotes, which is also a pattern of `pg_dump` that only this name matches.
pub(crate) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

impl FromStr for TableName {
    type Err = TableNameError;

    fn from_str(text: &str) -> Result<Self, TableNameError> {
        let (schema, rest) = part(text)?;
        let (name, rest) = part(rest.strip_prefix('.').ok_or(TableNameError)?)?;
        let lengths = [&schema, &name].map(|part| (1..=LONGEST).contains(&part.len()) && !part.contains('\0'));
        (rest.is_empty() && lengths == [true, true])
            .then_some(())
            .ok_or(TableNameError)?;
        Ok(Self { schema, name })
    }
}

/// The first part of a name, and what is behind it.
fn part(text: &str) -> Result<(String, &str), TableNameError> {
    let Some(mut rest) = text.strip_prefix('"') else {
        let end = text.find('.').unwrap_or(text.len());
        let (part, rest) = text.split_at_checked(end).ok_or(TableNameError)?;
        return if part.contains('"') {
            Err(TableNameError)
        } else {
            Ok((part.to_owned(), rest))
        };
    };
    let mut part = String::new();
    loop {
        let (before, after) = rest.split_once('"').ok_or(TableNameError)?;
        part.push_str(before);
        match after.strip_prefix('"') {
            Some(after) => {
                part.push('"');
                rest = after;
            }
            None => return Ok((part, after)),
        }
    }
}

impl fmt::Display for TableName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (part, end) in [(&self.schema, "."), (&self.name, "")] {
            if part.contains(['.', '"']) || part.is_empty() {
                write!(formatter, "{}{end}", quoted(part))?;
            } else {
                write!(formatter, "{part}{end}")?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::{TableName, TableNameError};

    #[test]
    fn a_name_is_read_as_it_is_shown_whatever_is_in_it() {
        for (text, schema, name) in [
            ("public.recipients", "public", "recipients"),
            ("public.Übung mit Leerzeichen", "public", "Übung mit Leerzeichen"),
            ("public.\"a.b\"", "public", "a.b"),
            ("\"x.y\".\"say \"\"hi\"\"\"", "x.y", "say \"hi\""),
            ("public.a*b?", "public", "a*b?"),
            ("Public.Recipients", "Public", "Recipients"),
        ] {
            let named = TableName::new(schema, name);
            assert_eq!(text.parse(), Ok(named.clone()), "{text}");
            assert_eq!(named.to_string(), text);
        }
    }

    #[test]
    fn what_names_no_table_or_several_is_refused() {
        let long = format!("public.{}", "x".repeat(64));
        for text in [
            "",
            "recipients",
            "public.",
            ".x",
            "a.b.c",
            "public.\"a",
            "public.\"a\"b",
            "a\"b.c",
            &long,
        ] {
            assert_eq!(text.parse::<TableName>(), Err(TableNameError), "{text}");
        }
    }

    #[test]
    fn in_a_pattern_of_pg_dump_every_character_stands_for_itself() {
        assert_eq!(TableName::new("a.b", "c*\"?").pattern(), "\"a.b\".\"c*\"\"?\"");
    }
}
