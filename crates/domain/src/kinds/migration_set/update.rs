//! Updates the state by the results of steps.

use std::sync::Arc;

use ace_api::{MigrationEvent, MigrationEventType, MigrationSet};
use jiff::Timestamp;

use super::{
    attempts::Attempts,
    ledger_diff::left,
    state::{
        Announced, Counts, FailedObservation, LedgerRow, Observation, OperatorSchema, OwnRow, PlatformState, State,
        Stop,
    },
    status::counts,
    step::{Failure, FailureKind, Ran, Refusal, Step, StepError, StepResult},
};
use crate::{
    kinds::platform::DatabaseFailure,
    reconcile::{kind::Step as _, status::remember},
    sql::{File, Script, Segment},
};

/// Most warnings of one run that a status keeps, and characters of each.
const WARNINGS: usize = 4;
const WARNING: usize = 200;

pub(super) fn update_from_result(
    object: &MigrationSet,
    state: &mut State,
    step: &Step,
    result: StepResult,
    now: Timestamp,
) {
    state.step_error = None;
    match (step, result) {
        (step, StepResult::Observed(mut observation)) => {
            if let Some(assessment) = &state.memory.assessment {
                assessment.share(&mut observation.catalogue);
            }
            state.memory.observation = Some(Arc::from(observation));
            state.memory.failed_observation = None;
            state.unseen = None;
            match step {
                Step::Begin => state.locked = true,
                Step::SnapshotAfterRun => {
                    state.snapshot_taken = true;
                    state.prepared = false;
                    state.announced = None;
                }
                _ => {}
            }
        }
        (_, StepResult::Read(scripts)) => state.scripts.extend(scripts),
        (_, StepResult::Assessed(assessment)) => state.memory.assessment = Some(assessment),
        (_, StepResult::SyntaxChecked(answers)) => state.answers.extend(answers),
        (step, StepResult::Written) => {
            state.unseen = Some(step.name());
            state.written_steps.insert(step.name());
            remember_writing(object, state, step, now);
        }
        (_, StepResult::BackupMade(made)) => state.backups.learn(*made),
        (Step::CheckBackup(name), StepResult::BackupChecked(found)) => {
            state.backups.check(name, found.map(|found| *found));
        }
        (Step::Prepare(plan), StepResult::Prepared) => {
            state.prepared = true;
            state.written_steps.insert(step.name());
            change_operator_schema(state, |operator_schema| operator_schema.plan = Some(plan.clone()));
            let counts = counts(object, state);
            state.backups.run = counts.plan.as_ref().and_then(|plan| plan.backup.clone());
            announce(state, counts, now);
        }
        (Step::Run { file, .. }, StepResult::Ran(ran)) => has_run(state, file, ran, now),
        (_, StepResult::Prepared | StepResult::Ran(_) | StepResult::BackupChecked(_)) => {}
    }
}

fn remember_writing(object: &MigrationSet, state: &mut State, step: &Step, now: Timestamp) {
    let event = |type_, version: Option<&str>| MigrationEvent {
        type_,
        version: version.map(str::to_owned),
        duration_milliseconds: None,
        warnings: Vec::new(),
        time: now,
    };
    match step {
        Step::Adopt(versions) => {
            for file in versions {
                remember(
                    &mut state.memo.history,
                    event(MigrationEventType::Adopted, Some(file.version.as_str())),
                );
            }
        }
        Step::Baseline(files) => {
            for file in files {
                remember(
                    &mut state.memo.history,
                    event(MigrationEventType::Baselined, Some(file.version.as_str())),
                );
            }
        }
        Step::SetReference { digest, .. } if object.spec.accepted_schema.as_ref() == Some(digest) => {
            remember(&mut state.memo.history, event(MigrationEventType::SchemaAccepted, None));
        }
        Step::SetReference { .. } if state.observation().is_some_and(Observation::is_reworded) => {
            remember(&mut state.memo.history, event(MigrationEventType::SchemaReworded, None));
        }
        _ => {}
    }
}

/// The transaction wrote the file's rows, so the observation is updated without reading them again.
fn has_run(state: &mut State, file: &File, ran: Ran, now: Timestamp) {
    let version = file.version.to_string();
    change_observation(state, |observation| {
        observation.ledger.insert(version.clone(), LedgerRow::default());
        if let Some(operator_schema) = &mut observation.operator_schema {
            let row = OwnRow {
                sha256: file.sha256.clone(),
                time: now,
            };
            operator_schema.rows.insert(version.clone(), row);
            operator_schema.half.remove(&version);
        }
    });
    mark_snapshot_pending(state);
    state.memo.held = None;
    state.memory.blocked = 0;
    state.memory.attempts = None;
    state.memory.assessment = None;
    let duration = i64::try_from(ran.duration.as_millis()).unwrap_or(i64::MAX);
    let warnings = ran.warnings.into_iter().take(WARNINGS);
    let event = MigrationEvent {
        type_: MigrationEventType::Applied,
        version: Some(version),
        duration_milliseconds: Some(duration),
        warnings: warnings
            .map(|warning| warning.chars().take(WARNING).collect())
            .collect(),
        time: now,
    };
    remember(&mut state.memo.history, event);
    let is_old = |shown: &&Announced| now >= shown.at + state.timing.progress();
    let shown = state.announced.as_ref().filter(is_old);
    if let Some((shown, observation)) = shown.zip(state.observation()) {
        let counts = later(&shown.counts, observation);
        announce(state, counts, now);
    }
}

