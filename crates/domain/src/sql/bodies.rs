//! What is in the bodies of `DO`, of functions and procedures, and in strings that are run as SQL.

use std::ops::Range;
use std::sync::Arc;

use squawk_syntax::SourceFile;
use squawk_syntax::ast::{self, AstNode};
use squawk_syntax::{SyntaxKind, SyntaxNode, match_ast};

use super::branches::marked;
use super::effect::{Effect, Name, Origin, Runs};
use super::effects::{Take, effects, opaque};
use super::lexer::{Kind, Word, words};
use super::names::{name_of, offset};
use super::origin::origin;
use super::parse::{blanked, is_too_deep};

/// The text that a tree was read from.
pub(super) struct Source<'t> {
    /// As long as the tree's, with the contents of strings, which the tree is without.
    pub(super) text: &'t str,
    pub(super) depth: usize,
    /// In PL/pgSQL `INTO` names variables.
    pub(super) procedural: bool,
}

/// Deepest body within bodies that is read.
const DEPTH: usize = 4;
/// Most blocks, conditions and loops within each other: the parser descends recursively.
const BLOCKS: usize = 100;
/// Nodes whose SQL is computed while they run.
const DYNAMIC: [SyntaxKind; 4] = [
    SyntaxKind::PLPGSQL_DYN_EXECUTE_STMT,
    SyntaxKind::PLPGSQL_FOR_DYN_STMT,
    SyntaxKind::PLPGSQL_OPEN_EXECUTE,
    SyntaxKind::PLPGSQL_RETURN_QUERY_EXECUTE_STMT,
];
/// Functions that run SQL out of a string: the server's, and those of extensions that Supabase has.
const RUN_TEXT: [&str; 11] = [
    "query_to_xml",
    "query_to_xmlschema",
    "query_to_xml_and_xmlschema",
    "ts_stat",
    "schedule",
    "schedule_in_database",
    "alter_job",
    "dblink",
    "dblink_exec",
    "dblink_open",
    "dblink_send_query",
];

/// What is run of a body, or of a string.
pub(super) struct Body {
    pub(super) text: String,
    /// Where it begins in the source, if it is written there as it is.
    start: Option<usize>,
}

/// The routine, rule or trigger that a statement defines.
pub(super) fn define(node: &SyntaxNode, source: &Source<'_>, take: &mut dyn FnMut(Effect)) {
    let named = |kind| child(node, kind).map(|it| name_of(&it));
    let effect = match node.kind() {
        SyntaxKind::CREATE_FUNCTION => {
            let runs = match child(node, SyntaxKind::RET_TYPE).map(|it| name_of(&it).name).as_deref() {
                Some("trigger") => Runs::OnWrites,
                Some("event_trigger") => Runs::OnEvents,
                _ => Runs::InQueries,
            };
            named(SyntaxKind::FUNCTION_NAME).map(|routine| routine_of(node, routine, runs, source))
        }
        SyntaxKind::CREATE_PROCEDURE => {
            named(SyntaxKind::PROCEDURE_NAME).map(|routine| routine_of(node, routine, Runs::ByCall, source))
        }
        SyntaxKind::CREATE_RULE => child(node, SyntaxKind::RULE_DO).map(|rule| Effect::Defines {
            routine: Name {
                schema: Some(String::new()),
                ..named(SyntaxKind::RULE).unwrap_or_default()
            },
            runs: Runs::OnWrites,
            definer: false,
            on: child(node, SyntaxKind::RULE_ON).and_then(|it| relation(&it)),
            reads: origin(&rule),
            body: read(&rule, source),
        }),
        SyntaxKind::CREATE_TRIGGER => child(node, SyntaxKind::CALL_EXPR).map(|call| Effect::Defines {
            routine: Name {
                schema: Some(String::new()),
                ..named(SyntaxKind::TRIGGER).unwrap_or_default()
            },
            runs: Runs::OnWrites,
            definer: false,
            on: child(node, SyntaxKind::ON_RELATION).and_then(|it| relation(&it)),
            body: vec![called(&call)],
            reads: Origin::default(),
        }),
        SyntaxKind::CREATE_EVENT_TRIGGER => child(node, SyntaxKind::CALL_EXPR).map(|call| match called(&call) {
            Effect::Calls { routine, .. } => Effect::Stores(routine),
            effect => effect,
        }),
        _ => None,
    };
    if let Some(effect) = effect {
        take(effect);
    }
}

fn relation(node: &SyntaxNode) -> Option<Name> {
    child(node, SyntaxKind::RELATION_NAME_REF).map(|it| name_of(&it))
}

fn called(call: &SyntaxNode) -> Effect {
    let function = call.children().next();
    Effect::Calls {
        routine: function.map(|it| name_of(&it)).unwrap_or_default(),
        procedure: false,
        given: Vec::new(),
    }
}

pub(super) fn is_definer(node: &SyntaxNode) -> bool {
    child(node, SyntaxKind::FUNC_OPTION_LIST).is_some_and(|it| it.children().any(|it| it.kind() == DEFINER))
}

