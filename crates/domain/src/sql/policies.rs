//! Policies that hold for every caller and every row, and those that restrict who sees what others let them see.

use std::collections::{BTreeMap, BTreeSet};

use squawk_syntax::ast::{self, AlterPolicyAction, AstNode};
use squawk_syntax::{SyntaxElement, SyntaxKind, SyntaxNode};

use super::assess::{Place, Plan};
use super::effect::{Effect, Name};
use super::exposure::{callers, exposed};
use super::lookup::{by_name, looked_up};
use super::names::{first_name, has_word, name_of};
use super::risk::{Catalogue, RiskClass};

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
        let table = table(node);
        take(exposed(format!(
            "{verb} policy {name}, which lets every caller at every row of {table}"
        )));
    }
}

fn table(node: &SyntaxNode) -> Name {
    let table = node.descendants().find(|it| it.kind() == SyntaxKind::TABLE_NAME_REF);
    table.map(|it| name_of(&it)).unwrap_or_default()
}

pub(super) fn altered_policy(it: &ast::AlterPolicy, take: &mut dyn FnMut(Effect)) {
    let (node, name) = (it.syntax(), first_name(it.policy_ref()));
    if let Some(AlterPolicyAction::PolicyRenameTo(renamed)) = it.action() {
        take(Effect::RenamesPolicy {
            table: table(node),
            from: name.name,
            to: first_name(renamed.policy()).name,
        });
    } else {
        policy("changes", node, &name, take);
        loosens("changes", node, &name, take);
    }
}

/// A policy restricts less afterwards, if it restricts.
pub(super) fn loosens(verb: &str, node: &SyntaxNode, policy: &Name, take: &mut dyn FnMut(Effect)) {
    let table = table(node);
    take(Effect::Loosens {
        says: format!("{verb} policy {policy}, which restricts who sees or changes rows of {table}"),
        policy: policy.name.clone(),
        table,
    });
}

pub(super) struct Restrictive {
    of_tables: BTreeMap<Name, BTreeSet<String>>,
    /// There were too many to follow: any may be one.
    any: bool,
}

impl Restrictive {
    pub(super) fn of(catalogue: &Catalogue) -> Self {
        Self {
            of_tables: by_name(&catalogue.restrictive),
            any: false,
        }
    }

    /// The tables of this name that have some; without a schema, those of every schema.
    fn tables(&self, table: &Name) -> Vec<Name> {
        let is_it = |it: &Name| it.name == table.name && (table.schema.is_none() || it.schema == table.schema);
        let tables = self.of_tables.range(table..).map(|(name, _)| name);
        tables.take_while(|name| is_it(name)).cloned().collect()
    }
}

impl Plan<'_> {
    pub(super) fn loosen(&mut self, place: Place, table: &Name, policy: &str, says: &str) {
        let restricts = looked_up(&self.restrictive.of_tables, table).any(|policies| policies.contains(policy));
        if restricts || self.restrictive.any {
            self.risk(RiskClass::Exposure, place, says, None);
        }
    }

    pub(super) fn rename_policy(&mut self, table: &Name, from: &str, to: &str) {
        let sure = self.is_sure();
        for table in self.restrictive.tables(table) {
            if let Some(policies) = self.restrictive.of_tables.get_mut(&table)
                && policies.contains(from)
            {
                policies.insert(to.to_owned());
                if sure {
                    policies.remove(from);
                }
            }
        }
    }

    /// The restrictive policies of a table are those of its new name, too: of several that are called so, one has it.
    pub(super) fn move_policies(&mut self, from: &Name, to: &Name) {
        for table in self.restrictive.tables(from) {
            let policies = self.restrictive.of_tables.get(&table).cloned().unwrap_or_default();
            if !self.follow(policies.len()) {
                self.restrictive.any = true;
                return;
            }
            let moved = Name {
                schema: to.schema.clone().or(table.schema),
                name: to.name.clone(),
            };
            self.restrictive.of_tables.entry(moved).or_default().extend(policies);
        }
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
