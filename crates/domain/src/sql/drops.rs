//! What the statements that drop and delete lose.

use squawk_syntax::ast::{self, AstNode};
use squawk_syntax::{SyntaxKind, SyntaxNode, match_ast};

use super::effect::{Effect, Kind, Name};
use super::effects::routines;
use super::names::{contains, first_name, name, name_of, names};
use super::risk::RiskClass;

/// Statements whose CASCADE may take columns, tables or materialized views along; what, the catalogue is not asked.
const HOLDING: [SyntaxKind; 12] = [
    SyntaxKind::DROP_ACCESS_METHOD,
    SyntaxKind::DROP_AGGREGATE,
    SyntaxKind::DROP_CAST,
    SyntaxKind::DROP_COLLATION,
    SyntaxKind::DROP_LANGUAGE,
    SyntaxKind::DROP_OPERATOR,
    SyntaxKind::DROP_OPERATOR_CLASS,
    SyntaxKind::DROP_OPERATOR_FAMILY,
    SyntaxKind::DROP_TEXT_SEARCH_CONFIG,
    SyntaxKind::DROP_TEXT_SEARCH_DICT,
    SyntaxKind::DROP_TEXT_SEARCH_PARSER,
    SyntaxKind::DROP_TEXT_SEARCH_TEMPLATE,
];

pub(super) fn drops(node: &SyntaxNode, take: &mut dyn FnMut(Effect)) {
    match_ast! { match node {
        ast::DropTable(it) => for table in it.table_name_refs().map(|it| name(&it)) {
            take(lost(Kind::Table, &table, format!("drops table {table}")));
            take(Effect::Drops(table));
        },
        ast::DropForeignTable(it) => for table in names(it.syntax()) {
            cascades(node, format!("drops foreign table {table}"), table.clone(), take);
            take(Effect::Drops(table));
        },
        ast::DropServer(it) => for server in it.server_refs() {
            unqualified("server", node, &name(&server), take);
        },
        ast::DropForeignDataWrapper(it) => for wrapper in it.foreign_data_wrapper_refs() {
            unqualified("foreign data wrapper", node, &name(&wrapper), take);
        },
        ast::DropMaterializedView(it) => for view in it.view_refs().map(|it| name(&it)) {
            take(lost(Kind::Table, &view, format!("drops materialized view {view}")));
            take(Effect::Drops(view));
        },
        ast::DropSequence(it) => for sequence in it.sequence_refs().map(|it| name(&it)) {
            take(lost(Kind::Sequence, &sequence, format!("drops sequence {sequence}")));
        },
        ast::DropSchema(it) => for schema in it.schema_refs().map(|it| name(&it)) {
            take(lost(Kind::Schema, &schema, format!("drops schema {schema}")));
        },
        ast::DropType(it) => for it in it.type_name_refs() {
            let says = format!("drops type {}", name(&it));
            take(if has_cascade(node) { always(says) } else { lost(Kind::Type, &name(&it), says) });
        },
        ast::DropDomain(it) => if has_cascade(node) {
            for domain in it.domain_refs() {
                take(always(format!("drops domain {} with the columns that use it", name(&domain))));
            }
        },
        ast::DropExtension(it) => for extension in it.extension_refs().map(|it| name(&it)) {
            take(if has_cascade(node) {
                always(format!("drops extension {extension} with what depends on it"))
            } else {
                Effect::DropsExtension(extension.name)
            });
        },
        ast::AlterExtensionAdd(_) => if contains(node, SyntaxKind::OBJECT_TABLE) {
            let extension = node.parent().and_then(|it| it.first_child());
            take(Effect::OwnsTables(extension.map(|it| name_of(&it).name).unwrap_or_default()));
        },
        ast::DropView(it) => for view in it.view_refs().map(|it| name(&it)) {
            cascades(node, format!("drops view {view}"), view.clone(), take);
            take(Effect::Drops(view));
        },
        ast::DropFunction(_) => cascading_routines("function", node, take),
        ast::DropProcedure(_) => cascading_routines("procedure", node, take),
        ast::DropRoutine(_) => cascading_routines("routine", node, take),
        ast::DropOwned(_) => take(always("drops everything that a role owns".to_owned())),
        ast::DropAttribute(it) => {
            take(always(format!("drops attribute {} of a type", first_name(it.composite_field_ref()))));
        },
        _ => if HOLDING.contains(&node.kind()) && has_cascade(node) {
            let what = node.children().find(|it| it.kind() != SyntaxKind::IF_EXISTS);
            let what = what.map(|it| name_of(&it)).unwrap_or_default();
            take(always(format!("drops with CASCADE what depends on {what}")));
        },
    } }
}

pub(super) fn deletes(table: &Name, take: &mut dyn FnMut(Effect)) {
    take(lost(Kind::Table, table, format!("deletes from {table}")));
    take(Effect::Fires(table.clone()));
}

fn cascading_routines(what: &str, node: &SyntaxNode, take: &mut dyn FnMut(Effect)) {
    for routine in routines(node) {
        cascades(node, format!("drops {what} {routine}"), routine, take);
    }
}

/// What is in no schema.
fn unqualified(what: &str, node: &SyntaxNode, name: &Name, take: &mut dyn FnMut(Effect)) {
    let from = Name {
        schema: Some(String::new()),
        name: name.name.clone(),
    };
    cascades(node, format!("drops {what} {name}"), from, take);
}

/// With CASCADE, what depends on it goes along.
pub(super) fn cascades(node: &SyntaxNode, says: String, from: Name, take: &mut dyn FnMut(Effect)) {
    if has_cascade(node) {
        take(Effect::Cascades { from, says });
    }
}

pub(super) fn has_cascade(node: &SyntaxNode) -> bool {
    node.children().any(|it| it.kind() == SyntaxKind::CASCADE)
}

/// Lost unless the plan itself made it.
pub(super) fn lost(kind: Kind, of: &Name, says: String) -> Effect {
    Effect::Loses {
        kind,
        of: of.clone(),
        says,
    }
}

pub(super) fn always(says: String) -> Effect {
    Effect::Risk(RiskClass::DataLoss, says)
}
