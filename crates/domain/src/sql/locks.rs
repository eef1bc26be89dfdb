//! Statements that do nothing but hold a strong lock for long.

use squawk_syntax::ast::{self, AstNode};
use squawk_syntax::{SyntaxNode, match_ast};

use super::effect::{Effect, Name};
use super::names::{first_name, has_word, name};

pub(super) fn locks(node: &SyntaxNode, take: &mut dyn FnMut(Effect)) {
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
