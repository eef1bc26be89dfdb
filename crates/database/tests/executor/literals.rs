//! The SQL that is written down in a crate's source.

use std::{fs, iter::Peekable, path::Path, str::Chars};

/// With which a statement begins.
const BEGINS: [&str; 26] = [
    "ALTER",
    "BEGIN",
    "COMMIT",
    "CREATE",
    "DELETE",
    "DISCARD",
    "DO",
    "DROP",
    "EXPLAIN",
    "GRANT",
    "INSERT",
    "LOCK",
    "PREPARE",
    "REINDEX",
    "RELEASE",
    "RESET",
    "REVOKE",
    "ROLLBACK",
    "SAVEPOINT",
    "SELECT",
    "SET",
    "SHOW",
    "TRUNCATE",
    "UPDATE",
    "VALUES",
    "WITH",
];

/// A piece of SQL, and the file that it is in.
pub struct Literal {
    pub file: String,
    pub text: String,
}

impl Literal {
    /// Whether this statement has all of it, in order.
    pub fn is_in(&self, statement: &str) -> bool {
        let mut rest = statement;
        parts(&self.text)
            .iter()
            .all(|part| match rest.split_once(part.as_str()) {
                Some((_, behind)) => {
                    rest = behind;
                    true
                }
                None => false,
            })
    }
}

/// What is not filled in, of a text for `format!`; of any other it is the text.
fn parts(text: &str) -> Vec<String> {
    let (mut parts, mut part, mut inside) = (Vec::new(), String::new(), false);
    let text = text.replace("{{", "\u{1}").replace("}}", "\u{2}");
    for letter in text.chars() {
        match letter {
            '{' => {
                parts.push(std::mem::take(&mut part));
                inside = true;
            }
            '}' => inside = false,
            _ if inside => {}
            '\u{1}' => part.push('{'),
            '\u{2}' => part.push('}'),
            letter => part.push(letter),
        }
    }
    parts.push(part);
    parts.retain(|part| !part.trim().is_empty());
    parts
}

/// All SQL in the source below this folder, but for that of tests.
pub fn sql_below(folder: &Path) -> Vec<Literal> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir() {
            if name != "tests" {
                found.extend(sql_below(&path));
            }
            continue;
        }
        let file = path.display().to_string();
        let source = || fs::read_to_string(&path).unwrap();
        let texts = match path.extension().and_then(|extension| extension.to_str()) {
            Some("sql") => vec![source().trim().to_owned()],
            Some("rs") if name != "tests.rs" => {
                let code = source();
                literals(code.split("#[cfg(test)]\nmod tests {").next().unwrap())
            }
            _ => Vec::new(),
        };
        let ours = texts.into_iter().filter(|text| is_sql(text));
        found.extend(ours.map(|text| Literal {
            file: file.clone(),
            text,
        }));
    }
    found
}

fn is_sql(text: &str) -> bool {
    let word = text.split([' ', ';', '\n']).next().unwrap_or_default();
    text.contains("pg_catalog.") || text.contains("ace_ops.") || (BEGINS.contains(&word) && text.len() > word.len())
}

/// The texts in a Rust source.
fn literals(source: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut letters = source.chars().peekable();
    let mut before = ' ';
    while let Some(letter) = letters.next() {
        match letter {
            '/' if letters.peek() == Some(&'/') => while letters.next_if(|letter| *letter != '\n').is_some() {},
            '"' => found.push(text(&mut letters)),
            'r' if !before.is_alphanumeric() && matches!(letters.peek(), Some('"' | '#')) => {
                if let Some(text) = raw(&mut letters) {
                    found.push(text);
                }
            }
            // A letter, or a lifetime.
            '\'' => {
                let mut ahead = letters.clone();
                match (ahead.next(), ahead.next()) {
                    (Some('\\'), _) => {
                        letters.nth(1);
                        while letters.next_if(|letter| *letter != '\'').is_some() {}
                        letters.next();
                    }
                    (Some(_), Some('\'')) => {
                        letters.nth(1);
                    }
                    _ => {}
                }
            }
            _ => {}
        }
        before = letter;
    }
    found
}

/// What is between quotes, behind the first.
fn text(letters: &mut Peekable<Chars<'_>>) -> String {
    let mut text = String::new();
    while let Some(letter) = letters.next() {
        match letter {
            '"' => break,
            '\\' => match letters.next() {
                Some('\n') => while letters.next_if(|letter| letter.is_whitespace()).is_some() {},
                Some('n') => text.push('\n'),
                Some(other) => text.push(other),
                None => {}
            },
            letter => text.push(letter),
        }
    }
    text
}

/// The same of a raw text, behind its `r`; `None` if it is a raw name.
fn raw(letters: &mut Peekable<Chars<'_>>) -> Option<String> {
    let mut end = String::from('"');
    while letters.next_if_eq(&'#').is_some() {
        end.push('#');
    }
    letters.next_if_eq(&'"')?;
    let mut text = String::new();
    while !text.ends_with(&end) {
        text.push(letters.next()?);
    }
    text.truncate(text.len() - end.len());
    Some(text)
}
