//! What statements do, read off our parser's tree.

use std::cell::OnceCell;
use std::sync::Arc;

use squawk_syntax::ast::{self, AstNode};
use squawk_syntax::{SyntaxKind, SyntaxNode, match_ast};

use super::alterations::{alter_sequence, alter_table, alter_type, relates};
use super::bodies::{Source, define, do_block, is_definer, runs_text, string};
use super::drops::{always, deletes, drops, has_cascade, lost};
use super::effect::{Effect, Kind, Name, Origin, Runs};
use super::exposure::exposure;
use super::locks::locks;
use super::names::{contains, first_name, name, name_of, offset, tokens};
use super::origin::{given, origin};
use super::risk::RiskClass;

/// Takes an effect, with its offset in the source.
pub(super) type Take<'t> = dyn FnMut(usize, Effect) + 't;

/// Nodes that are only stored, or whose parts are read where they are defined.
const NOT_RUN: [SyntaxKind; 8] = [
    SyntaxKind::CREATE_FUNCTION,
    SyntaxKind::CREATE_PROCEDURE,
    SyntaxKind::CREATE_RULE,
    SyntaxKind::CREATE_POLICY,
    SyntaxKind::ALTER_POLICY,
    SyntaxKind::CREATE_TRIGGER,
    SyntaxKind::CREATE_EVENT_TRIGGER,
    SyntaxKind::PREPARE,
];
/// Nodes whose expressions are stored: the routines in them run later.
const STORED: [SyntaxKind; 5] = [
    SyntaxKind::CREATE_VIEW,
    SyntaxKind::CREATE_TABLE,
    SyntaxKind::CREATE_DOMAIN,
    SyntaxKind::ALTER_DOMAIN,
    SyntaxKind::SET_DEFAULT,
];

/// Schemas that are in the search path on Supabase, and none.
const USUAL: [&str; 6] = ["", "public", "extensions", "pg_catalog", "pg_temp", "$user"];

/// Goes through everything that is run, statements within statements too (`WITH … AS (DELETE …)`, `EXPLAIN ANALYZE`,
/// `CREATE SCHEMA … CREATE TABLE`), in written order.
pub(super) fn effects(root: &SyntaxNode, source: &Source<'_>, take: &mut Take<'_>) {
    let parameters = OnceCell::new();
    let mut left = vec![(root.clone(), false)];
    while let Some((node, stored)) = left.pop() {
        let offset = offset(&node);
        define(&node, source, &mut |effect| take(offset, effect));
        if NOT_RUN.contains(&node.kind()) {
            exposure(&node, &mut |effect| take(offset, effect));
            continue;
        }
        let stored = stored || STORED.contains(&node.kind());
        statement(&node, source, stored, &mut |mut effect| {
            if let Effect::Calls { given: from, .. } = &mut effect {
                from.push(Arc::clone(parameters.get_or_init(|| Arc::new(given(root)))));
            }
            take(offset, effect);
        });
        exposure(&node, &mut |effect| take(offset, effect));
        do_block(&node, source, offset, take);
        let from = left.len();
        left.extend(node.children().map(|child| (child, stored)));
        if let Some(new) = left.get_mut(from..) {
            new.reverse();
        }
    }
}

