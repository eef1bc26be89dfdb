//! The fixed words of PostgreSQL's messages, from its message catalogues and programs.
//!
//! A message is written as its format string, with `%` for whatever a conversion puts in: `column "%" does not exist`; with `§` for
//! the reason that the C library gives (`%m`). What the server says is compared with them, so that only their own words are shown of it (`crates/database/src/redact`). Words are
//! facts; PostgreSQL's licence lets them be used with its copyright notice, which is in the head of the file.

use std::collections::BTreeSet;

/// Where the messages are, from the root of the repository.
pub const PATH: &str = "crates/database/src/redact/messages.txt";

/// Where the reasons of the C library are, from the root of the repository.
pub const REASONS_PATH: &str = "crates/database/src/redact/reasons.txt";

/// Numbers of errors that Linux has, and some room for more.
const ERRORS: std::ops::Range<i32> = 1..200;

/// Shortest text of a program that may be a message.
const SHORTEST: usize = 6;

/// The file: a head that names the sources, and a message per line.
///
/// Each source is a name for the head and the bytes of a compiled catalogue (`postgres-15.mo`, `plpgsql-15.mo`) or of a program
/// (`postgres`, `plpgsql.so`). A program has the messages that no catalogue translates, those of internal errors, and those of
/// versions whose catalogue is not at hand.
pub fn file(sources: &[(String, Vec<u8>)]) -> String {
    let mut messages = BTreeSet::new();
    for (_, content) in sources {
        let texts = catalogue(content).unwrap_or_else(|| program(content));
        messages.extend(texts.iter().filter_map(|text| message(text)));
    }
    let mut names: Vec<_> = sources.iter().map(|(name, _)| name.as_str()).collect();
    // The catalogue of one release has several languages, and none of them is complete.
    names.dedup();
    let head = format!(
        "# Messages of PostgreSQL, made by `cargo xtask messages` from {}.\n\
         # Portions Copyright (c) 1996-2026, PostgreSQL Global Development Group;\n\
         # Portions Copyright (c) 1994, The Regents of the University of California.\n",
        names.join(", ")
    );
    let lines: Vec<_> = messages.into_iter().collect();
    head + &lines.join("\n") + "\n"
}

/// What the C library of this machine says of each error of the system, a line each.
pub fn reasons() -> String {
    let said = |number: i32| {
        let said = std::io::Error::from_raw_os_error(number).to_string();
        let (reason, _) = said.rsplit_once(" (os error ")?;
        (!reason.starts_with("Unknown error")).then(|| reason.to_owned())
    };
    let reasons: BTreeSet<_> = ERRORS.filter_map(said).collect();
    let lines: Vec<_> = reasons.into_iter().collect();
    "# What the C library says of errors of the system, made by `cargo xtask messages`.\n".to_owned()
        + &lines.join("\n")
        + "\n"
}

/// The original texts of a catalogue that `msgfmt` has compiled, in both of its byte orders; `None` if it is something else.
fn catalogue(content: &[u8]) -> Option<Vec<String>> {
    let little = match content.get(..4)? {
        [0xde, 0x12, 0x04, 0x95] => true,
        [0x95, 0x04, 0x12, 0xde] => false,
        _ => return None,
    };
    let number = |at: usize| {
        let bytes = content.get(at..at + 4)?.try_into().ok()?;
        let number = if little {
            u32::from_le_bytes(bytes)
        } else {
            u32::from_be_bytes(bytes)
        };
        usize::try_from(number).ok()
    };
    let (count, table) = (number(8)?, number(12)?);
    let mut texts = Vec::new();
    for entry in 0..count {
        let (length, at) = (number(table + entry * 8)?, number(table + entry * 8 + 4)?);
        let text = String::from_utf8_lossy(content.get(at..at + length)?).into_owned();
        // A context is before \4, the plural after NUL.
        let text = text.rsplit('\u{4}').next().unwrap_or_default();
        texts.extend(text.split('\0').map(str::to_owned));
    }
    Some(texts)
}

/// The texts of a program between two NUL bytes that read like messages.
fn program(content: &[u8]) -> Vec<String> {
    let texts = content.split(|byte| *byte == 0).filter(|text| text.len() >= SHORTEST);
    let printable = texts.filter(|text| text.iter().all(|byte| matches!(byte, b' '..=b'~')));
    let texts = printable.map(|text| String::from_utf8_lossy(text).into_owned());
    texts.filter(|text| reads_like_message(text)).collect()
}

