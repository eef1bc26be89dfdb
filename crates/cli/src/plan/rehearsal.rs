use ace_api::MigrationSet;
use ace_domain::kinds::migration_set::{Decision, Plan, State, Step, StepError, decide, planned, update};
use ace_domain::kinds::platform::DatabaseFailure;
use ace_operator::kinds::migration_set::ReadOnlySession;
use jiff::Timestamp;

use super::assume::assume;

/// A pass of which only the looks were made.
pub(super) struct Rehearsal {
    /// What is known, before anything was assumed.
    pub(super) seen: State,
    /// The steps that would write, in order; a run of files, which is the last, is its first step.
    pub(super) steps: Vec<Step>,
    /// What would run then, or would but for what stands in its way.
    pub(super) plan: Option<Plan>,
    /// Where it ended: the step that would run files, or why there is none.
    pub(super) end: Decision,
    /// Why the database could not be asked.
    pub(super) step_error: Option<StepError>,
}

/// The operator's loop, in which a step that writes is assumed to have worked.
pub(super) async fn rehearse(
    object: &MigrationSet,
    mut state: State,
    way: &Result<ReadOnlySession, DatabaseFailure>,
) -> Rehearsal {
    let mut seen = None;
    let mut steps = Vec::new();
    let end = loop {
        let decision = decide(object, &state, Timestamp::now());
        let Decision::Do(step) = decision else { break decision };
        let made = match way {
            Ok(session) => session.make(object, &state, &step).await,
            Err(step_error) => Some(Err(StepError::Database(step_error.clone()))),
        };
        let outcome = if let Some(outcome) = made {
            outcome
        } else {
            seen.get_or_insert_with(|| state.clone());
            steps.extend(step.records_first().then(|| step.clone()));
            match assume(object, &mut state, &step, Timestamp::now()) {
                Some(result) => Ok(result),
                None => break Decision::Do(step),
            }
        };
        update(object, &mut state, &step, outcome, Timestamp::now());
    };
    if let Ok(session) = way {
        read_the_rest(object, &mut state, session).await;
    }
    Rehearsal {
        plan: planned(object, &state),
        step_error: state.step_error.clone(),
        seen: seen.unwrap_or(state),
        steps,
        end,
    }
}

/// A refusal may come before the files are read; people want to see them all the same.
async fn read_the_rest(object: &MigrationSet, state: &mut State, session: &ReadOnlySession) {
    let (Some(observation), Some(folder)) = (state.observation(), state.folder()) else {
        return;
    };
    let pending = folder
        .files
        .iter()
        .filter(|file| !observation.ledger.contains_key(file.version.as_str()));
    let unread = pending.filter(|file| !state.scripts.contains_key(&file.sha256));
    let step = Step::Read(unread.cloned().collect());
    if let Some(outcome) = session.make(object, state, &step).await {
        update(object, state, &step, outcome, Timestamp::now());
    }
}
