//! Policies that hold for every caller and every row.

use squawk_syntax::{SyntaxElement, SyntaxKind, SyntaxNode};

use super::effect::{Effect, Name};
use super::exposure::{callers, exposed};
use super::names::{has_word, name_of};

/// A policy that lets every caller do it with every row.
pub(super) fn policy(verb: &str, node: &SyntaxNode, name: &Name, take: &mut dyn FnMut(Effect)) {
    let restricts = node
        .descendants()
        .any(|it| it.kind() == SyntaxKind::AS_POLICY_TYPE && has_word(&it, "restrictive"));
    let named = node.descendants().any(|it| it.kind() == SyntaxKind::POLICY_ROLES);
    let to = node.descendants().find(|it| it.kind() == SyntaxKind::POLICY_ROLES);
    // Without TO a new one is for everybody; a changed one keeps its roles, which are not known here.
    let everybody = !named || to.is_some_and(|it| callers(&it).next().is_some());
    let always = node.descendants().any(|it| {
        matches!(
            it.kind(),
            SyntaxKind::USING_EXPR_CLAUSE | SyntaxKind::WITH_CHECK_EXPR_CLAUSE
        ) && it.first_child().is_some_and(|it| holds(&it))
    });
    if !restricts && everybody && always {
        let table = node.descendants().find(|it| it.kind() == SyntaxKind::TABLE_NAME_REF);
        let table = table.map(|it| name_of(&it)).unwrap_or_default();
        take(exposed(format!(
            "{verb} policy {name}, which lets every caller at every row of {table}"
        )));
    }
}

/// Whether a condition may hold whatever the row and whoever calls. One without a name in it is not computed: but for a plain
/// `false` it is taken for true.
fn holds(condition: &SyntaxNode) -> bool {
    let arms = || condition.children().filter(|it| it.kind() != SyntaxKind::PATH_TYPE);
    let has = |kind| {
        let tokens = condition.children_with_tokens().filter_map(SyntaxElement::into_token);
        tokens.map(|token| token.kind()).any(|it| it == kind)
    };
    match condition.kind() {
        SyntaxKind::BIN_EXPR if has(SyntaxKind::OR_KW) => arms().any(|it| holds(&it)),
        SyntaxKind::BIN_EXPR if has(SyntaxKind::AND_KW) => arms().all(|it| holds(&it)),
        SyntaxKind::PAREN_EXPR | SyntaxKind::CAST_EXPR => arms().all(|it| holds(&it)),
        SyntaxKind::PREFIX_EXPR if has(SyntaxKind::NOT_KW) => {
            arms().all(|it| is_constant(&it) && !has_word(&it, "true"))
        }
        SyntaxKind::LITERAL => !has(SyntaxKind::FALSE_KW) && !has(SyntaxKind::NULL_KW),
        _ => is_constant(condition),
    }
}

/// Whether it names no column, no table, no function of somebody and not the caller.
fn is_constant(expression: &SyntaxNode) -> bool {
    !expression.descendants().any(|it| match it.kind() {
        SyntaxKind::FROM_CLAUSE => true,
        SyntaxKind::NAME_REF => !["coalesce", "nullif", "greatest", "least"]
            .iter()
            .any(|word| has_word(&it, word)),
        _ => false,
    })
}