fn reads_like_message(text: &str) -> bool {
    let mut words = text.split_whitespace();
    let plain = |word: &str| word.len() > 1 && word.bytes().all(|byte| byte.is_ascii_lowercase());
    text.contains(' ') && words.any(plain)
}

fn begins(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_alphanumeric() || "\"%(".contains(first))
}

/// A primary message with its conversions as `%` and `§`. Details, hints and descriptions of settings are sentences, and are not shown.
fn message(text: &str) -> Option<String> {
    let sentence = {
        let mut letters = text.chars();
        letters.next().is_some_and(|first| first.is_ascii_uppercase())
            && letters.next().is_some_and(|second| second.is_ascii_lowercase())
    };
    if sentence || !begins(text) || text.contains(['\n', '\t']) || text.trim_end().ends_with('.') {
        return None;
    }
    let message = placeholders(text);
    let words = message.split(|character: char| !character.is_alphabetic());
    let words = words.filter(|word| word.chars().count() > 1).count();
    // One word alone may be a value.
    (words > 1 || words == 1 && message.contains(['%', '§'])).then_some(message)
}

/// Replaces each conversion by `%`, or `§` if it is `%m`, and a qualified name too; a percent sign is matched like one.
fn placeholders(text: &str) -> String {
    let mut message = String::new();
    let mut rest = text;
    while let Some((before, conversion)) = rest.split_once('%') {
        message.push_str(before);
        let kind = conversion.find(|character: char| !"-+ #0123456789.*$hlLqjztI'".contains(character));
        let end = kind.map_or(conversion.len(), |kind| {
            kind + conversion[kind..].chars().next().map_or(0, char::len_utf8)
        });
        if message.ends_with('§') {
            message.pop();
            message.push('%');
        } else if !message.ends_with('%') {
            message.push(if conversion.starts_with('m') { '§' } else { '%' });
        }
        rest = &conversion[end..];
    }
    message += rest;
    while message.contains("%.%") {
        message = message.replace("%.%", "%");
    }
    message
}

#[cfg(test)]
mod tests {
    use super::{file, message};

    #[test]
    fn a_message_is_kept_with_a_sign_for_each_conversion_and_a_sentence_is_not() {
        for (text, kept) in [
            ("column \"%s\" does not exist", Some("column \"%\" does not exist")),
            ("value %lld is out of %-3.*f%%", Some("value % is out of %")),
            ("%1$s of type %2$s", Some("% of type %")),
            ("could not read: %m", Some("could not read: §")),
            ("could not read: %s%m", Some("could not read: %")),
            ("could not read: %m%s", Some("could not read: %")),
            ("no relation \"%s.%s.%s\"", Some("no relation \"%\"")),
            ("NULL is not allowed", Some("NULL is not allowed")),
            ("Sets the number of pages", None),
            ("there is a full stop.", None),
            ("two\nlines here", None),
            ("table", None),
            ("%s: %d", None),
        ] {
            assert_eq!(message(text).as_deref(), kept, "{text}");
        }
    }

    #[test]
    fn the_c_library_has_a_reason_for_a_full_disk() {
        let reasons = super::reasons();
        for reason in ["No space left on device", "Permission denied", "Too many open files"] {
            assert!(reasons.lines().any(|line| line == reason), "{reason}");
        }
    }

    #[test]
    fn catalogues_are_read_whole_and_programs_as_far_as_they_read_like_messages() {
        let texts = b"\0no such %s\0no such %ss here\0";
        let mut compiled: Vec<u8> = Vec::new();
        for number in [0x9504_12de_u32, 0, 2, 28, 28, 0, 0, 0, 44, 27, 45] {
            compiled.extend(number.to_le_bytes());
        }
        compiled.truncate(44);
        compiled.extend(texts);
        let program = b"\x7fELF\0wrong tuple length\0pg_table_is_visible\0SELECT FROM\0\x01\x02 more text\0".to_vec();
        let made = file(&[("a.mo".to_owned(), compiled), ("b".to_owned(), program)]);
        let lines: Vec<_> = made.lines().filter(|line| !line.starts_with('#')).collect();
        assert_eq!(lines, ["no such %", "no such %s here", "wrong tuple length"]);
        assert!(made.contains("from a.mo, b."));
    }
}