const DEFINER: SyntaxKind = SyntaxKind::SECURITY_DEFINER_FUNC_OPTION;

/// With its body, the defaults of its parameters, and a body that is SQL of its own (`BEGIN ATOMIC`, `RETURN`).
fn routine_of(node: &SyntaxNode, routine: Name, runs: Runs, source: &Source<'_>) -> Effect {
    let parts = node.children().filter(|it| it.kind() != SyntaxKind::FUNCTION_NAME);
    let mut body: Vec<_> = parts.flat_map(|it| read(&it, source)).collect();
    let mut reads = origin(node);
    if let Some(definition) = node.descendants().find(|it| it.kind() == SyntaxKind::AS_FUNC_OPTION) {
        let language = node
            .descendants()
            .find(|it| it.kind() == SyntaxKind::LANGUAGE_FUNC_OPTION);
        let found = body_of(&definition, source)
            .and_then(|body| read_body(&language_of(language.as_ref(), source, "sql"), &body, source));
        if let Some(found) = found {
            body.extend(found.effects.into_iter().map(|(_, effect)| effect));
            reads.extend(&found.reads);
        } else {
            body.push(opaque(format!("calls {routine}, whose body can't be read")));
            reads = Origin::unknown();
        }
    }
    Effect::Defines {
        runs,
        definer: is_definer(node),
        on: None,
        body,
        reads,
        routine,
    }
}

fn read(node: &SyntaxNode, source: &Source<'_>) -> Vec<Effect> {
    let mut found = Vec::new();
    effects(node, source, &mut |_, effect| found.push(effect));
    found
}

/// The statements of a `DO`, and those of a string that PL/pgSQL runs.
pub(super) fn do_block(node: &SyntaxNode, source: &Source<'_>, at: usize, take: &mut Take<'_>) {
    let (body, language, unread) = match_ast! { match node {
        ast::Do(it) => {
            let language = it.do_language().map(|it| it.syntax().clone());
            (body_of(node, source), language_of(language.as_ref(), source, "plpgsql"), "runs a DO block")
        },
        _ => if DYNAMIC.contains(&node.kind()) {
            (constant(node, source), "sql".to_owned(), "runs SQL that it puts together itself")
        } else {
            return;
        },
    } };
    let found = body.and_then(|body| Some((read_body(&language, &body, source)?, body.start)));
    match found {
        Some((found, start)) => {
            let reads = Arc::new(found.reads);
            for (offset, mut effect) in found.effects {
                // By its variables, whatever a block reads may be in whatever it writes, and in what it calls.
                match &mut effect {
                    Effect::Writes { from, .. } => from.extend(&reads),
                    Effect::Calls { given, .. } => given.push(Arc::clone(&reads)),
                    _ => {}
                }
                take(start.map_or(at, |start| start + offset), effect);
            }
        }
        None => take(at, opaque(unread.to_owned())),
    }
}

/// The string of an `EXECUTE` that is nothing else.
fn constant(node: &SyntaxNode, source: &Source<'_>) -> Option<Body> {
    let mut expression = node.children().find(|it| it.kind() == SyntaxKind::PLPGSQL_EXPR)?;
    while expression.kind() != SyntaxKind::LITERAL {
        let mut children = expression.children();
        let only = children.next()?;
        if children.next().is_some() || only.text() != expression.text() {
            return None;
        }
        expression = only;
    }
    string(&expression, source)
}

/// What a function runs that takes SQL as a string: its last one.
pub(super) fn runs_text(call: &ast::CallExpr, routine: &Name, source: &Source<'_>, take: &mut dyn FnMut(Effect)) {
    if !RUN_TEXT.contains(&routine.name.as_str()) {
        return;
    }
    let arguments: Vec<_> = call.arg_list().into_iter().flat_map(|it| it.args()).collect();
    let strings = arguments.iter().map(|it| it.syntax().first_child());
    let strings: Option<Vec<_>> = strings
        .map(|it| it.filter(|it| it.kind() == SyntaxKind::LITERAL))
        .collect();
    let last = strings.and_then(|it| it.iter().filter_map(|it| string(it, source)).next_back());
    match last.and_then(|body| read_body("sql", &body, source)) {
        Some(found) => found.effects.into_iter().for_each(|(_, effect)| take(effect)),
        None => take(opaque(format!("runs SQL by {routine}"))),
    }
}

/// The first string in it.
fn body_of(node: &SyntaxNode, source: &Source<'_>) -> Option<Body> {
    string(&node.descendants().find(|it| it.kind() == SyntaxKind::LITERAL)?, source)
}

fn language_of(node: Option<&SyntaxNode>, source: &Source<'_>, default: &str) -> String {
    let Some(node) = node else { return default.to_owned() };
    let quoted = body_of(node, source).map(|body| body.text);
    let last = || {
        node.descendants()
            .last()
            .map(|it| name_of(&it).name)
            .unwrap_or_default()
    };
    quoted.unwrap_or_else(last)
}

