//! What can't run in one transaction although each of its statements could.

use std::collections::BTreeSet;

use super::effect::{Effect, Name};
use super::error::{Refusal, ScriptError};
use super::lookup::{is_among, named, qualified};
use super::risk::Catalogue;
use super::script::Script;

/// The first call of a procedure that ends the transaction, with the number of its script: as a part of a file, which is
/// one transaction, it would fail.
pub fn committing_call(scripts: &[&Script], catalogue: &Catalogue) -> Option<(usize, ScriptError)> {
    let known = catalogue.routines.iter().filter(|(_, routine)| routine.commits);
    let mut committing: BTreeSet<Name> = known.map(|(name, _)| named(name)).collect();
    for (number, script) in scripts.iter().enumerate() {
        for (line, effect) in &script.effects {
            match effect {
                Effect::Defines { routine, body, .. } if body.iter().any(|it| commits(&committing, it)) => {
                    committing.insert(qualified(routine));
                }
                effect if commits(&committing, effect) => {
                    let (line, column) = (*line, 1);
                    let refusal = COMMITS;
                    return Some((number, ScriptError { line, column, refusal }));
                }
                _ => {}
            }
        }
    }
    None
}

fn commits(committing: &BTreeSet<Name>, effect: &Effect) -> bool {
    match effect {
        Effect::Commits => true,
        Effect::Calls {
            routine,
            procedure: true,
            ..
        } => is_among(committing, routine),
        _ => false,
    }
}

pub(super) const COMMITS: Refusal = Refusal::unprovable(
    "a DO block or procedure that commits: what it did before it fails or is interrupted could not be known",
    "leave COMMIT and ROLLBACK out, or run it by hand, outside of migrations",
);
