//! What may be shown of the server's messages. A SQLSTATE does not decide that: what a cast, dynamic SQL or `current_setting`
//! takes for a name may be a row's value, and `RAISE` may use any state. So a message is compared with those of PostgreSQL, whose
//! fixed words are shown, and those of the system for its errors (`No space left on device`); of what they are filled with, and of
//! any other message, a word is shown only if it occurs in the file that ran or as the name of an object in the catalogue, or if
//! it says nothing by itself, like a type.

mod catalogue;

use std::borrow::Cow;

use ace_domain::sql::is_unseen;
use tokio_postgres::error::DbError;

use self::catalogue::{Part, is_common, is_fixed, is_kind, parts};

/// Most characters of the server's message that are shown.
pub(crate) const MESSAGE: usize = 300;
/// Shown instead of a message of which too little may be shown.
pub(crate) const LOGGED: &str = "the server's log has the message";

/// How much of a message is kept until it is shown, in characters.
const KEPT: usize = 1_000;

/// A message of the server. It may have values of rows, so it can't be printed: see [`Text::redacted`].
pub(crate) struct ServerMessage {
    message: String,
    /// Names of the catalogue that it is about. `None`: SQL raised it, so it is not a message of PostgreSQL.
    names: Option<Vec<String>>,
}

impl ServerMessage {
    pub(crate) fn of(error: &DbError) -> Self {
        let names = [
            error.schema(),
            error.table(),
            error.column(),
            error.datatype(),
            error.constraint(),
        ];
        Self {
            message: error.message().chars().take(KEPT).collect(),
            names: (error.routine().is_some() && !is_raised(error))
                .then(|| names.into_iter().flatten().map(str::to_owned).collect()),
        }
    }

    /// The same as a program of PostgreSQL prints it, which may be one of its own messages.
    pub(crate) fn printed(message: &str) -> Self {
        Self {
            message: message.chars().take(KEPT).collect(),
            names: Some(Vec::new()),
        }
    }

    fn names(&self, name: &str) -> bool {
        self.names.iter().flatten().any(|known| known == name)
    }
}

/// `RAISE` and `ASSERT` may have any text, under any SQLSTATE.
pub(crate) fn is_raised(error: &DbError) -> bool {
    matches!(error.routine(), Some("exec_stmt_raise" | "exec_stmt_assert"))
}

/// A file's text in which words are looked up: in lower case, as names are read, and without what quotes need.
pub(crate) struct Text(String);

/// What is shown of a message, as far as it is read.
#[derive(Default)]
struct Shown {
    text: String,
    kept: usize,
    hidden: usize,
}

impl Shown {
    fn keep(&mut self, text: &str) {
        self.kept += text
            .split_whitespace()
            .filter(|word| word.contains(char::is_alphanumeric))
            .count();
        self.text.push_str(text);
    }

    /// Leaves a text out; `space` if one follows it.
    fn hide(&mut self, space: bool) {
        if !self.text.trim_end().ends_with('…') {
            self.hidden += 1;
            self.text.push('…');
            self.text.extend(space.then_some(' '));
        }
    }
}

