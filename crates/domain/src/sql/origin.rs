//! Where rows and values may come from.

use squawk_syntax::ast::{self, AstNode};
use squawk_syntax::{SyntaxKind, SyntaxNode, match_ast};

use super::effect::{Name, Origin};
use super::names::{first_name, name_of, relations};

/// Statements whose tables are known to be named in them as such.
const KNOWN: [SyntaxKind; 13] = [
    SyntaxKind::CALL,
    SyntaxKind::COMPOUND_SELECT,
    SyntaxKind::CREATE_TABLE_AS,
    SyntaxKind::DELETE,
    SyntaxKind::DO,
    SyntaxKind::INSERT,
    SyntaxKind::MERGE,
    SyntaxKind::PAREN_SELECT,
    SyntaxKind::SELECT,
    SyntaxKind::SELECT_INTO,
    SyntaxKind::TABLE,
    SyntaxKind::UPDATE,
    SyntaxKind::VALUES,
];

/// What it reads, and what it returns of what it writes.
pub(super) fn origin(node: &SyntaxNode) -> Origin {
    let mut tables = relations(node);
    for write in node.descendants() {
        let returns = write.children().any(|it| it.kind() == SyntaxKind::RETURNING_CLAUSE);
        match_ast! { match (&write) {
            ast::Insert(it) => if !returns {
                let target = first_name(it.relation_name_ref());
                if let Some(at) = tables.iter().position(|read| *read == target) {
                    tables.remove(at);
                }
            },
            ast::Update(it) => tables.extend(returns.then(|| first_name(it.relation_name()))),
            ast::Delete(it) => tables.extend(returns.then(|| first_name(it.relation_name()))),
            ast::Merge(it) => tables.extend(returns.then(|| first_name(it.table_relation_name()))),
            _ => {},
        } }
    }
    Origin {
        tables,
        routines: called(node),
    }
}

/// What the parameters of the routines that it calls may come from: whatever it names, the rows that it changes, too.
pub(super) fn given(node: &SyntaxNode) -> Origin {
    let mut statements = node.descendants().filter(|it| ast::Stmt::can_cast(it.kind()));
    if !statements.all(|it| KNOWN.contains(&it.kind())) {
        return Origin::unknown();
    }
    let targets = node
        .descendants()
        .filter(|it| matches!(it.kind(), SyntaxKind::RELATION_NAME | SyntaxKind::TABLE_RELATION_NAME));
    let mut tables = relations(node);
    tables.extend(targets.map(|it| name_of(&it)));
    let mut routines = called(node);
    for names in [&mut tables, &mut routines] {
        names.sort_unstable();
        names.dedup();
    }
    Origin { tables, routines }
}

fn called(node: &SyntaxNode) -> Vec<Name> {
    let calls = node.descendants().filter_map(ast::CallExpr::cast);
    calls.map(|it| first_name(it.expr())).collect()
}
