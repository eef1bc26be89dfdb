//! The use of an enum's new value in the transaction that adds it, which the server refuses. Its literal may as well be a text's,
//! so a use is one only where the type is known: from a cast or a column's definition, or from the catalogue. Of any other the
//! server knows, and says so.

use std::collections::BTreeSet;

use super::effect::Name;
use super::error::{Refusal, ScriptError};
use super::execution_mode::ExecutionMode;
use super::lexer::{Kind, Word};
use super::lines::Lines;
use super::lookup::named;
use super::risk::{Catalogue, Qualified};
use super::script::{Piece, Script};

/// A place that uses a value which the same transaction adds, if it is one of that type and was not there before.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Use {
    line: u32,
    column: u32,
    value: Value,
    of: Type,
}

/// A value that an `ALTER TYPE … ADD VALUE` adds.
#[derive(Clone, Debug, Eq, PartialEq)]
struct Value {
    of: Name,
    /// As it is written.
    literal: String,
    /// It may have been there before.
    if_not_exists: bool,
}

/// How the type of a literal is known.
#[derive(Clone, Debug, Eq, PartialEq)]
enum Type {
    /// It stands beside it.
    Written,
    /// It is that of a column.
    Column(Name, String),
}

/// The places in a file that may use a value in the transaction that adds it.
pub(super) fn uses(text: &str, lines: &Lines<'_>, pieces: &[Piece]) -> Vec<Use> {
    let (mut added, mut uses): (Vec<Value>, Vec<Use>) = (Vec::new(), Vec::new());
    for piece in pieces {
        let words = Words {
            text,
            words: &piece.words,
        };
        if matches!(piece.execution_mode, ExecutionMode::Alone(_)) {
            added.clear();
        } else if let Some(value) = words.adds_value() {
            added.extend(Some(value).filter(|value| !is_new_type(value, text, pieces)));
        } else if !added.is_empty() {
            for (at, word) in piece.words.iter().enumerate() {
                let value = added.iter().find(|value| value.literal == word.written(text));
                let Some((value, of)) = value.and_then(|value| Some((value, words.type_at(at, &value.of)?))) else {
                    continue;
                };
                let (line, column) = lines.position(word.range.start);
                let value = value.clone();
                uses.push(Use {
                    line,
                    column,
                    value,
                    of,
                });
            }
        }
    }
    uses
}

/// The first of these scripts that uses an enum's new value in the transaction that adds it.
pub fn used_new_value(scripts: &[&Script], catalogue: &Catalogue) -> Option<(usize, ScriptError)> {
    let mut reshaped = BTreeSet::new();
    scripts.iter().enumerate().find_map(|(number, script)| {
        reshaped.extend(script.reshaped.iter().map(|table| table.name.as_str()));
        let used = script.new_values.iter();
        let used = used.filter(|used| {
            !used
                .column_table()
                .is_some_and(|table| reshaped.contains(table.name.as_str()))
        });
        let refused = used.into_iter().find(|used| used.is_refused(catalogue))?;
        Some((number, refused.error()))
    })
}

/// The tables that a file makes, changes or drops.
pub(super) fn reshaped(text: &str, pieces: &[Piece]) -> Vec<Name> {
    let tables = pieces.iter().filter_map(|piece| {
        let words = Words {
            text,
            words: &piece.words,
        };
        let has = |keyword: &&str| piece.words.iter().any(|word| word.is(text, keyword));
        let changes = words.is(0, "alter") && ["add", "drop", "type", "rename", "schema"].iter().any(has);
        let ddl = words.is(0, "create") || words.is(0, "drop") || changes;
        Some(words.table((ddl && words.is(1, "table")).then_some(2)?)?.0)
    });
    tables.collect()
}

impl Use {
    pub(super) fn is_certain(&self) -> bool {
        self.of == Type::Written && !self.value.if_not_exists
    }

    pub(super) fn error(&self) -> ScriptError {
        let (line, column, refusal) = (self.line, self.column, NEW_VALUE);
        ScriptError { line, column, refusal }
    }

    fn column_table(&self) -> Option<&Name> {
        match &self.of {
            Type::Written => None,
            Type::Column(table, _) => Some(table),
        }
    }

