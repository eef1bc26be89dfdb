//! SQL that the server writes from a stored expression, in one form for one meaning.
//!
//! A dump has the text of an expression, and its restore stores what the parser makes of that, which reads differently once: a
//! cast of an array is then one of each element, and `(a AND b) AND c` is `a AND b AND c`. Both are undone here by rules that keep
//! the meaning: the parser itself casts the elements of `ARRAY[…]`, and AND and OR are associative. What is not understood stays
//! as it is.

mod tokens;

use sha2::{Digest, Sha256};

use self::tokens::{Item, Node, parsed, word, written};

/// A text of one meaning, on one line.
pub(super) fn canonical(text: &str) -> String {
    parsed(text).map_or_else(|| text.to_owned(), |items| written(&normal(items)))
}

/// The same for readers: a literal may be a key, so that it is `'…'`, and a digest of the whole text follows.
pub(super) fn without_literals(text: &str) -> String {
    let digest = |text: &str| format!("sha256:{}", hex::encode(Sha256::digest(text)));
    let Some(items) = parsed(text) else {
        return digest(text);
    };
    let items = normal(items);
    let whole = written(&items);
    let shown = written(&hidden(items));
    if shown == whole {
        return whole;
    }
    format!("{shown} {}", digest(&whole))
}

/// Length of a date: a longer number may be one of a card or an account.
const DATE: usize = 10;

fn normal(items: Vec<Item>) -> Vec<Item> {
    let items: Vec<Item> = items
        .into_iter()
        .map(|item| match item.node {
            Node::Group(open, inner) => Item {
                node: Node::Group(open, normal(inner)),
                ..item
            },
            _ => item,
        })
        .collect();
    let items = elements_cast(&items);
    let items = flattened(items, "AND", "OR");
    flattened(items, "OR", "AND")
}

/// `(ARRAY[a, b])::t[]` as `ARRAY[(a)::t, (b)::t]`.
fn elements_cast(items: &[Item]) -> Vec<Item> {
    let mut cast = Vec::with_capacity(items.len());
    let mut rest = items;
    while let [item, after @ ..] = rest {
        let found = array_in(item).and_then(|elements| Some((elements, array_type(after)?)));
        if let Some((elements, (element_type, after))) = found {
            cast.push(word("ARRAY", item.space));
            cast.push(elements_as(elements, element_type));
            rest = after;
        } else {
            cast.push(item.clone());
            rest = after;
        }
    }
    cast
}

/// The elements of `(ARRAY[…])`; there is at least one.
fn array_in(item: &Item) -> Option<&[Item]> {
    let Node::Group('(', inner) = &item.node else {
        return None;
    };
    array(inner)
}

fn array(items: &[Item]) -> Option<&[Item]> {
    match items {
        [
            Item {
                node: Node::Word(word), ..
            },
            Item {
                node: Node::Group('[', elements),
                ..
            },
        ] if word == "ARRAY" && !elements.is_empty() => Some(elements),
        _ => None,
    }
}

/// The type of the elements after `::`, before `[]`, and what follows.
fn array_type(items: &[Item]) -> Option<(&[Item], &[Item])> {
    let [cast, rest @ ..] = items else { return None };
    if !cast.is("::") {
        return None;
    }
    let is_end = |item: &Item| matches!(&item.node, Node::Group('[', inner) if inner.is_empty());
    let end = rest.iter().position(is_end)?;
    let (element_type, rest) = rest.split_at_checked(end)?;
    let is_type = |item: &Item| match &item.node {
        Node::Word(word) => word == "." || is_name(word),
        Node::Group('(', inner) => inner.iter().all(|item| matches!(&item.node, Node::Word(_))),
        _ => false,
    };
    let is_type = !element_type.is_empty() && element_type.iter().all(is_type);
    is_type.then_some((element_type, rest.get(1..)?))
}

fn is_name(word: &str) -> bool {
    let keyword = ["AND", "OR", "NOT", "THEN", "ELSE", "END", "WHEN", "FROM", "AS"].contains(&word);
    !keyword && word.starts_with(|first: char| first == '"' || first == '_' || first.is_alphabetic())
}

