use ace_api::MigrationSet;
use ace_domain::migration::{Decision, Plan, Step, Trouble, World, decide, learn, planned};
use ace_domain::platform::DatabaseTrouble;
use ace_operator::kinds::migration_set::Looker;
use jiff::Timestamp;

use super::assume::assume;

/// A pass of which only the looks were made.
pub(super) struct Rehearsal {
    /// What is known, before anything was assumed.
    pub(super) seen: World,
    /// The steps that would write, in order; a run of files, which is the last, is its first step.
    pub(super) steps: Vec<Step>,
    /// What would run then, or would but for what stands in its way.
    pub(super) plan: Option<Plan>,
    /// Where it ended: the step that would run files, or why there is none.
    pub(super) end: Decision,
    /// Why the database could not be asked.
    pub(super) trouble: Option<Trouble>,
}

/// The operator's loop, in which a step that writes is assumed to have worked.
pub(super) async fn rehearse(
    object: &MigrationSet,
    mut world: World,
    way: &Result<Looker, DatabaseTrouble>,
) -> Rehearsal {
    let mut seen = None;
    let mut steps = Vec::new();
    let end = loop {
        let decision = decide(object, &world, Timestamp::now());
        let Decision::Do(step) = decision else { break decision };
        let made = match way {
            Ok(looker) => looker.make(object, &world, &step).await,
            Err(trouble) => Some(Err(Trouble::Database(trouble.clone()))),
        };
        let outcome = if let Some(outcome) = made {
            outcome
        } else {
            seen.get_or_insert_with(|| world.clone());
            steps.extend(step.needs_record().then(|| step.clone()));
            match assume(object, &mut world, &step, Timestamp::now()) {
                Some(fact) => Ok(fact),
                None => break Decision::Do(step),
            }
        };
        learn(object, &mut world, &step, outcome, Timestamp::now());
    };
    if let Ok(looker) = way {
        read_the_rest(object, &mut world, looker).await;
    }
    Rehearsal {
        plan: planned(object, &world),
        trouble: world.trouble.clone(),
        seen: seen.unwrap_or(world),
        steps,
        end,
    }
}

/// A refusal may come before the files are read; people want to see them all the same.
async fn read_the_rest(object: &MigrationSet, world: &mut World, looker: &Looker) {
    let (Some(view), Some(folder)) = (world.view(), world.folder()) else {
        return;
    };
    let pending = folder
        .files
        .iter()
        .filter(|file| !view.ledger.contains_key(file.version.as_str()));
    let unread = pending.filter(|file| !world.scripts.contains_key(&file.sha256));
    let step = Step::Read(unread.cloned().collect());
    if let Some(outcome) = looker.make(object, world, &step).await {
        learn(object, world, &step, outcome, Timestamp::now());
    }
}