    fn is_refused(&self, catalogue: &Catalogue) -> bool {
        let label = self.value.literal.trim_matches('\'').replace("''", "'");
        let is_of = |found: &Qualified| is_same(&named(found), &self.value.of);
        let mut types = catalogue.enums.iter().filter(|(found, _)| is_of(found));
        if self.value.if_not_exists && types.any(|(_, labels)| labels.contains(&label)) {
            return false;
        }
        match &self.of {
            Type::Written => true,
            Type::Column(table, column) => {
                let mut tables = catalogue.relations.keys().filter(|found| is_same(&named(found), table));
                let is_of = |table| Some(is_of(catalogue.enum_columns.get(table)?.get(column)?));
                // In each schema that has such a table.
                let mut is_known = false;
                tables.all(|table| {
                    is_known = is_of(table) == Some(true);
                    is_known
                }) && is_known
            }
        }
    }
}

/// Whether both can be the same: an unqualified one is found by the search path.
fn is_same(one: &Name, other: &Name) -> bool {
    one.name == other.name && (one.schema.is_none() || other.schema.is_none() || one.schema == other.schema)
}

/// The type is made in the same transaction, which then may use its values.
fn is_new_type(value: &Value, text: &str, pieces: &[Piece]) -> bool {
    pieces.iter().any(|piece| {
        let words = Words {
            text,
            words: &piece.words,
        };
        words.are(0, &["create", "type"]) && words.name(2).is_some_and(|(name, _)| is_same(&name, &value.of))
    })
}

pub(super) fn adds_value(text: &str, words: &[Word]) -> bool {
    Words { text, words }.adds_value().is_some()
}

struct Words<'t> {
    text: &'t str,
    words: &'t [Word],
}