fn elements_as(elements: &[Item], element_type: &[Item]) -> Item {
    let mut cast = Vec::new();
    for (number, element) in elements.split(|item| item.is(",")).enumerate() {
        if number > 0 {
            cast.push(word(",", false));
        }
        let space = number > 0;
        if let Some(inner) = array(element) {
            cast.push(word("ARRAY", space));
            cast.push(elements_as(inner, element_type));
            continue;
        }
        // A literal of the same type gets its length at once.
        match element {
            [literal, sign, of @ ..] if sign.is("::") && is_length_of(element_type, of) => {
                cast.push(Item {
                    space,
                    ..literal.clone()
                });
            }
            _ => cast.push(Item {
                space,
                node: Node::Group(
                    '(',
                    element.iter().cloned().enumerate().map(first_without_space).collect(),
                ),
            }),
        }
        cast.push(word("::", false));
        cast.extend(element_type.iter().cloned());
    }
    Item {
        space: false,
        node: Node::Group('[', cast),
    }
}

fn first_without_space((number, item): (usize, Item)) -> Item {
    Item {
        space: item.space && number > 0,
        ..item
    }
}

/// Whether the one is the other type with a length.
fn is_length_of(long: &[Item], plain: &[Item]) -> bool {
    let is_group = |item: &&Item| matches!(item.node, Node::Group(..));
    let words = |items: &[Item]| written(&items.iter().filter(|item| !is_group(item)).cloned().collect::<Vec<_>>());
    long.iter().any(|item| is_group(&item)) && !plain.iter().any(|item| is_group(&item)) && words(long) == words(plain)
}

/// Operands of this word that are a list of the same word, as operands of their own.
fn flattened(items: Vec<Item>, by: &str, other: &str) -> Vec<Item> {
    if !is_list(&items, by, other) {
        return items;
    }
    let mut flat = Vec::with_capacity(items.len());
    let operands: Vec<_> = items.split(|item| item.is(by)).map(<[Item]>::to_vec).collect();
    for (number, operand) in operands.into_iter().enumerate() {
        if number > 0 {
            flat.push(word(by, true));
        }
        let space = operand.first().is_some_and(|first| first.space);
        match <[Item; 1]>::try_from(operand) {
            Ok(
                [
                    Item {
                        node: Node::Group('(', inner),
                        ..
                    },
                ],
            ) if is_list(&inner, by, other) && is_plain(&inner) => {
                flat.extend(inner.into_iter().enumerate().map(|(number, item)| Item {
                    space: if number == 0 { space } else { item.space },
                    ..item
                }));
            }
            Ok([one]) => flat.push(one),
            Err(operand) => flat.extend(operand),
        }
    }
    flat
}

/// Operands between this word, and no other meaning of it: `ROWS BETWEEN x AND y`.
fn is_list(items: &[Item], by: &str, other: &str) -> bool {
    let has = |word: &str| items.iter().any(|item| item.is(word));
    has(by) && !has(other) && !has("BETWEEN")
}

/// Nothing but operands: no subquery, no list of values, no condition of a CASE.
fn is_plain(items: &[Item]) -> bool {
    let others = [
        ",", ";", "SELECT", "WITH", "VALUES", "FROM", "WHERE", "CASE", "WHEN", "THEN", "ELSE", "ORDER", "AS",
    ];
    !items.iter().any(|item| others.iter().any(|other| item.is(other)))
}

/// Literals that may hold something are replaced: not an empty one, a number, or the name of a relation.
fn hidden(items: Vec<Item>) -> Vec<Item> {
    let next: Vec<bool> = (0..items.len())
        .map(|at| {
            let of = |offset: usize, word: &str| items.get(at + offset).is_some_and(|item| item.is(word));
            of(1, "::") && of(2, "regclass")
        })
        .collect();
    let items = items.into_iter().zip(next);
    let hide = |(item, is_relation): (Item, bool)| match item.node {
        Node::Group(open, inner) => Item {
            node: Node::Group(open, hidden(inner)),
            ..item
        },
        Node::Text(text) if !is_relation && !is_harmless(&text) => Item {
            node: Node::Text("'…'".to_owned()),
            ..item
        },
        node => Item { node, ..item },
    };
    items.map(hide).collect()
}

fn is_harmless(literal: &str) -> bool {
    let inner = literal.trim_matches('\'');
    inner.len() <= DATE
        && inner
            .chars()
            .all(|character| character.is_ascii_digit() || "-+.".contains(character))
}

#[cfg(test)]
mod tests;
