use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use super::effect::{Effect, Name};
use super::ends::COMMITS;
use super::error::{Refusal, ScriptError};
use super::execution_mode::{ExecutionMode, execution_mode};
use super::folder::File;
use super::lexer::{Kind, Word, words};
use super::lines::{Lines, lines_before};
use super::marks::marks;
use super::new_values::{self, Use};
use super::parse::{Reading, parse};
use super::settings::lexing;
use super::split::split;
use super::statements::statements;
use super::text::{BYTE_ORDER_MARK, is_unseen, part};

/// A file as it will be run. Without segments it does nothing.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Script {
    /// In written order. Without the pieces that are only comments, and without a `BEGIN … COMMIT` around the whole file.
    pub segments: Vec<Segment>,
    /// The file's statements for the CLI's ledger row, as the CLI splits them: with comments and the outer pair.
    pub recorded: Vec<String>,
    /// Statements that our parser can't read. They run all the same, if the server can.
    pub unread: Vec<Unread>,
    /// What the statements do, by line: what [`assess`](super::assess) judges.
    pub(super) effects: Vec<(u32, Effect)>,
    /// Where it may use an enum's new value in the transaction that adds it.
    pub(super) new_values: Vec<Use>,
    /// The tables that it makes, changes or drops: the catalogue may know them as they were.
    pub(super) reshaped: Vec<Name>,
}

/// A part of a file that ends committed.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Segment {
    /// In one transaction; never empty.
    Together(Vec<Statement>),
    /// Outside of a transaction.
    Alone(Statement, Alone),
}

/// What is sent as one message.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Statement {
    /// From its first word on, without the comments before it and the `;` after it.
    pub text: String,
    /// Byte offset in [`File::text`] at which `text` starts.
    pub offset: usize,
    /// Line at which `text` starts, from 1.
    pub line: u32,
}

/// A statement that can't run in a transaction, and what proves that it did.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Alone {
    /// `CREATE INDEX CONCURRENTLY`. Names are as the server will understand them.
    CreateIndex {
        /// Of the table, and so of the index; `None` when the search path decides.
        schema: Option<String>,
        name: String,
        /// Without its schema.
        table: String,
        /// Whether an index that is already there is no error.
        if_not_exists: bool,
    },
    /// `DROP INDEX CONCURRENTLY`.
    DropIndex {
        /// `None` when the search path decides.
        schema: Option<String>,
        name: String,
        /// Whether an absent index is no error.
        if_exists: bool,
    },
    /// `REINDEX INDEX | TABLE CONCURRENTLY`: may be repeated.
    Reindex {
        /// What `name` is the name of.
        target: ReindexTarget,
        /// `None` when the search path decides.
        schema: Option<String>,
        /// Of the index or table.
        name: String,
    },
    /// `VACUUM`: may be repeated.
    Vacuum,
    /// `ALTER SYSTEM`: may be repeated.
    AlterSystem,
}

/// What a `REINDEX CONCURRENTLY` rebuilds.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ReindexTarget {
    Index,
    /// All indexes of a table.
    Table,
}

/// A statement that our parser can't read.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Unread {
    /// The statement's byte range in [`File::text`].
    pub range: Range<usize>,
    /// Where the parser stopped, from 1.
    pub line: u32,
    /// From 1, in characters.
    pub column: u32,
    /// The parser's message; without the content of literals.
    pub message: String,
}

/// A statement of the file, as the server cuts it.
pub(super) struct Piece {
    pub(super) range: Range<usize>,
    pub(super) words: Vec<Word>,
    pub(super) execution_mode: ExecutionMode,
}

impl Script {
    /// All statements that are sent, in order.
    pub fn executable_statements(&self) -> impl Iterator<Item = &Statement> {
        self.segments.iter().flat_map(|segment| match segment {
            Segment::Together(statements) => statements.as_slice(),
            Segment::Alone(statement, _) => std::slice::from_ref(statement),
        })
    }

