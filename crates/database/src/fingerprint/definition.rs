//! Definition of an object: one attribute per line, always the same ones in the same order for a class.
//!
//! An attribute that begins with [`ORDINARY`] is a default, e.g. that a column is nullable: it is shown only if it is the
//! difference.

use sha2::{Digest, Sha256};

use super::{
    ObjectClass,
    expression::{canonical, without_literals},
};

/// Before an attribute with an expression, which is shown without its literals.
const EXPRESSION: char = '\u{1}';
/// Before one of which only the first word is shown, and a digest of the rest.
const SECRET: char = '\u{3}';

/// Prefix of a default attribute.
const ORDINARY: char = '~';

/// Longest attribute that is kept as it is, in characters.
const LONGEST_ATTRIBUTE: usize = 120;
/// Characters of a longer one that are kept before its digest.
const HEAD: usize = 60;
/// Longest text that is shown, in characters.
const LONGEST_SHOWN: usize = 200;
/// How much of a digest is shown, of 64 digits.
const SHOWN_DIGITS: usize = 12;

const DIGEST: &str = "sha256:";

/// The lines of an object with these attributes.
pub(super) fn written(attributes: &[String]) -> String {
    let lines: Vec<_> = attributes
        .iter()
        .map(|attribute| bounded(one_line(&expressed(attribute))))
        .collect();
    lines.join("\n")
}

/// An attribute with its expression in the form in which it is compared.
fn expressed(attribute: &str) -> String {
    if let Some(expression) = attribute.strip_prefix(EXPRESSION) {
        return match expression.strip_prefix(ORDINARY) {
            Some(expression) => format!("{ORDINARY}{}", without_literals(expression)),
            None => without_literals(expression),
        };
    }
    match attribute.strip_prefix(SECRET).and_then(|rest| rest.split_once(' ')) {
        Some((what, secret)) => format!("{what} {DIGEST}{}", hex::encode(Sha256::digest(canonical(secret)))),
        None => attribute.to_owned(),
    }
}

/// A text without line breaks and other control characters, and unlike that of any other text.
pub(super) fn one_line(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    for character in text.chars() {
        if character.is_control() || character == '\\' {
            line.extend(character.escape_default());
        } else {
            line.push(character);
        }
    }
    line
}

/// An object for the reader: its attributes that are not defaults.
pub(super) fn whole(class: ObjectClass, definition: &str) -> String {
    let text = definition
        .lines()
        .filter(|line| !line.starts_with(ORDINARY) && !line.is_empty());
    // A column reads as it is declared.
    let separator = if class == ObjectClass::Column { " " } else { ", " };
    shown(&text.collect::<Vec<_>>().join(separator))
}

/// The attributes in which two definitions of one object differ, for the reader.
pub(super) fn differing(class: ObjectClass, desired: &str, observed: &str) -> (String, String) {
    if desired.lines().count() != observed.lines().count() {
        return (whole(class, desired), whole(class, observed));
    }
    let pairs = desired.lines().zip(observed.lines());
    let (desired, observed): (Vec<_>, Vec<_>) = pairs.filter(|(desired, observed)| desired != observed).unzip();
    let text = |lines: Vec<&str>| {
        let plain = lines
            .into_iter()
            .map(|line| line.strip_prefix(ORDINARY).unwrap_or(line));
        shown(&plain.collect::<Vec<_>>().join(", "))
    };
    (text(desired), text(observed))
}

/// A text of at most [`LONGEST_SHOWN`] characters, its digests shortened.
pub(super) fn shown(text: &str) -> String {
    let mut short = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once(DIGEST) {
        let digits = after.bytes().take_while(u8::is_ascii_hexdigit).count();
        short.push_str(before);
        short.push_str(DIGEST);
        let (digest, after) = after.split_at_checked(digits).unwrap_or_default();
        short.extend(digest.chars().take(SHOWN_DIGITS));
        rest = after;
    }
    short.push_str(rest);
    if short.chars().count() <= LONGEST_SHOWN {
        return short;
    }
    let digest: String = hex::encode(Sha256::digest(text)).chars().take(SHOWN_DIGITS).collect();
    let tail = format!("… {DIGEST}{digest}");
    let head: String = short.chars().take(LONGEST_SHOWN - tail.chars().count()).collect();
    head + &tail
}

fn bounded(attribute: String) -> String {
    if attribute.chars().count() <= LONGEST_ATTRIBUTE {
        return attribute;
    }
    let head: String = attribute.chars().take(HEAD).collect();
    format!("{head}… {DIGEST}{}", hex::encode(Sha256::digest(&attribute)))
}
