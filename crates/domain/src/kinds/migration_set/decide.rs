//! What to do next about a MigrationSet.

use std::time::Duration;

use ace_api::{MigrationMode, MigrationReason, MigrationSet};
use jiff::Timestamp;

use super::{
    Cause, Decision,
    assessment::unassessed,
    attempts::Attempts,
    gates, messages,
    state::{Observation, PlatformFacts, SchemaObservation, SourceState, State, Stop, StoredPlan},
    step::{Step, StepError},
};
use crate::{
    inputs::SourceProblem,
    kinds::platform::DatabaseFailure,
    reconcile::{
        annotations::{is_leaving, is_reconcile_requested},
        decision::Requeue,
        kind::Step as _,
    },
};

pub fn decide(object: &MigrationSet, state: &State, now: Timestamp) -> Decision {
    let decision = decide_on(object, state, now);
    let is_shown = !matches!(decision, Decision::Do(_) | Decision::Release { .. });
    // After a run that stopped, other files are pending than before. What failed is not tried again here.
    if !is_shown || state.prepared || state.step_error.is_some() {
        return decision;
    }
    unassessed(object, state).map_or(decision, |unassessed| Decision::Do(Step::Assess(unassessed)))
}

fn decide_on(object: &MigrationSet, state: &State, now: Timestamp) -> Decision {
    if is_leaving(object) {
        return Decision::Release { event: None };
    }
    let platform = match state.platform.usable(object.spec.suspend, &object.spec.platform_ref) {
        Ok(platform) => platform,
        Err(decision) => return decision,
    };
    if platform.database.is_none() {
        return Decision::Refuse(messages::database_missing(object), Requeue::OnChange);
    }
    if let Some(stop) = &state.stop {
        return stopped(object, state, stop);
    }
    if let Some(step_error) = &state.step_error {
        return after_error(object, state, platform, step_error, now);
    }
    if !state.locked
        && let Some(decision) = observe_if_due(object, state, platform, now)
    {
        return decision;
    }
    let Some(observation) = state.observation() else {
        return Decision::Do(Step::Observe);
    };
    if state.unseen.is_some() {
        return Decision::Do(Step::ObserveAgain);
    }
    let rest = Requeue::At(observation.at + freshness(object, state, observation));
    let next = gates::next(object, state, platform, observation);
    if let gates::Next::UnderLock(Step::Prepare(plan)) = &next
        && let Some(attempts) = waiting(object, state, plan, now)
    {
        return Decision::Wait(attempts.cause(state.timing), Requeue::At(attempts.due(state.timing)));
    }
    match next {
        gates::Next::Step(step) => Decision::Do(step),
        gates::Next::UnderLock(step) if state.written_steps.contains(step.name()) => {
            Decision::Wait(unseen(&step), Requeue::Backoff)
        }
        gates::Next::UnderLock(step) if state.locked => Decision::Do(step),
        gates::Next::UnderLock(_) => Decision::Do(Step::Begin),
        gates::Next::Unread(cause) => Decision::Wait(cause, Requeue::Backoff),
        gates::Next::Wait(cause) => Decision::Wait(cause, rest),
        gates::Next::Refuse(_) if is_only_reported(object, state) => Decision::Settled(rest),
        gates::Next::Refuse(cause) => Decision::Refuse(cause, rest),
        gates::Next::Nothing => Decision::Settled(rest),
    }
}

/// The first file of the run failed a moment ago: what enqueues the set meanwhile is no reason to try it again.
fn waiting<'a>(object: &MigrationSet, state: &'a State, plan: &StoredPlan, now: Timestamp) -> Option<&'a Attempts> {
    let (version, _) = plan.items.first()?;
    let file = state.folder()?.file(version)?;
    let attempts = state.memory.attempts.as_ref()?;
    attempts
        .waits(object, &file.sha256, state.timing, now)
        .then_some(attempts)
}

/// In mode `Observe` a refusal is only reported in `Ready`, unless the files can't be read.
pub(super) fn is_only_reported(object: &MigrationSet, state: &State) -> bool {
    object.spec.mode == MigrationMode::Observe && state.folder().is_some()
}

/// How long an observation is valid. A schema that could not be read, or not after a run, is observed again soon.
fn freshness(object: &MigrationSet, state: &State, observation: &Observation) -> Duration {
    if observation.schema == SchemaObservation::Busy || gates::owes_snapshot(object, observation) {
        state.timing.backoff_first().min(state.platform.interval(state.timing))
    } else {
        state.platform.interval(state.timing)
    }
}

/// A step wrote, and the next observation does not show it: the cause is unknown, and repeating the write would not help.
fn unseen(step: &Step) -> Cause {
    let message = format!(
        "the database does not show what step {} wrote; checking again",
        step.name()
    );
    Cause::new(MigrationReason::Retrying, message)
}