impl Words<'_> {
    fn is(&self, at: usize, keyword: &str) -> bool {
        self.words.get(at).is_some_and(|word| word.is(self.text, keyword))
    }

    fn are(&self, at: usize, keywords: &[&str]) -> bool {
        keywords.iter().zip(at..).all(|(keyword, at)| self.is(at, keyword))
    }

    fn is_sign(&self, at: usize, sign: u8) -> bool {
        self.words.get(at).is_some_and(|word| word.is_sign(self.text, sign))
    }

    /// A name, perhaps with its schema, and what follows it.
    fn name(&self, at: usize) -> Option<(Name, usize)> {
        let name = |at: usize| self.words.get(at)?.name(self.text);
        let first = name(at)?;
        Some(if self.is_sign(at + 1, b'.') {
            let (schema, name) = (Some(first), name(at + 2)?);
            (Name { schema, name }, at + 3)
        } else {
            (
                Name {
                    schema: None,
                    name: first,
                },
                at + 1,
            )
        })
    }

    /// The name of a table behind what may stand before it.
    fn table(&self, mut at: usize) -> Option<(Name, usize)> {
        while ["if", "not", "exists", "only"].iter().any(|word| self.is(at, word)) {
            at += 1;
        }
        self.name(at)
    }

    /// The name that ends before `at`.
    fn name_before(&self, at: usize) -> Option<Name> {
        let qualified = at.checked_sub(3).filter(|_| self.is_sign(at - 2, b'.'));
        let (name, end) = self.name(qualified.or(at.checked_sub(1))?)?;
        (end == at).then_some(name)
    }

    fn adds_value(&self) -> Option<Value> {
        let (of, at) = self.are(0, &["alter", "type"]).then(|| self.name(2))??;
        let if_not_exists = self.are(at + 2, &["if", "not", "exists"]);
        let literal = self.words.get(at + if if_not_exists { 5 } else { 2 })?;
        (self.are(at, &["add", "value"]) && literal.kind == Kind::Text).then(|| Value {
            of,
            literal: literal.written(self.text).to_owned(),
            if_not_exists,
        })
    }

    /// How it is known that the literal at `at` is of the type `of`, if it is.
    fn type_at(&self, at: usize, of: &Name) -> Option<Type> {
        let is_of = |name: Option<Name>| name.is_some_and(|name| is_same(&name, of));
        let behind = |at| self.name(at).map(|(name, _)| name);
        let colons = self.is_sign(at + 1, b':') && self.is_sign(at + 2, b':');
        let cast = at >= 2 && self.is(at - 2, "cast") && self.is_sign(at - 1, b'(') && self.is(at + 1, "as");
        let written = colons && is_of(behind(at + 3))
            || cast && is_of(behind(at + 2))
            || self.is(at.wrapping_sub(1), "default") && is_of(self.name_before(self.defined(at - 1)));
        if written {
            return Some(Type::Written);
        }
        let (table, column) = self
            .set(at)
            .or_else(|| self.default_of(at))
            .or_else(|| self.inserted(at))?;
        Some(Type::Column(table, column))
    }

    /// Before what may stand between a column's type and its DEFAULT.
    fn defined(&self, mut at: usize) -> usize {
        let may = ["not", "null", "unique", "primary", "key"];
        while may.iter().any(|word| self.is(at.wrapping_sub(1), word)) {
            at -= 1;
        }
        at
    }

    /// Whether the literal is all that is assigned here.
    fn ends(&self, at: usize) -> bool {
        at + 1 == self.words.len()
            || self.is_sign(at + 1, b',')
            || self.is_sign(at + 1, b')')
            || ["where", "from", "returning"].iter().any(|word| self.is(at + 1, word))
    }

    /// `UPDATE table … SET column = 'literal'`.
    fn set(&self, at: usize) -> Option<(Name, String)> {
        let (table, _) = self.is(0, "update").then(|| self.table(1))??;
        let column = self.words.get(at.checked_sub(2)?)?.name(self.text)?;
        let begins = at.checked_sub(3)?;
        let assigned = self.is_sign(at - 1, b'=') && (self.is(begins, "set") || self.is_sign(begins, b','));
        (assigned && self.ends(at) && !self.is_nested(at)).then_some((table, column))
    }

    /// `ALTER TABLE table ALTER COLUMN column SET DEFAULT 'literal'`.
    fn default_of(&self, at: usize) -> Option<(Name, String)> {
        let (table, _) = self.are(0, &["alter", "table"]).then(|| self.table(2))??;
        let column = self.words.get(at.checked_sub(3)?)?.name(self.text)?;
        (self.are(at - 2, &["set", "default"]) && self.ends(at)).then_some((table, column))
    }

    /// `INSERT INTO table (columns) VALUES (…, 'literal', …)`, in a row of plain words.
    fn inserted(&self, at: usize) -> Option<(Name, String)> {
        let (table, open) = self.are(0, &["insert", "into"]).then(|| self.name(2))??;
        let close = (open..self.words.len()).find(|at| self.is_sign(*at, b')'))?;
        let mut listed = (open + 1..close).map(|at| self.is_sign(at, b','));
        let names = (close - open) % 2 == 0 && (0..).zip(&mut listed).all(|(at, comma)| comma == (at % 2 == 1));
        let values = names && self.is_sign(open, b'(') && self.is(close + 1, "values");
        let row = (close..at).rev().find(|at| self.is_sign(*at, b'('))?;
        let starts = self.is_sign(at - 1, b',') || row == at - 1;
        // A parenthesis between is a call's, or the row has ended.
        let plain = values && starts && self.ends(at) && !(row..at).any(|at| self.is_sign(at, b')'));
        let at_row = row == close + 2 || self.is_sign(row - 1, b',') && self.is_sign(row - 2, b')');
        let number = (row..at).filter(|at| self.is_sign(*at, b',')).count();
        let column = self.words.get(open + 1 + 2 * number).filter(|_| plain && at_row)?;
        Some((table, column.name(self.text)?))
    }

    fn is_nested(&self, at: usize) -> bool {
        let opened = (0..at).filter(|at| self.is_sign(*at, b'(')).count();
        let closed = (0..at).filter(|at| self.is_sign(*at, b')')).count();
        opened > closed
    }
}

pub(super) const NEW_VALUE: Refusal = Refusal::control(
    "a new enum value in the transaction that adds it, or a COMMIT after that",
    "put what follows ALTER TYPE … ADD VALUE into the next file: a value can be used when its file is committed",
);
