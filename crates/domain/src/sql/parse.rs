//! Our parser, kept within bounds.

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::Arc;

use squawk_syntax::SourceFile;
use squawk_syntax::ast::AstNode;

use super::bodies::{Source, has_escaped};
use super::effect::{Effect, Name, Origin};
use super::effects::{effects, opaque};
use super::lexer::{Kind, Word};
use super::risk::RiskClass;
use super::script::Piece;
use super::text::{byte, part};

/// What was read of a piece.
#[derive(Default)]
pub(super) struct Reading {
    /// By offset in the file.
    pub(super) effects: Vec<(usize, Effect)>,
    /// Where the parser stopped, and why.
    pub(super) unread: Option<(usize, String)>,
}

/// Deepest nesting of a piece that is parsed, in words: those before and since the last comma, at each open parenthesis.
///
/// The parser descends recursively without a limit, and its time grows with the square of the depth: without optimisation 2,000
/// parentheses take 0.5 s and 20,000 take 30 s; 500 nested selects of four words each take 0.8 s.
const NESTING: usize = 1_000;
/// Stack of the thread that parses, in bytes of address space; only what is used costs memory. The deepest piece within
/// [`NESTING`] takes less than an eighth of it without optimisation (measured for parentheses, operators, selects and joins).
const STACK: usize = 64 << 20;

/// Reads pieces one by one, so that what the parser does not know of one costs nothing of the next.
///
/// # Panics
/// When the system has no room for one more thread.
pub(super) fn parse(text: &str, pieces: &[Piece]) -> Vec<Reading> {
    let read = std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().name("parse".to_owned()).stack_size(STACK);
        thread
            .spawn_scoped(scope, || pieces.iter().map(|piece| read(text, piece)).collect())
            .expect("the system can start one more thread")
            .join()
    });
    read.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

fn read(text: &str, piece: &Piece) -> Reading {
    let start = piece.start();
    if is_too_deep(text, &piece.words) {
        return unread(text, piece, start, "it is nested too deeply to be read".to_owned());
    }
    let source = blanked(text, start..piece.range.end, &piece.words, Vec::new());
    let parse = SourceFile::parse(&source);
    if let Some(error) = parse.errors().first() {
        let offset = start + usize::from(error.range().start());
        return unread(text, piece, offset, error.message().to_owned());
    }
    let several = piece.words.iter().any(|word| word.is_sign(text, b';')) && parse.tree().stmts().count() != 1;
    if several {
        return unread(text, piece, start, "it is read as several statements".to_owned());
    }
    let mut reading = Reading::default();
    let shown = Source {
        text: part(text, start..piece.range.end),
        depth: 0,
        procedural: false,
    };
    effects(parse.tree().syntax(), &shown, &mut |offset, effect| {
        reading.effects.push((start + offset, effect));
    });
    for routine in calls_in_rows(text, &piece.words) {
        reading.effects.push((start, Effect::Copies(routine.clone())));
        reading.effects.push((
            start,
            Effect::Calls {
                routine,
                procedure: false,
                given: vec![Arc::new(Origin::unknown())],
            },
        ));
    }
    if has_escaped(&piece.words) {
        reading
            .effects
            .push((start, opaque("has a name that is written with U& escapes".to_owned())));
    }
    reading
}

/// A piece that the parser does not know: its words alone still show some risks.
fn unread(text: &str, piece: &Piece, offset: usize, message: String) -> Reading {
    let start = piece.start();
    let mut effects = vec![Effect::Risk(
        RiskClass::Opaque,
        "has a statement that the operator's parser can't read".to_owned(),
    )];
    for (class, says, phrases) in BY_WORDS {
        let said = |phrase: &&[&str]| {
            let mut windows = piece.words.windows(phrase.len());
            windows.any(|words| words.iter().zip(*phrase).all(|(word, keyword)| word.is(text, keyword)))
        };
        effects.extend(phrases.iter().any(said).then(|| Effect::Risk(class, says.to_owned())));
    }
    Reading {
        effects: effects.into_iter().map(|effect| (start, effect)).collect(),
        unread: Some((offset, message)),
    }
}

/// Phrases that make a risk of a piece that can't be read.
const BY_WORDS: [(RiskClass, &str, &[&[&str]]); 3] = [
    (
        RiskClass::DataLoss,
        "contains DROP, DELETE or TRUNCATE",
        &[
            &["drop", "table"],
            &["drop", "column"],
            &["drop", "schema"],
            &["drop", "type"],
            &["drop", "sequence"],
            &["drop", "materialized"],
            &["drop", "owned"],
            &["delete", "from"],
            &["then", "delete"],
            &["truncate"],
        ],
    ),
    (
        RiskClass::Exposure,
        "contains CREATE TABLE or a row level security setting",
        &[
            &["create", "table"],
            &["disable", "row"],
            &["no", "force"],
            &["bypassrls"],
            &["superuser"],
        ],
    ),
    (
        RiskClass::DataChange,
        "contains INSERT, UPDATE, MERGE or COPY",
        &[&["insert", "into"], &["update"], &["merge", "into"], &["copy"]],
    ),
];

