use std::sync::Arc;

use ace_api::MigrationSet;
use ace_database::ReadOnlySession;
use ace_domain::kinds::migration_set::{Decision, Kind, Plan, State, Step, StepError, planned, unassessed};
use ace_domain::kinds::platform::DatabaseFailure;
use ace_domain::reconcile::{
    kind::{Kind as _, Step as _},
    pass::{Effect, Pass},
};
use jiff::Timestamp;

use super::assume::Assumed;

/// A pass of which only the reads were made.
pub(super) struct Rehearsal {
    /// The state before anything was assumed.
    pub(super) seen: State,
    /// The steps that would write, in order; the last may be the first step of a run.
    pub(super) steps: Vec<Step>,
    /// What would run then, or would without what blocks it.
    pub(super) plan: Option<Plan>,
    /// The decision at the end: the step that would run files, or why there is none.
    pub(super) end: Decision,
    /// Why the database could not be observed.
    pub(super) step_error: Option<StepError>,
}

/// The operator's own pass, of which nothing is written: a step that writes is assumed to have worked.
pub(super) async fn rehearse(
    object: &MigrationSet,
    state: State,
    session: &Result<ReadOnlySession, DatabaseFailure>,
) -> Rehearsal {
    let object = Arc::new(object.clone());
    let mut pass = Pass::<Kind>::new(object.clone(), Timestamp::MAX);
    let (mut seen, mut assumed) = (None, None);
    let mut steps = Vec::new();
    let mut before = state.clone();
    pass.observed(state, Timestamp::now());
    loop {
        match pass.next(Timestamp::now()) {
            Effect::Admit(_) => pass.admitted(Ok(()), Timestamp::now()),
            Effect::Record(_) | Effect::Report(_) => {
                pass.status_written(&object);
            }
            Effect::Act(step) => {
                let Some(state) = pass.state() else { break };
                before = state.clone();
                let made = match session {
                    Ok(session) => session.make(&object, state, &step, Timestamp::now()).await,
                    Err(failure) => Some(Err(StepError::Database(failure.clone()))),
                };
                let outcome = if let Some(outcome) = made {
                    outcome
                } else {
                    let seen = seen.get_or_insert_with(|| before.clone());
                    steps.extend(step.records_first().then(|| step.clone()));
                    let assumed = assumed.get_or_insert_with(|| Assumed::from(&*seen));
                    match assumed.make(&object, &before.backups, &step, Timestamp::now()) {
                        Some(result) => Ok(result),
                        None => break,
                    }
                };
                pass.acted(outcome, Timestamp::now());
            }
            Effect::SetFinalizer(_) | Effect::Observe | Effect::Publish(_) | Effect::End(_) => break,
        }
    }
    let (mut state, end) = pass.into_parts().unwrap_or((before, Decision::Release { event: None }));
    if let Ok(session) = session {
        read_the_rest(&object, &mut state, session).await;
    }
    Rehearsal {
        plan: planned(&object, &state),
        step_error: state.step_error.clone(),
        seen: seen.unwrap_or(state),
        steps,
        end,
    }
}

/// A refusal may come before the files are read; the report shows them all the same.
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
    if let Some(outcome) = session.make(object, state, &step, Timestamp::now()).await {
        Kind::update(object, state, &step, outcome, Timestamp::now());
    }
    let Some(step) = unassessed(object, state).map(Step::Assess) else {
        return;
    };
    if let Some(outcome) = session.make(object, state, &step, Timestamp::now()).await {
        Kind::update(object, state, &step, outcome, Timestamp::now());
    }
}