impl Text {
    pub(crate) fn of<'a>(statements: impl IntoIterator<Item = &'a str>) -> Self {
        let read = |statement: &str| statement.to_lowercase().replace('"', "").replace("''", "'");
        let statements: Vec<String> = statements.into_iter().map(read).collect();
        Self(statements.join("\n"))
    }

    /// The part of a message that may be shown, in one line of at most `limit` characters; … replaces the rest.
    pub(crate) fn redacted(&self, server: &ServerMessage, limit: usize) -> String {
        let mut shown = Shown::default();
        let message = line(&server.message, KEPT);
        let own = server.names.as_ref().and_then(|_| parts(&message));
        if let Some(parts) = own {
            self.filled(server, &parts, &mut shown);
        } else {
            let common = |word: &str| server.names.is_some() && is_common(word);
            self.words(server, &message, common, &mut shown);
            if shown.kept < shown.hidden {
                return LOGGED.to_owned();
            }
        }
        line(&visible(shown.text.trim_end()), limit)
    }

    /// A message of PostgreSQL: its fixed words, and what is known of what it is filled with.
    fn filled(&self, server: &ServerMessage, parts: &[Part<'_>], shown: &mut Shown) {
        for (number, part) in parts.iter().enumerate() {
            let filled = match part {
                Part::Fixed(text) => {
                    shown.keep(text);
                    continue;
                }
                Part::Filled("") => continue,
                Part::Filled(text) => text,
            };
            let before = number.checked_sub(1).and_then(|before| parts.get(before));
            let opens = matches!(before, Some(Part::Fixed(text)) if text.ends_with('"'));
            let closes = matches!(parts.get(number + 1), Some(Part::Fixed(text)) if text.starts_with('"'));
            if opens && closes {
                // One name, or one value, whatever is in it.
                if server.names(filled) || self.has(filled) {
                    shown.keep(filled);
                } else {
                    shown.hide(false);
                }
            } else if number == 1 && is_fixed(filled) {
                shown.keep(filled);
            } else {
                self.words(server, filled, is_kind, shown);
                if !filled.ends_with(char::is_whitespace) {
                    shown.text.truncate(shown.text.trim_end().len());
                }
            }
        }
    }

    /// Text of which nothing is known but what is quoted in it.
    fn words(&self, server: &ServerMessage, text: &str, harmless: impl Fn(&str) -> bool, shown: &mut Shown) {
        for (number, part) in text.split('"').enumerate() {
            if number > 0 {
                shown.text.push('"');
            }
            // Between two quotes is one name, or one value.
            let quoted = number % 2 == 1;
            let end = |character: char| !quoted && character.is_whitespace();
            for word in part.split_inclusive(end) {
                let known = if quoted {
                    server.names(word) || self.has(word)
                } else {
                    self.knows(word, &harmless)
                };
                if known {
                    shown.keep(word);
                } else {
                    shown.hide(word.ends_with(end));
                }
            }
        }
    }

    fn knows(&self, word: &str, harmless: impl Fn(&str) -> bool) -> bool {
        word.split(['(', ')']).all(|part| {
            let part = part.trim_matches(|edge: char| edge.is_whitespace() || ",;:.'!?[]".contains(edge));
            part.is_empty() || harmless(part) || self.has(part)
        })
    }

    /// Whether this stands in the file, and not as a part of a longer word.
    fn has(&self, words: &str) -> bool {
        let words = words.to_lowercase();
        let inside = |one: Option<char>, other: Option<char>| {
            [one, other]
                .iter()
                .all(|end| end.is_some_and(|end| end.is_alphanumeric() || end == '_'))
        };
        self.0.match_indices(&words).any(|(at, found)| {
            let (before, rest) = self.0.split_at_checked(at).unwrap_or_default();
            let behind = rest.strip_prefix(found).unwrap_or_default();
            !inside(before.chars().next_back(), words.chars().next())
                && !inside(words.chars().next_back(), behind.chars().next())
        })
    }
}

/// A text whose signs can all be seen.
fn visible(text: &str) -> Cow<'_, str> {
    if !text.contains(is_unseen) {
        return Cow::Borrowed(text);
    }
    let seen = |sign: char| {
        if is_unseen(sign) {
            format!("<U+{:04X}>", u32::from(sign))
        } else {
            sign.to_string()
        }
    };
    Cow::Owned(text.chars().map(seen).collect())
}

fn line(text: &str, limit: usize) -> String {
    let line = |character: char| if character.is_control() { ' ' } else { character };
    let mut kept: String = text.chars().take(limit).map(line).collect();
    if kept.len() < text.len() {
        kept.pop();
        kept.push('…');
    }
    kept
}

#[cfg(test)]
mod tests;
