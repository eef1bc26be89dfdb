//! Words, literals and brackets of an expression.

/// Brackets that are open at once; more are not read. The server's own stack ends not much later.
const DEPTH: usize = 400;

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Item {
    /// White space is before it.
    pub(super) space: bool,
    pub(super) node: Node,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Node {
    /// A name, a number, an operator, a sign.
    Word(String),
    /// A string with its quotes.
    Text(String),
    /// What is in brackets, and the opening one.
    Group(char, Vec<Item>),
}

impl Item {
    pub(super) fn is(&self, word: &str) -> bool {
        matches!(&self.node, Node::Word(is) if is == word)
    }
}

pub(super) fn word(word: &str, space: bool) -> Item {
    Item {
        space,
        node: Node::Word(word.to_owned()),
    }
}

/// The text, with one space where there is white space.
pub(super) fn written(items: &[Item]) -> String {
    let mut text = String::new();
    write(items, &mut text);
    text
}

fn write(items: &[Item], text: &mut String) {
    for item in items {
        if item.space {
            text.push(' ');
        }
        match &item.node {
            Node::Word(word) | Node::Text(word) => text.push_str(word),
            Node::Group(open, inner) => {
                text.push(*open);
                write(inner, text);
                text.push(closing(*open));
            }
        }
    }
}

fn closing(open: char) -> char {
    if open == '(' { ')' } else { ']' }
}

/// The parts of a text; `None` if brackets don't match, a literal does not end, or it is nested too deeply.
pub(super) fn parsed(text: &str) -> Option<Vec<Item>> {
    let mut open: Vec<(Item, Vec<Item>)> = Vec::new();
    let mut items = Vec::new();
    let mut rest = text;
    loop {
        let trimmed = rest.trim_start();
        let space = trimmed.len() < rest.len();
        let Some(first) = trimmed.chars().next() else {
            return open.is_empty().then_some(items);
        };
        rest = trimmed.get(first.len_utf8()..)?;
        match first {
            '(' | '[' if open.len() < DEPTH => {
                let group = Item {
                    space,
                    node: Node::Group(first, Vec::new()),
                };
                open.push((group, std::mem::take(&mut items)));
            }
            '(' | '[' => return None,
            ')' | ']' => {
                let (group, before) = open.pop()?;
                let Node::Group(bracket, _) = group.node else {
                    return None;
                };
                if closing(bracket) != first {
                    return None;
                }
                let inner = std::mem::replace(&mut items, before);
                items.push(Item {
                    space: group.space,
                    node: Node::Group(bracket, inner),
                });
            }
            _ => {
                let (length, is_text) = length(trimmed)?;
                let (token, after) = trimmed.split_at_checked(length)?;
                let token = token.to_owned();
                let node = if is_text { Node::Text(token) } else { Node::Word(token) };
                items.push(Item { space, node });
                rest = after;
            }
        }
    }
}

/// Length of the first word or literal, and whether it is a literal.
fn length(text: &str) -> Option<(usize, bool)> {
    let first = text.chars().next()?;
    let second = text.chars().nth(1);
    let run = |is: fn(char) -> bool| text.find(|character| !is(character)).unwrap_or(text.len());
    Some(match first {
        '\'' => (1 + string(text.get(1..)?, false)?, true),
        'E' | 'B' | 'X' | 'N' if second == Some('\'') => (2 + string(text.get(2..)?, first == 'E')?, true),
        '"' => (1 + quoted(text.get(1..)?)?, false),
        ',' | ';' | '.' => (1, false),
        ':' if text.starts_with("::") => (2, false),
        _ if first.is_ascii_digit() => (number(text), false),
        _ if is_name(first) => (run(is_name), false),
        _ => (run(is_operator).max(first.len_utf8()), false),
    })
}

fn is_name(character: char) -> bool {
    character.is_alphanumeric() || "_$".contains(character)
}

fn is_operator(character: char) -> bool {
    "+-*/<>=~!@#%^&|`?:".contains(character)
}

fn number(text: &str) -> usize {
    let mut before = ' ';
    for (at, character) in text.char_indices() {
        let exponent = "+-".contains(character) && "eE".contains(before);
        if !exponent && !character.is_ascii_alphanumeric() && character != '.' {
            return at;
        }
        before = character;
    }
    text.len()
}

/// Length of the rest of a string, with its last quote.
fn string(text: &str, escapes: bool) -> Option<usize> {
    let mut characters = text.char_indices().peekable();
    while let Some((at, character)) = characters.next() {
        match character {
            '\\' if escapes => drop(characters.next()),
            '\'' if characters.next_if(|(_, next)| *next == '\'').is_none() => return Some(at + 1),
            _ => {}
        }
    }
    None
}

fn quoted(text: &str) -> Option<usize> {
    let mut characters = text.char_indices().peekable();
    while let Some((at, character)) = characters.next() {
        if character == '"' && characters.next_if(|(_, next)| *next == '"').is_none() {
            return Some(at + 1);
        }
    }
    None
}