fn statement(node: &SyntaxNode, source: &Source<'_>, stored: bool, take: &mut dyn FnMut(Effect)) {
    match_ast! { match node {
        ast::Delete(it) => deletes(&first_name(it.relation_name()), take),
        ast::Update(it) => {
            let table = first_name(it.relation_name());
            if table.name == "pg_settings" {
                take(opaque("changes settings by their view".to_owned()));
            }
            writes("updates", node, table, take);
        },
        ast::Insert(it) => writes("inserts into", node, first_name(it.relation_name_ref()), take),
        ast::Merge(it) => {
            let table = first_name(it.table_relation_name());
            if contains(it.syntax(), SyntaxKind::MERGE_DELETE) {
                take(lost(Kind::Table, &table, format!("deletes from {table}")));
            }
            writes("merges into", node, table, take);
        },
        ast::Copy(it) => if matches!(it.copy_direction(), Some(ast::CopyDirection::CopyFrom(_))) {
            let table = first_name(it.copy_table());
            // What is in the file may be all that is left of it.
            take(Effect::Writes { says: format!("copies into {table}"), table, from: Origin::unknown(), adds: true });
        },
        ast::Truncate(it) => it.table_list().into_iter().flat_map(|it| it.table_relation_names()).for_each(|it| {
            let table = name(&it);
            take(lost(Kind::Table, &table, format!("empties table {table}")));
            // By any foreign key, also one by which nothing else is written.
            take(Effect::Fires(if has_cascade(node) { Name::default() } else { table }));
        }),
        ast::CreateTable(it) => {
            create(node, it.persistence().as_ref(), it.table_name(), it.if_not_exists().is_some(), take);
            relates(&first_name(it.table_name()), node, take);
        },
        ast::CreateTableAs(it) => {
            create(node, it.persistence().as_ref(), it.table_name(), it.if_not_exists().is_some(), take);
        },
        ast::CreateForeignTable(it) => create(node, None, it.table_name(), it.if_not_exists().is_some(), take),
        ast::IntoClause(it) => if !source.procedural {
            let select = node.parent();
            create(select.as_ref().unwrap_or(node), it.persistence().as_ref(), it.table_name(), false, take);
        },
        ast::CreateSequence(it) => take(Effect::Makes {
            kind: Kind::Sequence,
            name: first_name(it.sequence()),
            if_not_exists: it.if_not_exists().is_some(),
        }),
        ast::CreateType(it) => take(Effect::Makes {
            kind: Kind::Type,
            name: first_name(it.type_name()),
            if_not_exists: false,
        }),
        ast::CreateSchema(it) => if let Some(name) = made_schema(node) {
            take(Effect::Makes { kind: Kind::Schema, name, if_not_exists: it.if_not_exists().is_some() });
        },
        ast::CreateExtension(it) => if let Some(schema) = it.extension_schema() {
            take(Effect::Extends { extension: first_name(it.extension()).name, schema: name(&schema).name });
        },
        ast::AlterTable(it) => alter_table(&it, take),
        ast::AlterType(it) => alter_type(&it, take),
        ast::AlterSchema(it) => if let Some(ast::AlterSchemaAction::SchemaRenameTo(_)) = it.action() {
            take(Effect::MovesNames);
        },
        ast::AlterSequence(it) => alter_sequence(&it, take),
        ast::SetConfig(_) => if name_of(node).name == "search_path" {
            take(Effect::SetsPath { usual: is_usual(node, source) });
        },
        ast::AlterFunction(_) => altered_routine(node, Runs::InQueries, take),
        ast::AlterProcedure(_) => altered_routine(node, Runs::ByCall, take),
        ast::AlterRoutine(_) => altered_routine(node, Runs::InQueries, take),
        ast::Call(it) => take(Effect::Calls {
            routine: first_name(it.procedure_name_ref()),
            procedure: true,
            given: Vec::new(),
        }),
        ast::CallExpr(it) => {
            let routine = first_name(it.expr());
            runs_text(&it, &routine, source, take);
            sets(&it, &routine, source, take);
            if routine.name == "lo_unlink" {
                take(always("deletes a large object".to_owned()));
            }
            take(if stored {
                Effect::Stores(routine)
            } else {
                Effect::Calls { routine, procedure: false, given: Vec::new() }
            });
        },
        ast::CreateOperator(_) => stored_routines(node, take),
        ast::CreateCast(_) => stored_routines(node, take),
        ast::CreateAggregate(_) => stored_routines(node, take),
        ast::Execute(it) => {
            take(opaque(format!("executes prepared statement {}", first_name(it.prepared_statement_ref()))));
        },
        ast::PlpgsqlCommitStmt(_) => take(Effect::Commits),
        ast::PlpgsqlRollbackStmt(_) => take(Effect::Commits),
        _ => {
            drops(node, take);
            locks(node, take);
        },
    } }
}

/// A computed setting may be one by which strings are read.
fn sets(call: &ast::CallExpr, routine: &Name, source: &Source<'_>, take: &mut dyn FnMut(Effect)) {
    if routine.name != "set_config" {
        return;
    }
    let mut arguments = call.arg_list().into_iter().flat_map(|it| it.args());
    let mut next = || string(&arguments.next()?.syntax().first_child()?, source);
    match next() {
        None => take(opaque("computes which setting it sets".to_owned())),
        Some(name) if name.text == "search_path" => {
            let usual = next().is_some_and(|path| path.text.split(',').all(|it| USUAL.contains(&it.trim())));
            take(Effect::SetsPath { usual });
        }
        Some(_) => {}
    }
}

