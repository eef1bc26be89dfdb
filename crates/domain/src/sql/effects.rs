//! What statements do, read off our parser's tree.

use squawk_syntax::ast::{self, AstNode};
use squawk_syntax::{SyntaxElement, SyntaxKind, SyntaxNode, SyntaxToken, match_ast};

use super::alterations::alter_table;
use super::effect::{Effect, Name};
use super::risk::RiskClass;

/// Takes an effect, with its offset in the piece.
pub(super) type Take<'t> = dyn FnMut(usize, Effect) + 't;

/// Nodes that are only stored, or contain no statement.
const NOT_RUN: [SyntaxKind; 6] = [
    SyntaxKind::CREATE_FUNCTION,
    SyntaxKind::CREATE_PROCEDURE,
    SyntaxKind::CREATE_RULE,
    SyntaxKind::CREATE_POLICY,
    SyntaxKind::PREPARE,
    SyntaxKind::VALUES,
];
/// Whose grants reach everybody who calls the API.
const CALLERS: [&str; 3] = ["anon", "authenticated", "public"];

/// Goes through everything that is run, statements within statements too (`WITH … AS (DELETE …)`, `EXPLAIN ANALYZE`,
/// `CREATE SCHEMA … CREATE TABLE`), in written order.
pub(super) fn effects(root: &SyntaxNode, take: &mut Take<'_>) {
    let mut left = vec![root.clone()];
    while let Some(node) = left.pop() {
        if NOT_RUN.contains(&node.kind()) {
            continue;
        }
        let offset = offset(&node);
        statement(&node, &mut |effect| take(offset, effect));
        let from = left.len();
        left.extend(node.children());
        left[from..].reverse();
    }
}

fn statement(node: &SyntaxNode, take: &mut dyn FnMut(Effect)) {
    match_ast! { match node {
        ast::DropTable(it) => for table in it.table_name_refs().map(|it| name(&it)) {
            take(lost(format!("drops table {table}")));
            take(Effect::Drops(table));
        },
        ast::DropForeignTable(it) => for table in names(it.syntax()) {
            take(Effect::Drops(table));
        },
        ast::DropMaterializedView(it) => for view in it.view_refs() {
            take(lost(format!("drops materialized view {}", name(&view))));
        },
        ast::DropSequence(it) => it.sequence_refs().for_each(|it| take(lost(format!("drops sequence {}", name(&it))))),
        ast::DropSchema(it) => it.schema_refs().for_each(|it| take(lost(format!("drops schema {}", name(&it))))),
        ast::DropType(it) => it.type_name_refs().for_each(|it| take(lost(format!("drops type {}", name(&it))))),
        ast::DropDomain(it) => if cascades(it.drop_behavior().as_ref()) {
            for domain in it.domain_refs() {
                take(lost(format!("drops domain {} with the columns that use it", name(&domain))));
            }
        },
        ast::DropExtension(it) => if cascades(it.drop_behavior().as_ref()) {
            for extension in it.extension_refs() {
                take(lost(format!("drops extension {} with what depends on it", name(&extension))));
            }
        },
        ast::DropOwned(_) => take(lost("drops everything that a role owns".to_owned())),
        ast::DropAttribute(it) => {
            take(lost(format!("drops attribute {} of a type", first_name(it.composite_field_ref()))));
        },
        ast::Truncate(it) => it.table_list().into_iter().flat_map(|it| it.table_relation_names())
            .for_each(|it| take(lost(format!("empties table {}", name(&it))))),
        ast::Delete(it) => take(lost(format!("deletes from {}", first_name(it.relation_name())))),
        ast::Update(it) => take(changed("updates", &first_name(it.relation_name()))),
        ast::Insert(it) => take(changed("inserts into", &first_name(it.relation_name_ref()))),
        ast::Merge(it) => {
            let table = first_name(it.table_relation_name());
            if contains(it.syntax(), SyntaxKind::MERGE_DELETE) {
                take(lost(format!("deletes from {table}")));
            }
            take(changed("merges into", &table));
        },
        ast::Copy(it) => if matches!(it.copy_direction(), Some(ast::CopyDirection::CopyFrom(_))) {
            take(changed("copies into", &first_name(it.copy_table())));
        },
        ast::CreateTable(it) => create(it.persistence().as_ref(), it.table_name(), it.if_not_exists().is_some(), take),
        ast::CreateTableAs(it) => create(it.persistence().as_ref(), it.table_name(), it.if_not_exists().is_some(), take),
        ast::CreateForeignTable(it) => create(None, it.table_name(), it.if_not_exists().is_some(), take),
        ast::IntoClause(it) => create(it.persistence().as_ref(), it.table_name(), false, take),
        ast::AlterTable(it) => alter_table(&it, take),
        ast::RoleOptionList(it) => role_options(&it, take),
        ast::Grant(it) => grant(&it, take),
        ast::Do(_) => take(opaque("runs a DO block".to_owned())),
        ast::Call(it) => take(opaque(format!("calls procedure {}", first_name(it.procedure_name_ref())))),
        ast::Execute(it) => {
            take(opaque(format!("executes prepared statement {}", first_name(it.prepared_statement_ref()))));
        },
        _ => locks(node, take),
    } }
}

