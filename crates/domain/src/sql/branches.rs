//! The parts of a block that may be skipped.

use std::ops::Range;
use std::sync::Arc;

use squawk_syntax::{SyntaxKind, SyntaxNode};

use super::effect::{Branch, Effect};
use super::names::offset;

/// Nodes whose statements may be skipped, all of them or none.
const BRANCHES: [SyntaxKind; 12] = [
    SyntaxKind::PLPGSQL_IF_STMT,
    SyntaxKind::PLPGSQL_ELSIF_CLAUSE,
    SyntaxKind::PLPGSQL_ELSE_CLAUSE,
    SyntaxKind::PLPGSQL_CASE_WHEN,
    SyntaxKind::PLPGSQL_LOOP_STMT,
    SyntaxKind::PLPGSQL_WHILE_STMT,
    SyntaxKind::PLPGSQL_FOR_I_STMT,
    SyntaxKind::PLPGSQL_FOR_EACH_STMT,
    SyntaxKind::PLPGSQL_FOR_QUERY_STMT,
    SyntaxKind::PLPGSQL_FOR_DYN_STMT,
    SyntaxKind::PLPGSQL_FOR_CURSOR_STMT,
    SyntaxKind::PLPGSQL_EXCEPTION_HANDLER,
];
/// Statements behind which nothing may be reached.
const LEAVES: [SyntaxKind; 3] = [
    SyntaxKind::PLPGSQL_RETURN_STMT,
    SyntaxKind::PLPGSQL_EXIT_STMT,
    SyntaxKind::PLPGSQL_CONTINUE_STMT,
];

/// Marks the effects of a block, by their offset in it, that may be skipped.
pub(super) fn marked(block: &SyntaxNode, effects: Vec<(usize, Effect)>) -> Vec<(usize, Effect)> {
    let branches = Branches::of(block);
    let left = block.descendants().find(|it| LEAVES.contains(&it.kind()));
    let left = left.map_or(usize::MAX, |it| offset(&it));
    let mut known: Vec<Option<Arc<Branch>>> = vec![None; branches.0.len()];
    let mark = |(at, effect): (usize, Effect)| {
        if !effect.is_relied_on() {
            return (at, effect);
        }
        let branch = if at > left {
            Arc::new(Branch)
        } else {
            let known = branches.innermost(at).and_then(|number| known.get_mut(number));
            let Some(known) = known else {
                return (at, effect);
            };
            Arc::clone(known.get_or_insert_with(|| Arc::new(Branch)))
        };
        (at, Effect::Perhaps(Box::new(effect), branch))
    };
    effects.into_iter().map(mark).collect()
}

/// The branches of a block by where they begin, each with the one around it.
struct Branches(Vec<(Range<usize>, Option<usize>)>);

impl Branches {
    fn of(block: &SyntaxNode) -> Self {
        let mut found: Vec<(Range<usize>, Option<usize>)> = Vec::new();
        // What is around others comes before them.
        for node in block.descendants().filter(is_branch) {
            let from = offset(&node);
            let mut around = found.len().checked_sub(1);
            while let Some((range, outer)) = around.and_then(|number| found.get(number)) {
                if range.contains(&from) {
                    break;
                }
                around = *outer;
            }
            found.push((from..node.text_range().end().into(), around));
        }
        Self(found)
    }

    fn innermost(&self, at: usize) -> Option<usize> {
        let mut branch = self.0.partition_point(|(range, _)| range.start <= at).checked_sub(1);
        while let Some((range, around)) = branch.and_then(|number| self.0.get(number)) {
            if range.contains(&at) {
                break;
            }
            branch = *around;
        }
        branch
    }
}

/// What fails within a block that catches errors is undone with all of it.
fn is_branch(node: &SyntaxNode) -> bool {
    let catches = || {
        node.children()
            .any(|it| it.kind() == SyntaxKind::PLPGSQL_EXCEPTION_SECTION)
    };
    BRANCHES.contains(&node.kind()) || node.kind() == SyntaxKind::PLPGSQL_BLOCK && catches()
}