pub(super) fn is_too_deep(text: &str, words: &[Word]) -> bool {
    nesting(text, words) > NESTING
}

/// How deep it is nested: at each open parenthesis, the words before the first comma and those since the last one.
fn nesting(text: &str, words: &[Word]) -> usize {
    let (mut levels, mut deepest, mut sum) = (vec![(0_usize, 0_usize)], 0, 0);
    for word in words {
        let sign = if word.kind == Kind::Sign {
            byte(text.as_bytes(), word.range.start)
        } else {
            b' '
        };
        let is_inner = levels.len() > 1;
        let Some((base, since)) = levels.last_mut() else { break };
        match sign {
            b',' | b';' => {
                if *base == 0 {
                    *base = *since;
                } else {
                    sum -= *since;
                }
                *since = 0;
            }
            b')' | b']' if is_inner => {
                sum -= *base + *since;
                levels.pop();
                // The whole parenthesis is one word of what it stands in.
                continue;
            }
            _ => {
                *since += 1;
                sum += 1;
            }
        }
        if matches!(sign, b'(' | b'[') {
            levels.push((0, 0));
        }
        deepest = deepest.max(sum);
    }
    deepest
}

/// The text with strings emptied, without further rows of a VALUES and what else is hidden, byte for byte as long. What is in them is data, or a
/// body that is not run here: the parser can't stumble over it, repeat it in a message, or take a minute for 10 MB of it.
pub(super) fn blanked(text: &str, range: Range<usize>, words: &[Word], hidden: Vec<Range<usize>>) -> String {
    let mut gaps: Vec<_> = hidden.into_iter().map(|gap| (gap, ' ')).collect();
    gaps.push((further_rows(text, words), ' '));
    for word in words.iter().filter(|word| word.kind == Kind::Text) {
        let (open, close) = inside(word.written(text));
        let inside = word.range.start + open..word.range.end - close;
        let digits = matches!(byte(text.as_bytes(), word.range.start), b'b' | b'B' | b'x' | b'X');
        // One character may be what UESCAPE names.
        if inside.len() > 1 {
            gaps.push((inside, if digits { '0' } else { ' ' }));
        }
    }
    gaps.sort_by_key(|(gap, _)| gap.start);
    let (mut blanked, mut from) = (String::with_capacity(range.len()), range.start);
    for (gap, fill) in gaps {
        if gap.start >= from {
            blanked.push_str(part(text, from..gap.start));
            blanked.extend(std::iter::repeat_n(fill, gap.len()));
            from = gap.end;
        }
    }
    blanked.push_str(part(text, from..range.end));
    blanked
}

/// The functions that are called in rows that the parser is not shown, each once.
fn calls_in_rows(text: &str, words: &[Word]) -> BTreeSet<Name> {
    let rows = further_rows(text, words);
    let from = words.partition_point(|word| word.range.start < rows.start);
    let to = words.partition_point(|word| word.range.start < rows.end);
    let hidden = words.get(from..to).unwrap_or_default();
    let is = |at: usize, sign| hidden.get(at).is_some_and(|word: &Word| word.is_sign(text, sign));
    let named = |at: usize| hidden.get(at).and_then(|word| word.name(text));
    let calls = (1..hidden.len()).filter(|at| is(*at, b'('));
    let named = calls.filter_map(|at| {
        let name = named(at - 1)?;
        let schema = if at > 2 && is(at - 2, b'.') {
            named(at - 3)
        } else {
            None
        };
        Some(Name { schema, name })
    });
    named.collect()
}

/// From behind the first row of a `VALUES` outside of parentheses to the end of its last row.
fn further_rows(text: &str, words: &[Word]) -> Range<usize> {
    let (mut depth, mut in_values, mut rows) = (0_usize, false, None::<Range<usize>>);
    for (at, word) in words.iter().enumerate() {
        if word.is_sign(text, b'(') {
            depth += 1;
        } else if word.is_sign(text, b')') {
            depth = depth.saturating_sub(1);
        }
        if depth > 0 {
            continue;
        }
        if in_values && word.is_sign(text, b')') {
            let end = word.range.end;
            rows = Some(rows.map_or(end, |rows| rows.start)..end);
        } else if in_values && !word.is_sign(text, b',') {
            break;
        }
        in_values |= word.is(text, "values") && words.get(at + 1).is_some_and(|next| next.is_sign(text, b'('));
    }
    rows.unwrap_or_default()
}

/// Length of a string's opening, with its prefix, and of its end.
pub(super) fn inside(written: &str) -> (usize, usize) {
    match written.strip_prefix('$').and_then(|rest| rest.find('$')) {
        Some(tag) => (tag + 2, tag + 2),
        None => (written.find('\'').map_or(0, |quote| quote + 1), 1),
    }
}