/// Statements that do nothing but hold a strong lock for long.
fn locks(node: &SyntaxNode, take: &mut dyn FnMut(Effect)) {
    const EXCLUSIVE: &str = "ACCESS EXCLUSIVE";
    let mut lock = |table: Name, lock: &'static str, says: String| take(Effect::Locks { table, lock, says });
    match_ast! { match node {
        ast::CreateIndex(it) => if it.concurrently_token().is_none() {
            let table = first_name(it.table_relation_name());
            let says = format!("builds an index on {table}");
            lock(table, "SHARE", says);
        },
        ast::ReindexTargetTable(it) => if !has_word(node.parent().as_ref().unwrap_or(node), "concurrently") {
            let table = first_name(it.table_name_ref());
            let says = format!("rebuilds the indexes of {table}");
            lock(table, "SHARE", says);
        },
        ast::Refresh(it) => if it.concurrently_token().is_none() {
            let view = first_name(it.view_ref());
            let says = format!("refreshes materialized view {view}");
            lock(view, EXCLUSIVE, says);
        },
        ast::Vacuum(it) => if has_word(it.syntax(), "full") {
            for table in it.table_and_columns_list().into_iter().flat_map(|it| it.table_and_columnss()) {
                let table = first_name(table.table_relation_name());
                let says = format!("rewrites table {table}");
                lock(table, EXCLUSIVE, says);
            }
        },
        ast::Cluster(it) => {
            let old = it.cluster_legacy().and_then(|it| it.on_path()).map(|it| name(&it));
            let table = old.unwrap_or_else(|| first_name(it.table_name_ref()));
            let says = format!("rewrites table {table}");
            lock(table, EXCLUSIVE, says);
        },
        ast::Lock(it) => if let Some(mode) = strong_mode(it.lock_mode_clause().and_then(|it| it.lock_mode()).as_ref()) {
            for table in it.relation_list().into_iter().flat_map(|it| it.relation_names()).map(|it| name(&it)) {
                let says = format!("locks table {table}");
                lock(table, mode, says);
            }
        },
        _ => {},
    } }
}

/// The modes that keep writers out; without one it is the strongest.
fn strong_mode(mode: Option<&ast::LockMode>) -> Option<&'static str> {
    match mode {
        None | Some(ast::LockMode::AccessExclusive(_)) => Some("ACCESS EXCLUSIVE"),
        Some(ast::LockMode::Exclusive(_)) => Some("EXCLUSIVE"),
        Some(ast::LockMode::ShareRowExclusive(_)) => Some("SHARE ROW EXCLUSIVE"),
        Some(ast::LockMode::Share(_)) => Some("SHARE"),
        Some(_) => None,
    }
}

fn create(
    persistence: Option<&ast::Persistence>,
    table: Option<ast::TableName>,
    if_not_exists: bool,
    take: &mut dyn FnMut(Effect),
) {
    let table = first_name(table);
    let temporary =
        matches!(persistence, Some(ast::Persistence::Temp(_))) || table.schema.as_deref() == Some("pg_temp");
    if !temporary {
        take(Effect::Creates { table, if_not_exists });
    }
}

fn role_options(options: &ast::RoleOptionList, take: &mut dyn FnMut(Effect)) {
    let role = options.syntax().parent().and_then(|it| {
        it.children()
            .find(|it| matches!(it.kind(), SyntaxKind::ROLE | SyntaxKind::ROLE_REF))
            .map(|it| name_of(&it))
    });
    let role = role.unwrap_or_default();
    for (word, says) in [
        ("bypassrls", "may bypass row level security"),
        ("superuser", "is a superuser"),
    ] {
        if has_word(options.syntax(), word) {
            take(Effect::Risk(RiskClass::Exposure, format!("role {role} {says}")));
        }
    }
}

/// Membership of a role that is given to every caller. Privileges on objects are not: on Supabase every table has them by
/// default, and row security decides.
fn grant(grant: &ast::Grant, take: &mut dyn FnMut(Effect)) {
    if grant.on_privilege_objects_clause().is_some() {
        return;
    }
    let granted = grant
        .privileges()
        .map(|it| it.syntax().text().to_string())
        .unwrap_or_default();
    for role in grant
        .role_ref_list()
        .into_iter()
        .flat_map(|it| it.role_refs())
        .map(|it| name(&it))
    {
        if CALLERS.contains(&role.name.as_str()) {
            take(Effect::Risk(
                RiskClass::Exposure,
                format!("grants role {} to {role}", granted.trim()),
            ));
        }
    }
}

fn lost(says: String) -> Effect {
    Effect::Risk(RiskClass::DataLoss, says)
}

fn changed(verb: &str, table: &Name) -> Effect {
    Effect::Risk(RiskClass::DataChange, format!("{verb} {table}"))
}

fn opaque(says: String) -> Effect {
    Effect::Risk(RiskClass::Opaque, says)
}

fn cascades(behavior: Option<&ast::DropBehavior>) -> bool {
    matches!(behavior, Some(ast::DropBehavior::Cascade(_)))
}

pub(super) fn contains(node: &SyntaxNode, kind: SyntaxKind) -> bool {
    node.descendants().any(|it| it.kind() == kind)
}

/// Whether a word occurs in it, outside of quotes.
fn has_word(node: &SyntaxNode, word: &str) -> bool {
    tokens(node).any(|token| token.text().eq_ignore_ascii_case(word))
}

fn tokens(node: &SyntaxNode) -> impl Iterator<Item = SyntaxToken> {
    node.descendants_with_tokens().filter_map(SyntaxElement::into_token)
}

/// Of the first word: a node may begin with the comments before it.
fn offset(node: &SyntaxNode) -> usize {
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
fn names(node: &SyntaxNode) -> Vec<Name> {
    let paths = node.children().filter(|it| it.children().any(|it| is_path(it.kind())));
    paths.map(|it| name_of(&it)).collect()
}

fn is_path(kind: SyntaxKind) -> bool {
    matches!(kind, SyntaxKind::PATH | SyntaxKind::PATH_REF)
}

/// The first path in it, or its words when there is none. Quotes are taken off; names without them are folded.
fn name_of(node: &SyntaxNode) -> Name {
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
    let name = parts.pop().unwrap_or_default();
    Name {
        schema: parts.pop(),
        name,
    }
}