    /// Schemas in which the file creates tables.
    pub fn schemas(&self) -> impl Iterator<Item = &str> {
        self.effects.iter().filter_map(|(_, effect)| match effect.within() {
            Effect::Creates { table, .. } => table.schema.as_deref(),
            _ => None,
        })
    }
}

impl Statement {
    /// Line in the file of the server's error position, which counts characters of the message from 1.
    pub fn line_at(&self, position: u32) -> u32 {
        self.line + lines_before(&self.text, position)
    }
}

/// What each file says, by its digest.
pub fn read_all(files: &[File]) -> BTreeMap<String, Result<Arc<Script>, ScriptError>> {
    let read = files.iter().map(|file| (file.sha256.clone(), read(file).map(Arc::new)));
    read.collect()
}

/// Parses a file and decides how it has to run, or why it must not.
pub fn read(file: &File) -> Result<Script, ScriptError> {
    let text = &*file.text;
    let lines = Lines::new(text);
    let located = |(offset, refusal): (usize, Refusal)| {
        let (line, column) = lines.position(offset);
        ScriptError { line, column, refusal }
    };
    if let Some(refused) = marks(&file.file_name, text) {
        return Err(located(refused));
    }
    let recorded = split(text)
        .into_iter()
        .map(|range| part(text, range).to_owned())
        .collect();
    let mut pieces = pieces(text).map_err(located)?;
    without_outer_pair(text, &mut pieces).map_err(located)?;
    let new_values = new_values::uses(text, &lines, &pieces);
    if let Some(used) = new_values.iter().find(|used| used.is_certain()) {
        return Err(used.error());
    }
    let mut script = Script {
        recorded,
        new_values,
        reshaped: new_values::reshaped(text, &pieces),
        ..Script::default()
    };
    for (piece, reading) in pieces.iter().zip(parse(text, &pieces)) {
        if reading.effects.iter().any(|(_, effect)| *effect == Effect::Commits) {
            return Err(located((piece.range.start, COMMITS)));
        }
        script.take(text, &lines, piece, reading);
    }
    Ok(script)
}

impl Script {
    fn take(&mut self, text: &str, lines: &Lines<'_>, piece: &Piece, reading: Reading) {
        let effects = reading.effects.into_iter();
        self.effects
            .extend(effects.map(|(offset, effect)| (lines.line(offset), effect)));
        if let Some((offset, message)) = reading.unread {
            let (line, column) = lines.position(offset);
            self.unread.push(Unread {
                range: piece.range.clone(),
                line,
                column,
                message,
            });
        }
        // Where the server names no place, the line is the statement's, not that of a comment before it.
        let start = piece.start();
        let sentence = Statement {
            text: part(text, start..piece.range.end).to_owned(),
            offset: start,
            line: lines.line(start),
        };
        match (&piece.execution_mode, self.segments.last_mut()) {
            (ExecutionMode::Alone(alone), _) => self.segments.push(Segment::Alone(sentence, alone.clone())),
            (_, Some(Segment::Together(sentences))) => sentences.push(sentence),
            _ => self.segments.push(Segment::Together(vec![sentence])),
        }
    }
}

/// What can be run of the file, in order: the server's statements.
fn pieces(text: &str) -> Result<Vec<Piece>, (usize, Refusal)> {
    if let Some(offset) = text.find('\0') {
        return Err((offset, NUL));
    }
    let words = words(text, 0..text.len()).or_else(|fault| {
        // A setting before it may be why the string does not end for us.
        let before = words(text, 0..fault.offset).unwrap_or_default();
        statements(text, &before)
            .into_iter()
            .try_for_each(|range| lexing(text, before.get(range).unwrap_or_default()))?;
        Err((fault.offset, Refusal::no_sql(fault.what, UNTERMINATED)))
    })?;
    let cut = statements(text, &words).into_iter().map(|range| {
        let words = words.get(range).unwrap_or_default().to_vec();
        seen(text, &words)?;
        lexing(text, &words)?;
        let (start, end) = (words.first(), words.last());
        Ok(Piece {
            range: start.map_or(0, |word| word.range.start)..end.map_or(0, |word| word.range.end),
            execution_mode: execution_mode(text, &words)?,
            words,
        })
    });
    cut.collect()
}