/// The schema is no longer the one that was observed.
fn mark_snapshot_pending(state: &mut State) {
    change_operator_schema(state, |operator_schema| {
        if let Some(reference) = &mut operator_schema.reference {
            reference.snapshot_pending = true;
        }
    });
    state.snapshot_taken = false;
}

/// Sets what the status shows until the next announcement.
fn announce(state: &mut State, counts: Counts, now: Timestamp) {
    state.announced = Some(Announced {
        at: now,
        counts,
        snapshot_pending: state.is_snapshot_pending(),
        history: state.memo.history.clone(),
    });
}

/// The counts after further files. They are derived from those before: counting again would take longer the more files there
/// are.
fn later(shown: &Counts, observation: &Observation) -> Counts {
    let pending = i32::try_from(left(observation).len()).ok();
    let ran = shown.pending.zip(pending).map(|(before, now)| before - now);
    Counts {
        // If the ledger regressed, the head before stays the highest.
        head: shown.head.clone().max(observation.ledger.keys().next_back().cloned()),
        applied: shown.applied.zip(ran).map(|(applied, ran)| applied + ran),
        pending,
        // The plan that is shown stays the approved one.
        ..shown.clone()
    }
}

fn change_observation(state: &mut State, change: impl FnOnce(&mut Observation)) {
    if let Some(observation) = &mut state.memory.observation {
        change(Arc::make_mut(observation));
    }
}

fn change_operator_schema(state: &mut State, change: impl FnOnce(&mut OperatorSchema)) {
    change_observation(state, |observation| {
        if let Some(operator_schema) = &mut observation.operator_schema {
            change(operator_schema);
        }
    });
}

pub(super) fn update_from_error(
    object: &MigrationSet,
    state: &mut State,
    step: &Step,
    step_error: StepError,
    now: Timestamp,
) {
    match step_error {
        // Both leave the session open: the run stops, and the schema snapshot after it follows.
        StepError::Blocked { version, blockers } => {
            state.memory.blocked = state.memory.blocked.saturating_add(1);
            stop(state, step, Stop::Blocked(version, blockers));
        }
        // Nothing stops the rest: it waits for another backup.
        StepError::BackupLost { name, found } => {
            state.backups.lose(&name, found.map(|found| *found));
            state.prepared = false;
            state.announced = None;
            state.written_steps.remove("Prepare");
        }
        StepError::Refused(refusal) => {
            state.memory.attempts = None;
            stop(state, step, Stop::Refused(refusal));
        }
        step_error => {
            if let (StepError::Failed(failure), Step::Run { file, .. }) = (&step_error, step)
                && let Some(refusal) = count_attempt(object, state, &file.sha256, failure, now)
            {
                // Only a refusal says that the session, and with it the lock, still stands.
                state.locked &= matches!(failure.kind, FailureKind::Refused(_));
                return stop(state, step, Stop::Refused(refusal));
            }
            if let (StepError::Database(cause), PlatformState::Present(platform)) = (&step_error, &state.platform) {
                let before = state.memory.failed_observation.as_ref();
                let refusals = before.map(|failed| failed.refusals).unwrap_or_default();
                state.memory.failed_observation = Some(FailedObservation {
                    at: now,
                    place: platform.place.clone(),
                    step_error: cause.clone(),
                    refusals: refusals.after(matches!(cause, DatabaseFailure::AccessMissing(_))),
                });
            }
            if matches!(step, Step::SnapshotAfterRun) {
                state.snapshot_taken = true;
            }
            // The next reconcile opens another session and reads from the ledgers what was done.
            state.locked = false;
            state.prepared = false;
            state.announced = None;
            state.step_error = Some(step_error);
        }
    }
}

/// Counts a failed attempt; a refusal after the last one. A person who lifts that gets as many attempts again.
fn count_attempt(
    object: &MigrationSet,
    state: &mut State,
    sha256: &str,
    failure: &Failure,
    now: Timestamp,
) -> Option<Refusal> {
    let server_start = state.observation().map(|observation| observation.server_start.clone());
    let attempts = Attempts::with(
        state.memory.attempts.take(),
        object,
        sha256,
        failure.clone(),
        &server_start.unwrap_or_default(),
        now,
    );
    let refusal = attempts.refusal();
    state.memory.attempts = refusal.is_none().then_some(attempts);
    refusal
}

fn stop(state: &mut State, step: &Step, by: Stop) {
    if matches!(step, Step::Run { script, .. } if keeps_parts(script)) {
        mark_snapshot_pending(state);
    }
    state.stop = Some(by);
    state.prepared = false;
    state.announced = None;
}

/// Parts of the file stay applied although it failed: not all of it is one transaction.
fn keeps_parts(script: &Script) -> bool {
    !matches!(script.segments.as_slice(), [] | [Segment::Together(_)])
}