/// The content of a string; `None` where its escapes would have to be resolved.
pub(super) fn string(literal: &SyntaxNode, source: &Source<'_>) -> Option<Body> {
    let range = literal.text_range();
    let from = offset(literal);
    let written = source.text.get(from..range.end().into())?;
    let content = written.strip_prefix('\'').and_then(|it| it.strip_suffix('\''));
    if let Some(content) = content {
        let unescaped = content.replace("''", "");
        return (!unescaped.contains('\'')).then(|| Body {
            text: content.replace("''", "'"),
            start: (!content.contains("''")).then_some(from + 1),
        });
    }
    let tag = written.strip_prefix('$')?.find('$')? + 2;
    Some(Body {
        text: written.get(tag..written.len().checked_sub(tag)?)?.to_owned(),
        start: Some(from + tag),
    })
}

/// A body that was read.
struct Read {
    /// By their offset in it.
    effects: Vec<(usize, Effect)>,
    reads: Origin,
}

/// `None` if it can't be read.
fn read_body(language: &str, body: &Body, source: &Source<'_>) -> Option<Read> {
    let text = body.text.as_str();
    let words = words(text, 0..text.len()).ok()?;
    if source.depth == DEPTH || is_too_deep(text, &words) || blocks(text, &words) > BLOCKS || has_escaped(&words) {
        return None;
    }
    let procedural = language == "plpgsql";
    let hidden = if procedural { targets(text, &words) } else { Vec::new() };
    let shown = blanked(text, 0..text.len(), &words, hidden);
    let within = Source {
        text,
        depth: source.depth + 1,
        procedural,
    };
    let mut found = Vec::new();
    let mut take = |offset, effect| found.push((offset, effect));
    let reads = match language {
        "sql" => {
            let parsed = SourceFile::parse(&shown);
            parsed.errors().is_empty().then_some(())?;
            effects(parsed.tree().syntax(), &within, &mut take);
            origin(parsed.tree().syntax())
        }
        "plpgsql" => {
            let mut tag = "$body$".to_owned();
            while shown.contains(&tag) {
                tag.insert(1, '_');
            }
            let parsed = SourceFile::parse(&format!("do {tag}{shown}{tag}"));
            let mut nodes = parsed.tree().syntax().descendants();
            let block = nodes.find_map(ast::Do::cast)?.plpgsql()?;
            block.errors().is_empty().then_some(())?;
            effects(&block.syntax(), &within, &mut take);
            found = marked(&block.syntax(), found);
            origin(&block.syntax())
        }
        _ => return None,
    };
    Some(Read { effects: found, reads })
}

/// A `U&` name may be any name.
pub(super) fn has_escaped(words: &[Word]) -> bool {
    words.iter().any(|word| word.kind == Kind::Escaped)
}

/// The variables of `SELECT … INTO` and of `RETURNING … INTO`, which our parser does not know in PL/pgSQL. They are names, and
/// nothing in them runs.
fn targets(text: &str, words: &[Word]) -> Vec<Range<usize>> {
    const BEGIN: [&str; 4] = ["begin", "then", "else", "loop"];
    const SQL: [&str; 6] = ["select", "with", "insert", "update", "delete", "merge"];
    let is = |at: usize, keywords: &[&str]| {
        let word: Option<&Word> = words.get(at);
        word.is_some_and(|word| keywords.iter().any(|keyword| word.is(text, keyword)))
    };
    let sign = |at: usize, sign| words.get(at).is_some_and(|word: &Word| word.is_sign(text, sign));
    let name = |at: usize| words.get(at).is_some_and(|word| word.name(text).is_some());
    let (mut found, mut in_sql) = (Vec::new(), false);
    for at in 1..words.len() {
        let begins = sign(at - 1, b';') || is(at - 1, &BEGIN);
        in_sql = if begins { is(at, &SQL) } else { in_sql };
        if !in_sql || !is(at, &["into"]) || is(at - 1, &["insert", "merge"]) {
            continue;
        }
        let mut last = at + usize::from(is(at + 1, &["strict"])) + 1;
        while name(last) && (sign(last + 1, b'.') || sign(last + 1, b',')) && name(last + 2) {
            last += 2;
        }
        if name(last) {
            let into = words.get(at).zip(words.get(last));
            found.extend(into.map(|(into, last)| into.range.start..last.range.end));
        }
    }
    found
}

/// How many blocks are open at most.
fn blocks(text: &str, words: &[Word]) -> usize {
    let (mut open, mut most, mut ends) = (0_usize, 0, false);
    for word in words {
        let is = |keyword| word.is(text, keyword);
        if is("end") {
            open = open.saturating_sub(1);
        } else if !ends && (is("begin") || is("then") || is("loop") || is("case") || is("else")) {
            open += 1;
            most = most.max(open);
        }
        ends = is("end");
    }
    most
}

fn child(node: &SyntaxNode, kind: SyntaxKind) -> Option<SyntaxNode> {
    node.children().find(|it| it.kind() == kind)
}