/// The run stopped, and the session is still open: a schema snapshot is taken before the condition asks for a person or waits
/// for locks.
fn stopped(object: &MigrationSet, state: &State, stop: &Stop) -> Decision {
    if state.is_snapshot_pending() && state.locked && !state.snapshot_taken {
        return Decision::Do(Step::SnapshotAfterRun);
    }
    match stop {
        Stop::Refused(refusal) => {
            let rest = state
                .observation()
                .map_or(Requeue::After(state.platform.interval(state.timing)), |observation| {
                    Requeue::At(observation.at + freshness(object, state, observation))
                });
            Decision::Refuse(Cause::new(refusal.reason(), refusal.message.clone()), rest)
        }
        Stop::Blocked(version, blockers) => Decision::Wait(
            messages::blocked(object, version, blockers),
            Requeue::After(state.timing.lock_retry(state.memory.blocked)),
        ),
    }
}

/// An observation if one is due; a wait if the last one failed and the next is not due yet.
fn observe_if_due(object: &MigrationSet, state: &State, platform: &PlatformFacts, now: Timestamp) -> Option<Decision> {
    let requested = is_reconcile_requested(object, state.memo.common.last_handled_reconcile_at.as_ref());
    let failed_observation = state.memory.failed_observation.as_ref();
    if let Some(failed_observation) =
        failed_observation.filter(|failed_observation| failed_observation.place == platform.place)
    {
        let due = failed_observation.at + patience(state, &failed_observation.step_error);
        if now < due && !(requested && failed_observation.at < state.began) {
            let step_error = StepError::Database(failed_observation.step_error.clone());
            return Some(after_error(object, state, platform, &step_error, now));
        }
        return Some(Decision::Do(Step::Observe));
    }
    // One observation per reconcile: one that takes longer than it is valid would be repeated for ever.
    let is_due = state.observation().is_none_or(|observation| {
        observation.at < state.began && (requested || now >= observation.at + freshness(object, state, observation))
    });
    is_due.then_some(Decision::Do(Step::Observe))
}

/// How long a failed observation is valid. Supabase bans addresses that send wrong passwords.
fn patience(state: &State, step_error: &DatabaseFailure) -> Duration {
    if state.is_right_doubted() {
        state.timing.rights()
    } else if step_error.passes() {
        state.timing.probe()
    } else {
        state.platform.interval(state.timing)
    }
}

fn after_error(
    object: &MigrationSet,
    state: &State,
    platform: &PlatformFacts,
    step_error: &StepError,
    now: Timestamp,
) -> Decision {
    let wait = |cause: Cause, requeue| {
        let reason = if state.is_lost(now) {
            MigrationReason::NotObserved
        } else {
            cause.reason
        };
        Decision::Wait(Cause::new(reason, cause.message), requeue)
    };
    match step_error {
        StepError::Database(step_error) => {
            let cause = messages::database(platform, step_error);
            let failed_observation = state
                .memory
                .failed_observation
                .as_ref()
                .map_or(now, |failed_observation| failed_observation.at);
            let requeue = Requeue::At(failed_observation + patience(state, step_error));
            if step_error.passes() {
                wait(cause, requeue)
            } else {
                Decision::Refuse(cause, requeue)
            }
        }
        StepError::Busy(by) => wait(messages::busy(object, by.as_ref()), Requeue::After(state.timing.turn())),
        StepError::Failed(failure) => match &state.memory.attempts {
            // However long the run took, it says more than the observation before it.
            Some(attempts) => Decision::Wait(attempts.cause(state.timing), Requeue::At(attempts.due(state.timing))),
            None => Decision::Wait(
                Cause::new(MigrationReason::Retrying, failure.message.clone()),
                Requeue::Backoff,
            ),
        },
        StepError::Passing(how) => wait(Cause::new(MigrationReason::Retrying, how.clone()), Requeue::Backoff),
        StepError::Claimed(by) => Decision::Refuse(
            messages::claimed(object, by),
            Requeue::After(state.platform.interval(state.timing)),
        ),
        StepError::NameTaken(message) => Decision::Refuse(
            Cause::new(MigrationReason::NameTaken, message.clone()),
            Requeue::After(state.platform.interval(state.timing)),
        ),
        StepError::AccessMissing(message) => Decision::Refuse(
            Cause::new(MigrationReason::AccessMissing, message.clone()),
            Requeue::After(state.timing.probe()),
        ),
        // `update` makes a `Stop` of the first two and takes the third in, so they are never a step error.
        StepError::Blocked { .. } | StepError::Refused(_) | StepError::BackupLost { .. } => wait(
            Cause::new(
                MigrationReason::Retrying,
                "the run of migrations has stopped; checking again",
            ),
            Requeue::Backoff,
        ),
    }
}

/// Why the files can't be read; `None` if they were.
pub(super) fn sourceless(source: &SourceState) -> Option<gates::Next> {
    Some(match source.problem()? {
        SourceProblem::Waiting(cause) => gates::Next::Wait(cause),
        SourceProblem::Unread(cause) => gates::Next::Unread(cause),
        SourceProblem::Refused(cause) => gates::Next::Refuse(cause),
    })
}
