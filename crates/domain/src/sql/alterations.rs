//! What the actions of an `ALTER TABLE` do.

use squawk_syntax::ast::{
    self, AlterColumnOption, AlterSequenceAction, AlterTableAction, AlterTypeAction, AstChildren, AstNode, Constraint,
    ReferentialAction,
};
use squawk_syntax::{SyntaxKind, SyntaxNode, match_ast};

use super::drops::{cascades, lost};
use super::effect::{Effect, Kind, Name};
use super::names::{contains, first_name, has_word, name, relations};
use super::risk::RiskClass;

const EXCLUSIVE: &str = "ACCESS EXCLUSIVE";

/// Functions that give every row of one statement the same value, so that a column with such a default is added without
/// a rewrite. Any other is taken for volatile.
const STABLE: [&str; 6] = [
    "now",
    "transaction_timestamp",
    "statement_timestamp",
    "timezone",
    "to_jsonb",
    "jsonb_build_object",
];

pub(super) fn alter_table(it: &ast::AlterTable, take: &mut dyn FnMut(Effect)) {
    let table = first_name(it.table_relation_name());
    for action in it.actions() {
        alter(&table, action, take);
    }
}

fn alter(table: &Name, action: AlterTableAction, take: &mut dyn FnMut(Effect)) {
    let exposed = |says: String| Effect::Risk(RiskClass::Exposure, says);
    match action {
        AlterTableAction::DropColumn(it) => {
            let column = first_name(it.column_name_ref());
            take(lost(Kind::Table, table, format!("drops column {table}.{column}")));
        }
        AlterTableAction::DropConstraint(it) => {
            let constraint = first_name(it.constraint_name_ref()).name;
            let says = format!("drops constraint {constraint} of {table}");
            let from = Name {
                schema: table.schema.clone(),
                name: constraint,
            };
            cascades(it.syntax(), says, from, take);
        }
        AlterTableAction::EnableRls(_) => take(Effect::Secures(table.clone())),
        AlterTableAction::DisableRls(_) => take(exposed(format!("disables row level security on {table}"))),
        AlterTableAction::NoForceRls(_) => take(exposed(format!("no longer forces row level security on {table}"))),
        AlterTableAction::TableRenameTo(it) => {
            let to = Name {
                schema: table.schema.clone(),
                name: first_name(it.table_name()).name,
            };
            take(Effect::Renames(table.clone(), to));
        }
        AlterTableAction::SetSchema(it) => {
            let to = Name {
                schema: Some(first_name(it.schema_ref()).name),
                name: table.name.clone(),
            };
            take(Effect::Renames(table.clone(), to));
        }
        AlterTableAction::AlterColumn(it) => alter_column(table, &it, take),
        AlterTableAction::AddColumn(it) => {
            references(table, it.syntax(), take);
            relates(table, it.syntax(), take);
            add_column(table, &it, take);
        }
        AlterTableAction::AddConstraint(it) => {
            references(table, it.syntax(), take);
            relates(table, it.syntax(), take);
            if let Some((lock, says)) = it.constraint().and_then(|it| validated(&it)) {
                take(locks(table, lock, format!("adds {says} to {table}")));
            }
        }
        AlterTableAction::AttachPartition(it) => {
            let partition = first_name(it.table_name_ref());
            let says = format!("attaches {partition} to {table}");
            take(locks(&partition, EXCLUSIVE, says));
            take(Effect::Attaches {
                table: partition,
                to: table.clone(),
            });
        }
        AlterTableAction::InheritTable(it) => take(Effect::Attaches {
            table: table.clone(),
            to: first_name(it.table_name_ref()),
        }),
        AlterTableAction::SetLogged(_)
        | AlterTableAction::SetUnlogged(_)
        | AlterTableAction::SetTablespace(_)
        | AlterTableAction::SetAccessMethod(_) => take(locks(table, EXCLUSIVE, format!("rewrites table {table}"))),
        _ => {}
    }
}

pub(super) fn alter_type(it: &ast::AlterType, take: &mut dyn FnMut(Effect)) {
    let from = first_name(it.type_name_ref());
    let to = match it.action() {
        Some(AlterTypeAction::TypeRenameTo(it)) => Name {
            schema: from.schema.clone(),
            name: first_name(it.type_name()).name,
        },
        Some(AlterTypeAction::SetSchema(it)) => Name {
            schema: Some(first_name(it.schema_ref()).name),
            name: from.name.clone(),
        },
        _ => return,
    };
    take(Effect::RenamesOther(Kind::Type, from, to));
}

pub(super) fn alter_sequence(it: &ast::AlterSequence, take: &mut dyn FnMut(Effect)) {
    let from = first_name(it.sequence_ref());
    for action in it.actions() {
        let to = match action {
            AlterSequenceAction::SequenceRenameTo(it) => Name {
                schema: from.schema.clone(),
                name: first_name(it.sequence()).name,
            },
            AlterSequenceAction::SetSchema(it) => Name {
                schema: Some(first_name(it.schema_ref()).name),
                name: from.name.clone(),
            },
            _ => continue,
        };
        take(Effect::RenamesOther(Kind::Sequence, from.clone(), to));
    }
}

