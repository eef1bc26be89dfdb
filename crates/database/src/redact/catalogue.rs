//! PostgreSQL's own messages, as its programs have them: which words of a message are fixed, and what was filled in.

use std::{
    collections::{BTreeSet, HashMap},
    sync::LazyLock,
};

/// A message per line, with `%` for what is filled in, and `§` for what the system says of an error; written by
/// `cargo xtask messages`, as is the next.
const MESSAGES: &str = include_str!("messages.txt");

/// What the system says of its errors, each in a line.
const REASONS: &str = include_str!("reasons.txt");

/// In how many messages a word occurs that is shown of a message which is none of them, as of an extension or a later version: names
/// of people, towns and firms are in none, "password" is in more.
const COMMON: usize = 12;

static COMMON_WORDS: LazyLock<BTreeSet<String>> = LazyLock::new(|| {
    let mut messages_with: HashMap<String, usize> = HashMap::new();
    for message in messages() {
        let words: BTreeSet<_> = message.split_whitespace().filter_map(plain).collect();
        for word in words {
            *messages_with.entry(word).or_default() += 1;
        }
    }
    let common = messages_with.into_iter().filter(|(_, messages)| *messages >= COMMON);
    common.map(|(word, _)| word).collect()
});

/// The messages by their first two letters: a message is compared with those that begin as it does.
static BY_BEGINNING: LazyLock<HashMap<[u8; 2], Vec<&'static str>>> = LazyLock::new(|| {
    let mut by_beginning: HashMap<_, Vec<_>> = HashMap::new();
    for message in messages() {
        by_beginning.entry(beginning(message)).or_default().push(message);
    }
    by_beginning
});

/// The key of messages that don't begin with two ASCII characters of their own: most begin with what is filled in.
const FILLED: [u8; 2] = *b"%%";

fn beginning(message: &str) -> [u8; 2] {
    let own = |byte: u8| byte.is_ascii() && !is_sign(char::from(byte));
    match *message.as_bytes() {
        [first, second, ..] if own(first) && own(second) => [first, second],
        _ => FILLED,
    }
}

/// What the server puts in where it names a type or describes an object: `column a of table t`.
const KINDS: &str = "\
    access aggregate any anyarray anyelement array as at bigint bit boolean box bytea cascades cast char character cidr circle class \
    collation column constraint conversion database date default domain double event extension false family for foreign foreign-data \
    from function in index inet int2 int4 int8 integer interval json jsonb jsonpath language large line lseg macaddr mapping \
    materialized method money name null numeric object of oid on operator or parameter path permission point policy polygon precision \
    privileges procedure public publication real record regclass relation role row rule schema sequence server set smallint \
    statistics subscription table tablespace text time timestamp to toast transform trigger true tsquery tsvector type unknown user \
    using uuid value varying varchar view void with without wrapper xml zone";

/// A part of a message.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Part<'a> {
    /// The server's own words, or what the system says of an error.
    Fixed(&'a str),
    /// What the server has put in.
    Filled(&'a str),
}

/// Stands for what the system says of an error.
const REASON: char = '§';

/// Stands for what is filled in.
pub(super) fn is_sign(character: char) -> bool {
    ['%', REASON].contains(&character)
}

/// Every message, with `%` and `§` for what is filled in.
pub(super) fn messages() -> impl Iterator<Item = &'static str> {
    MESSAGES.lines().filter(|line| !line.starts_with('#'))
}

/// The parts of a message of PostgreSQL; `None` if it is none. Of several that it may be, the one with most letters of its own.
pub(super) fn parts(message: &str) -> Option<Vec<Part<'_>>> {
    let candidates = [beginning(message), FILLED];
    let candidates = candidates.iter().filter_map(|beginning| BY_BEGINNING.get(beginning));
    let found = candidates
        .flatten()
        .filter_map(|form| Some((form, split(form, message)?)));
    let fixed = |form: &str| form.chars().filter(|character| character.is_alphanumeric()).count();
    let best = found.max_by_key(|(form, _)| (fixed(form), form.len()));
    best.map(|(_, parts)| parts)
}

/// A whole message without anything filled in, which is a part of another one: `syntax error` at or near something.
pub(super) fn is_fixed(text: &str) -> bool {
    let alike = BY_BEGINNING.get(&beginning(text));
    alike.is_some_and(|messages| messages.contains(&text))
}

/// One of the texts that the C library has for errors of the system.
fn is_reason(text: &str) -> bool {
    REASONS.lines().any(|reason| reason == text)
}

/// A type, or the kind of an object.
pub(super) fn is_kind(word: &str) -> bool {
    let word = word.to_lowercase();
    KINDS.split_whitespace().any(|kind| kind == word)
}

/// A word of many messages.
pub(super) fn is_common(word: &str) -> bool {
    plain(word).is_some_and(|word| COMMON_WORDS.contains(&word))
}

fn split<'a>(form: &str, message: &'a str) -> Option<Vec<Part<'a>>> {
    let mut signs = form.chars().filter(|character| is_sign(*character));
    let mut pieces = form.split(is_sign);
    let first = pieces.next()?;
    let mut rest = message.strip_prefix(first)?;
    let mut parts = vec![Part::Fixed(message.get(..first.len())?)];
    let mut pieces = pieces.peekable();
    if pieces.peek().is_none() {
        return rest.is_empty().then_some(parts);
    }
    while let Some(piece) = pieces.next() {
        let at = match pieces.peek() {
            Some(_) => rest.find(piece)?,
            None => rest.strip_suffix(piece)?.len(),
        };
        let (filled, after) = rest.split_at_checked(at)?;
        let (fixed, after) = after.split_at_checked(piece.len())?;
        let filled = match signs.next() {
            Some(REASON) if is_reason(filled) => Part::Fixed(filled),
            _ => Part::Filled(filled),
        };
        parts.extend([filled, Part::Fixed(fixed)]);
        rest = after;
    }
    Some(parts)
}

/// A word without what is around it, in lower case; `None` if it is a number, a sign, or not only letters.
fn plain(word: &str) -> Option<String> {
    let word = word.trim_matches(|edge: char| !edge.is_alphanumeric() && !is_sign(edge));
    let letters = |character: char| character.is_ascii_alphabetic() || "-'".contains(character);
    (!word.is_empty() && word.chars().all(letters)).then(|| word.to_lowercase())
}
