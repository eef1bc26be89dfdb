//! Policies that hold for every caller and every row, and those that restrict who sees what others let them see.

use std::collections::BTreeSet;

use squawk_syntax::ast::{self, AlterPolicyAction, AstNode};
use squawk_syntax::{SyntaxElement, SyntaxKind, SyntaxNode};

use super::assess::{Place, Plan};
use super::effect::{Effect, Name};
use super::exposure::{callers, exposed};
use super::lookup::looked_up;
use super::names::{first_name, has_word, name_of};
use super::risk::{Qualified, RiskClass};

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

impl Plan<'_> {
    pub(super) fn loosen(&mut self, place: Place, table: &Name, policy: &str, says: &str) {
        if looked_up(&self.restrictive, table).any(|policies| policies.contains(policy)) {
            self.risk(RiskClass::Exposure, place, says, None);
        }
    }

    pub(super) fn rename_policy(&mut self, table: &Name, from: &str, to: &str) {
        for (_, policies) in self.restrictive(table) {
            if policies.remove(from) {
                policies.insert(to.to_owned());
            }
        }
    }

    /// The restrictive policies of a table are those of its new name, too: of several that are called so, one has it.
    pub(super) fn move_policies(&mut self, from: &Name, to: &Name) {
        let moved: Vec<_> = self
            .restrictive(from)
            .map(|((schema, _), policies)| {
                let schema = to.schema.clone().unwrap_or_else(|| schema.clone());
                ((schema, to.name.clone()), policies.clone())
            })
            .collect();
        for (table, policies) in moved {
            self.restrictive.entry(table).or_default().extend(policies);
        }
    }

    /// Of a table without a schema those of every schema.
    fn restrictive(&mut self, table: &Name) -> impl Iterator<Item = (&Qualified, &mut BTreeSet<String>)> {
        self.restrictive.iter_mut().filter(|((schema, name), _)| {
            *name == table.name && table.schema.as_ref().is_none_or(|wanted| wanted == schema)
        })
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