/// The tables that what is written to another reaches, by the definition of one of both.
pub(super) fn relates(table: &Name, definition: &SyntaxNode, take: &mut dyn FnMut(Effect)) {
    let mut relate = |from: Name, part| {
        let to = table.clone();
        take(Effect::Relates { from, to, part });
    };
    let acts = |mut actions: AstChildren<ReferentialAction>| {
        // CASCADE, SET NULL, SET DEFAULT.
        actions.any(|it| has_word(it.syntax(), "cascade") || has_word(it.syntax(), "set"))
    };
    for node in definition.descendants() {
        match_ast! { match node {
            ast::PartitionOf(it) => relate(first_name(it.table_name_ref()), true),
            ast::Inherits(it) => it.table_name_refs().for_each(|it| relate(name(&it), true)),
            ast::ForeignKeyConstraint(it) => if acts(it.referential_actions()) {
                relate(first_name(it.table_name_ref()), false);
            },
            ast::ReferencesConstraint(it) => if acts(it.referential_actions()) {
                relate(first_name(it.table()), false);
            },
            _ => {}
        } }
    }
}

/// By ON DELETE CASCADE, or TRUNCATE … CASCADE, what happens to the referenced table happens here.
fn references(table: &Name, added: &SyntaxNode, take: &mut dyn FnMut(Effect)) {
    for referenced in relations(added) {
        take(Effect::Reaches {
            table: referenced,
            others: table.clone(),
        });
    }
}

fn alter_column(table: &Name, it: &ast::AlterColumn, take: &mut dyn FnMut(Effect)) {
    let column = first_name(it.column_name_ref());
    let says = match it.option() {
        Some(AlterColumnOption::SetType(it)) => {
            let says = format!("changes the type of column {table}.{column}");
            if !keeps_everything(&it) {
                take(lost(Kind::Table, table, says.clone()));
            }
            says
        }
        Some(AlterColumnOption::SetNotNull(_)) => format!("sets column {table}.{column} not null"),
        Some(AlterColumnOption::SetExpression(_)) => format!("recomputes column {table}.{column}"),
        _ => return,
    };
    take(locks(table, EXCLUSIVE, says));
}

/// Whether no value can be lost whatever the old type is, which is not known here: only text of any length holds
/// everything, and a USING may do anything.
fn keeps_everything(it: &ast::SetType) -> bool {
    let unlimited = match it.ty() {
        Some(ast::Type::VarcharType(ty)) => ty.arg_list().is_none(),
        Some(ast::Type::PathType(ty)) => {
            ty.arg_list().is_none() && matches!(first_name(ty.path_ref()).name.as_str(), "text" | "varchar")
        }
        _ => false,
    };
    unlimited && it.using_expr().is_none()
}

fn add_column(table: &Name, it: &ast::AddColumn, take: &mut dyn FnMut(Effect)) {
    let serial = it.ty().is_some_and(|ty| first_name(Some(ty)).name.contains("serial"));
    let rewrites = it.constraints().any(|constraint| match constraint {
        Constraint::DefaultConstraint(it) => is_volatile(&it),
        Constraint::GeneratedConstraint(it) => !contains(it.syntax(), SyntaxKind::VIRTUAL),
        constraint => validated(&constraint).is_some_and(|(_, says)| says != NOT_NULL),
    });
    if serial || rewrites {
        let column = first_name(it.column_name());
        take(locks(
            table,
            EXCLUSIVE,
            format!("adds column {table}.{column}, which reads or rewrites the table"),
        ));
    }
}

fn is_volatile(it: &ast::DefaultConstraint) -> bool {
    let calls = it.syntax().descendants().filter_map(ast::CallExpr::cast);
    calls
        .map(|call| first_name(call.expr()).name)
        .any(|name| !STABLE.contains(&name.as_str()))
}

const NOT_NULL: &str = "a not-null constraint";

/// The lock of a constraint that all rows are checked against, or an index is built for.
fn validated(constraint: &Constraint) -> Option<(&'static str, &'static str)> {
    if contains(constraint.syntax(), SyntaxKind::NOT_VALID) || contains(constraint.syntax(), SyntaxKind::NOT_ENFORCED) {
        return None;
    }
    match constraint {
        Constraint::CheckConstraint(_) => Some((EXCLUSIVE, "a check constraint")),
        Constraint::ExcludeConstraint(_) => Some((EXCLUSIVE, "an exclusion constraint")),
        Constraint::ForeignKeyConstraint(_) | Constraint::ReferencesConstraint(_) => {
            Some(("SHARE ROW EXCLUSIVE", "a foreign key"))
        }
        Constraint::NotNullConstraint(_) => Some((EXCLUSIVE, NOT_NULL)),
        Constraint::PrimaryKeyConstraint(it) if it.using_index().is_none() => Some((EXCLUSIVE, "a primary key")),
        Constraint::UniqueConstraint(it) if it.using_index().is_none() => Some((EXCLUSIVE, "a unique constraint")),
        _ => None,
    }
}

fn locks(table: &Name, lock: &'static str, says: String) -> Effect {
    Effect::Locks {
        table: table.clone(),
        lock,
        says,
    }
}