/// Refuses a statement whose first word has a sign in it that nobody sees: for the server it is a letter, and no keyword has it.
fn seen(text: &str, words: &[Word]) -> Result<(), (usize, Refusal)> {
    let first = words.first().filter(|word| word.kind == Kind::Bare);
    let found = first.and_then(|word| {
        Some((
            word.range.start,
            word.written(text).char_indices().find(|(_, sign)| is_unseen(*sign))?,
        ))
    });
    let Some((start, (at, sign))) = found else {
        return Ok(());
    };
    let named = UNSEEN.iter().find(|(unseen, _)| *unseen == sign);
    let refused = named.map_or(UNSEEN_SIGN, |(_, refused)| refused);
    Err((
        start + at,
        Refusal::no_sql(refused, "delete it: it is taken for a letter of the word that follows"),
    ))
}

impl Piece {
    /// Where its first word begins.
    pub(super) fn start(&self) -> usize {
        self.words.first().map_or(self.range.start, |word| word.range.start)
    }
}

/// Takes away a `BEGIN` and a `COMMIT` around everything; any other is refused.
fn without_outer_pair(text: &str, pieces: &mut Vec<Piece>) -> Result<(), (usize, Refusal)> {
    let pair = matches!(
        pieces.as_slice(),
        [
            Piece {
                execution_mode: ExecutionMode::Begin,
                ..
            },
            ..,
            Piece {
                execution_mode: ExecutionMode::Commit,
                ..
            }
        ]
    );
    if pair {
        pieces.remove(0);
        pieces.pop();
    }
    let mut adds_value = false;
    for piece in pieces.iter() {
        adds_value |= new_values::adds_value(text, &piece.words);
        let refusal = match &piece.execution_mode {
            ExecutionMode::Begin | ExecutionMode::Commit if adds_value => new_values::NEW_VALUE,
            ExecutionMode::Begin => BEGIN,
            ExecutionMode::Commit => COMMIT,
            ExecutionMode::Alone(_) if pair => INSIDE,
            ExecutionMode::Alone(_) | ExecutionMode::Transactional => continue,
        };
        return Err((piece.start(), refusal));
    }
    Ok(())
}

const NUL: Refusal = Refusal::no_sql(
    "a NUL character, which PostgreSQL does not accept",
    "remove it, or save the file as UTF-8 if it is UTF-16",
);
/// Signs that come into files without being seen, and how they do.
const UNSEEN: [(char, &str); 4] = [
    (
        BYTE_ORDER_MARK,
        "U+FEFF (byte order mark), which can't be seen and stays where files were joined",
    ),
    (
        '\u{a0}',
        "U+00A0 (no-break space), which looks like a space and comes from web pages",
    ),
    (
        '\u{200b}',
        "U+200B (zero width space), which can't be seen and comes from web pages",
    ),
    (
        '\u{2060}',
        "U+2060 (word joiner), which can't be seen and comes from web pages",
    ),
];
const UNSEEN_SIGN: &str = "a sign that can't be seen or looks like a space, and is neither space nor line end";
const UNTERMINATED: &str = "close it";
const BEGIN: Refusal = Refusal::control(
    "BEGIN, without a COMMIT as the file's last statement",
    "leave it out: every file runs in a transaction of its own",
);
const COMMIT: Refusal = Refusal::control(
    "COMMIT, without a BEGIN as the file's first statement",
    "leave it out: every file runs in a transaction of its own",
);
const INSIDE: Refusal = Refusal::control(
    "a statement that can't run in a transaction, between BEGIN and COMMIT",
    "leave BEGIN and COMMIT out, or give the statement a file of its own",
);
