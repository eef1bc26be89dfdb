//! Names and words of a tree.

use std::collections::BTreeSet;

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

/// The tables and views that it names, without the names of its own `WITH`.
pub(super) fn relations(node: &SyntaxNode) -> Vec<Name> {
    let of = |kinds: &'static [SyntaxKind]| {
        let nodes = node.descendants().filter(move |it| kinds.contains(&it.kind()));
        nodes.map(|it| (it.clone(), name_of(&it)))
    };
    let own: BTreeSet<_> = of(&[SyntaxKind::CTE_NAME]).map(|(_, name)| name).collect();
    of(&[SyntaxKind::RELATION_NAME_REF, SyntaxKind::TABLE_NAME_REF])
        .filter(|(node, name)| !(own.contains(name) && is_of_with(node, name)))
        .map(|(_, name)| name)
        .collect()
}

/// Whether it means a query of a `WITH` around it. In the query itself, and in those before it, only after `RECURSIVE`.
fn is_of_with(reference: &SyntaxNode, name: &Name) -> bool {
    let start = reference.text_range().start();
    let clauses = reference
        .ancestors()
        .filter_map(|it| it.children().find(|it| it.kind() == SyntaxKind::WITH_CLAUSE));
    clauses.into_iter().any(|clause| {
        let is_within = clause.text_range().contains(start);
        let all = !is_within
            || clause
                .children_with_tokens()
                .any(|it| it.kind() == SyntaxKind::RECURSIVE_KW);
        let mut queries = clause.children().filter(|it| all || it.text_range().end() <= start);
        queries.any(|query| {
            let named = query.children().find(|it| it.kind() == SyntaxKind::CTE_NAME);
            named.is_some_and(|it| name_of(&it) == *name)
        })
    })
}