/// Whether a `SET search_path` names nothing but schemas of the usual path.
fn is_usual(node: &SyntaxNode, source: &Source<'_>) -> bool {
    let words = tokens(node)
        .filter(|it| !it.kind().is_trivia())
        .map(|it| it.text_range());
    let mut written = words.filter_map(|range| source.text.get(range.start().into()..range.end().into()));
    written.all(|word| {
        let word = word.trim_matches(['"', '\'']).to_ascii_lowercase();
        USUAL.contains(&word.as_str())
            || ["set", "local", "session", "search_path", "to", "=", ","].contains(&word.as_str())
    })
}

fn writes(verb: &str, node: &SyntaxNode, table: Name, take: &mut dyn FnMut(Effect)) {
    let mut from = origin(node);
    // What it returns of its own rows is no source of theirs.
    if let Some(target) = from.tables.iter().position(|read| *read == table) {
        from.tables.remove(target);
    }
    // A row that is there already may be changed by it.
    let adds = node.kind() == SyntaxKind::INSERT && !contains(node, SyntaxKind::CONFLICT_DO_UPDATE_SET);
    take(Effect::Writes {
        says: format!("{verb} {table}"),
        table,
        from,
        adds,
    });
}

fn create(
    node: &SyntaxNode,
    persistence: Option<&ast::Persistence>,
    table: Option<ast::TableName>,
    if_not_exists: bool,
    take: &mut dyn FnMut(Effect),
) {
    let table = first_name(table);
    let temporary =
        matches!(persistence, Some(ast::Persistence::Temp(_))) || table.schema.as_deref() == Some("pg_temp");
    take(if temporary {
        let schema = Some("pg_temp".to_owned());
        Effect::Makes {
            kind: Kind::Table,
            name: Name { schema, ..table },
            if_not_exists,
        }
    } else {
        let query = node.kind() != SyntaxKind::CREATE_TABLE && node.kind() != SyntaxKind::CREATE_FOREIGN_TABLE;
        Effect::Creates {
            // A foreign key names a table, and copies nothing of it.
            from: if query { origin(node) } else { Origin::default() },
            table,
            if_not_exists,
        }
    });
}

fn made_schema(node: &SyntaxNode) -> Option<Name> {
    let schema = node.descendants().find(|it| it.kind() == SyntaxKind::SCHEMA)?;
    Some(name_of(&schema))
}

/// Under another name it is a routine that nobody has read.
fn altered_routine(node: &SyntaxNode, runs: Runs, take: &mut dyn FnMut(Effect)) {
    let Some(from) = routines(node).into_iter().next() else {
        return;
    };
    if is_definer(node) && runs == Runs::InQueries {
        take(Effect::SetsDefiner(from.clone()));
    }
    let of = |kind: SyntaxKind| node.descendants().find(|it| it.kind() == kind).map(|it| name_of(&it));
    let to = match (of(SyntaxKind::FUNCTION_NAME), of(SyntaxKind::SCHEMA_REF)) {
        (Some(name), _) => Name {
            schema: from.schema.clone(),
            ..name
        },
        (None, Some(schema)) => Name {
            schema: Some(schema.name),
            ..from.clone()
        },
        (None, None) => return,
    };
    take(Effect::MovesRoutine {
        // What it does under its new name is not followed.
        body: vec![opaque(format!("calls function {to}, which this plan renames"))],
        reads: Origin::unknown(),
        runs,
        from,
        to,
    });
}

fn stored_routines(node: &SyntaxNode, take: &mut dyn FnMut(Effect)) {
    let within = node.descendants().skip(1);
    let named = within.filter(|it| matches!(it.kind(), SyntaxKind::FUNCTION_NAME_REF | SyntaxKind::ATTRIBUTE_VALUE));
    named.for_each(|it| take(Effect::Stores(name_of(&it))));
}

pub(super) fn routines(node: &SyntaxNode) -> Vec<Name> {
    let within = node.descendants();
    let named = within.filter(|it| {
        matches!(
            it.kind(),
            SyntaxKind::FUNCTION_NAME_REF | SyntaxKind::PROCEDURE_NAME_REF | SyntaxKind::ROUTINE_NAME_REF
        )
    });
    named.map(|it| name_of(&it)).collect()
}

pub(super) fn opaque(says: String) -> Effect {
    Effect::Risk(RiskClass::Opaque, says)
}
