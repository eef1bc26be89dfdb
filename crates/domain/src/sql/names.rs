//! Names and words of a tree.

use std::collections::BTreeMap;
use std::ops::Range;

use squawk_syntax::ast::AstNode;
use squawk_syntax::{SyntaxElement, SyntaxKind, SyntaxNode, SyntaxToken};

use super::effect::Name;
use super::lexer::NAME_BYTES;

pub(super) fn contains(node: &SyntaxNode, kind: SyntaxKind) -> bool {
    node.descendants().any(|it| it.kind() == kind)
}

/// Whether a word occurs in it, outside of quotes.
pub(super) fn has_word(node: &SyntaxNode, word: &str) -> bool {
    tokens(node).any(|token| token.text().eq_ignore_ascii_case(word))
}

pub(super) fn tokens(node: &SyntaxNode) -> impl Iterator<Item = SyntaxToken> {
    node.descendants_with_tokens().filter_map(SyntaxElement::into_token)
}

/// Of the first word: a node may begin with the comments before it.
pub(super) fn offset(node: &SyntaxNode) -> usize {
    let token = tokens(node).find(|token| !token.kind().is_trivia());
    token
        .map_or(node.text_range(), |token| token.text_range())
        .start()
        .into()
}

pub(super) fn first_name(node: Option<impl AstNode>) -> Name {
    node.map(|node| name(&node)).unwrap_or_default()
}

pub(super) fn name(node: &impl AstNode) -> Name {
    name_of(node.syntax())
}

/// The names of all paths in it.
pub(super) fn names(node: &SyntaxNode) -> Vec<Name> {
    let paths = node.children().filter(|it| it.children().any(|it| is_path(it.kind())));
    paths.map(|it| name_of(&it)).collect()
}

fn is_path(kind: SyntaxKind) -> bool {
    matches!(kind, SyntaxKind::PATH | SyntaxKind::PATH_REF)
}

/// The first path in it, or its words when there is none. Quotes are taken off; names without them are folded.
pub(super) fn name_of(node: &SyntaxNode) -> Name {
    let path = node
        .descendants()
        .find(|it| is_path(it.kind()))
        .unwrap_or_else(|| node.clone());
    let mut parts: Vec<String> = tokens(&path)
        .filter(|token| !token.kind().is_trivia() && token.kind() != SyntaxKind::DOT)
        .map(
            |token| match token.text().strip_prefix('"').and_then(|text| text.strip_suffix('"')) {
                Some(quoted) => quoted.replace("\"\"", "\""),
                None => token.text().to_ascii_lowercase(),
            },
        )
        .collect();
    for part in &mut parts {
        part.truncate(part.floor_char_boundary(NAME_BYTES));
    }
    let name = parts.pop().unwrap_or_default();
    Name {
        schema: parts.pop(),
        name,
    }
}

/// The tables and views that it names, without what a `WITH` gives a name where that is meant.
pub(super) fn relations(node: &SyntaxNode) -> Vec<Name> {
    let queries = queries(node);
    let references = node
        .descendants()
        .filter(|it| matches!(it.kind(), SyntaxKind::RELATION_NAME_REF | SyntaxKind::TABLE_NAME_REF));
    let is_query = |at: usize, name: &Name| {
        let mut scopes = queries.get(name).into_iter().flatten();
        scopes.any(|scope| scope.contains(&at))
    };
    references
        .map(|it| (usize::from(it.text_range().start()), name_of(&it)))
        .filter(|(at, name)| !is_query(*at, name))
        .map(|(_, name)| name)
        .collect()
}

/// The queries of each `WITH`, and where their names mean them: behind the query itself, or everywhere after `RECURSIVE`.
fn queries(node: &SyntaxNode) -> BTreeMap<Name, Vec<Range<usize>>> {
    let mut queries: BTreeMap<Name, Vec<Range<usize>>> = BTreeMap::new();
    for clause in node.descendants().filter(|it| it.kind() == SyntaxKind::WITH_CLAUSE) {
        let statement = clause.parent().unwrap_or_else(|| clause.clone()).text_range();
        let recursive = clause
            .children_with_tokens()
            .any(|it| it.kind() == SyntaxKind::RECURSIVE_KW);
        for query in clause.children() {
            let from = if recursive {
                statement.start()
            } else {
                query.text_range().end()
            };
            if let Some(named) = query.children().find(|it| it.kind() == SyntaxKind::CTE_NAME) {
                queries
                    .entry(name_of(&named))
                    .or_default()
                    .push(from.into()..statement.end().into());
            }
        }
    }
    queries
}
