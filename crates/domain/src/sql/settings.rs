//! Settings by which the server would read a file in another way than we do.

use super::error::Refusal;
use super::lexer::{Kind, Word, words};
use super::parse::inside;

/// Each with the values that are ours. They are set anew before each statement: what remains is one that changes them for
/// itself.
const LEXING: [(&str, &[&str]); 3] = [
    ("standard_conforming_strings", &["on", "true", "yes", "1"]),
    ("backslash_quote", &["safe_encoding"]),
    ("client_encoding", ENCODINGS),
];
const ENCODINGS: &[&str] = &["utf8", "utf-8", "unicode"];
/// Bodies within bodies that are looked through.
const DEPTH: usize = 4;

const OTHER: Refusal = Refusal::control(
    "a setting by which the server reads strings in another way than this operator",
    "leave it out, and write E'…' where a backslash is an escape",
);

/// Refuses a statement that gives one of them another value than ours.
pub(super) fn lexing(text: &str, words: &[Word]) -> Result<(), (usize, Refusal)> {
    if changes(text, words, 0) {
        Err((words.first().map_or(0, |word| word.range.start), OTHER))
    } else {
        Ok(())
    }
}

fn changes(text: &str, words: &[Word], depth: usize) -> bool {
    let is = |at: usize, keyword| words.get(at).is_some_and(|word: &Word| word.is(text, keyword));
    // For sessions to come; ours sets its own.
    if is(0, "alter") && ["role", "user", "database", "system"].iter().any(|it| is(1, it)) {
        return false;
    }
    let set_names = |at: usize| is(at, "names") && at > 0 && is(at - 1, "set");
    let named = |name: &str| LEXING.iter().find(|(known, _)| *known == name);
    words.iter().enumerate().any(|(at, word)| {
        let value = |after: usize| words.get(at + after).map(|word| content(text, word));
        if set_names(at) {
            return !allows(ENCODINGS, value(1).as_deref());
        }
        if word.kind == Kind::Text {
            let argument = words.get(at + 1).is_some_and(|next| next.is_sign(text, b','));
            return match named(&content(text, word)) {
                Some((_, values)) if argument => !allows(values, value(2).as_deref()),
                // `UPDATE pg_settings … WHERE name = '…'`.
                Some(_) => (0..words.len()).any(|at| is(at, "pg_settings") && is(0, "update")),
                None => (depth > 0 || is(0, "do") || is(0, "create")) && depth < DEPTH && in_body(text, word, depth),
            };
        }
        let Some((_, values)) = word.name(text).as_deref().and_then(named) else {
            return false;
        };
        let set = is(at + 1, "to") || words.get(at + 1).is_some_and(|next| next.is_sign(text, b'='));
        set && !is(at + 2, "default") && !allows(values, value(2).as_deref())
    })
}

fn in_body(text: &str, word: &Word, depth: usize) -> bool {
    let body = content(text, word);
    let named = LEXING.iter().any(|(name, _)| body.contains(name)) || body.contains("names");
    named && words(&body, 0..body.len()).is_ok_and(|words| changes(&body, &words, depth + 1))
}

/// What is in a string, or the word, in lower case.
fn content(text: &str, word: &Word) -> String {
    let written = word.written(text);
    let inside = if word.kind == Kind::Text {
        let (opening, end) = inside(written);
        written
            .get(opening..written.len().saturating_sub(end))
            .unwrap_or_default()
    } else {
        written.trim_matches('"')
    };
    inside.replace("''", "'").to_ascii_lowercase()
}

fn allows(values: &[&str], value: Option<&str>) -> bool {
    value.is_some_and(|value| values.contains(&value))
}
