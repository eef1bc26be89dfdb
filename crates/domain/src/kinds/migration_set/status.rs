//! The status of a MigrationSet.

use std::sync::Arc;

use ace_api::{
    HeldMigration, MigrationMode, MigrationReason, MigrationSet, MigrationSetStatus, MigrationSource, MigrationTarget,
    PendingMigration, PlanStatus, RetriedMigration, SchemaDriftReason, SchemaStatus, clipped,
};
use jiff::Timestamp;

use super::{
    Decision, backup,
    conditions::shown,
    drift::assessment,
    gates::{self, remembered},
    ledger_diff::{LedgerDiff, ledger_diff},
    plan::{Plan, pending_digest},
    state::{Counts, Observation, PlatformState, SchemaObservation, SourceState, State, Stop},
};
use crate::{
    reconcile::{
        decision::Cause as DriftCause,
        held,
        size::bounded,
        status::{common, with_drift},
    },
    sql::Folder,
};

/// Most pending migrations that a status lists.
const PENDING: usize = 20;
/// Most skipped files that a status lists.
const SKIPPED: usize = 10;

/// The status that follows from state and decision. An equal state gives an equal status at any time, so that it is not written
/// again.
pub fn status(object: &MigrationSet, state: &State, decision: &Decision, now: Timestamp) -> MigrationSetStatus {
    let memo = &state.memo;
    let lacks_right = matches!(decision, Decision::Refuse(cause, _) if cause.reason == MigrationReason::AccessMissing);
    if lacks_right && state.is_right_doubted() {
        return memo.clone();
    }
    let assessment = assessment(object, state, now);
    let counts = counts(object, state);
    let shown = shown(object, state, decision, assessment.as_ref(), &counts);
    let handled = decision.is_answer() && is_observed(state);
    let common = common(object, &memo.common, shown, handled, now);
    let unassessed = DriftCause::new(SchemaDriftReason::NotCompared, "the schema has not been compared yet");
    let common = with_drift(common, &memo.common, assessment.as_ref(), &unassessed, now);
    let status = MigrationSetStatus {
        common,
        source: source(state).or_else(|| memo.source.clone()),
        target: target(state).or_else(|| memo.target.clone()),
        head: counts.head,
        applied: counts.applied,
        pending: counts.pending,
        unknown_applied: counts.unknown,
        unverified: counts.unverified,
        plan: counts.plan,
        schema: schema(object, state).or_else(|| memo.schema.clone()),
        held: held(object, state),
        retry: retry(state),
        drift: assessment.map_or_else(|| memo.drift.clone(), |assessment| assessment.drift),
        history: match &state.announced {
            Some(shown) => shown.history.clone(),
            None => memo.history.clone(),
        },
    };
    bounded(status, shorten)
}

/// Drops the least important entry; false if there is none left.
fn shorten(status: &mut MigrationSetStatus) -> bool {
    let warned = status.history.iter_mut().rev().find(|event| !event.warnings.is_empty());
    let source = status.source.as_mut();
    let (skipped, secrets) = source
        .map(|source| (&mut source.skipped, source.secret_files.as_mut()))
        .unzip();
    let differences = status.drift.as_mut().map(|drift| &mut drift.fields);
    let pending = status.plan.as_mut().map(|plan| &mut plan.pending);
    warned.and_then(|event| event.warnings.pop()).is_some()
        || skipped.and_then(Vec::pop).is_some()
        || secrets.flatten().and_then(|secrets| secrets.paths.pop()).is_some()
        || differences.and_then(Vec::pop).is_some()
        || pending.and_then(Vec::pop).is_some()
        || status.history.pop().is_some()
}

/// The counts by the last observation; during a run, as they were last announced.
pub(super) fn counts(object: &MigrationSet, state: &State) -> Counts {
    if let Some(shown) = &state.announced {
        return shown.counts.clone();
    }
    let Some(ledger_diff) = known(object, state) else {
        let memo = &state.memo;
        return Counts {
            head: memo.head.clone(),
            applied: memo.applied,
            pending: memo.pending,
            unknown: memo.unknown_applied,
            unverified: memo.unverified,
            plan: memo.plan.clone(),
        };
    };
    let count = |number: usize| Some(i32::try_from(number).unwrap_or(i32::MAX));
    let plan = plan(object, state, &ledger_diff).filter(|plan| !plan.items.is_empty());
    Counts {
        head: head(&ledger_diff, state.memo.head.as_ref()),
        applied: count(ledger_diff.applied),
        pending: count(ledger_diff.pending.len() + ledger_diff.baseline.len()),
        unknown: count(ledger_diff.unknown).filter(|number| *number > 0),
        unverified: count(ledger_diff.unverified).filter(|number| *number > 0),
        plan: plan.as_ref().map(|plan| shown_plan(object, state, plan)),
    }
}

/// What would run; `None` before the files were read, or while one of them can't be.
pub fn planned(object: &MigrationSet, state: &State) -> Option<Plan> {
    plan(object, state, &known(object, state)?)
}

fn known<'a>(object: &MigrationSet, state: &'a State) -> Option<LedgerDiff<'a>> {
    let (folder, observation) = (state.folder()?, state.observation()?);
    Some(ledger_diff(object, folder, observation, remembered(state, observation)))
}

/// The head of the ledger. If it regressed: the head before, until a person has decided what to do.
fn head(ledger_diff: &LedgerDiff<'_>, before: Option<&String>) -> Option<String> {
    let regressed = ledger_diff.pending.iter().any(|pending| pending.again);
    if regressed && before > ledger_diff.head.as_ref() {
        return before.cloned();
    }
    ledger_diff.head.clone()
}

fn plan(object: &MigrationSet, state: &State, ledger_diff: &LedgerDiff<'_>) -> Option<Plan> {
    let (PlatformState::Present(platform), Some(observation)) = (&state.platform, state.observation()) else {
        return None;
    };
    Plan::of(object, state, observation, ledger_diff, &platform.project)
}

fn shown_plan(object: &MigrationSet, state: &State, plan: &Plan) -> PlanStatus {
    let pending = plan.items.iter().take(PENDING).map(|item| PendingMigration {
        version: item.file.version.to_string(),
        name: item.file.name.chars().take(128).collect(),
        risks: item.classes(),
    });
    PlanStatus {
        digest: plan.digest.clone(),
        approval_required: plan.needs_approval,
        backup: state
            .observation()
            .and_then(|observation| backup::named(object, state, observation, plan)),
        pending: pending.collect(),
    }
}

pub(super) fn source(state: &State) -> Option<MigrationSource> {
    let SourceState::Ready {
        content: folder,
        artifact_revision,
        secret_files,
    } = &state.source
    else {
        return None;
    };
    Some(MigrationSource {
        artifact_revision: clipped(artifact_revision, 256),
        files: i32::try_from(folder.files.len()).unwrap_or(i32::MAX),
        skipped: folder
            .skipped
            .iter()
            .take(SKIPPED)
            .map(|skipped| clipped(&skipped.file_name, 256))
            .collect(),
        secret_files: secret_files.clone(),
    })
}

fn target(state: &State) -> Option<MigrationTarget> {
    Some(state.observation()?.target.clone())
}

fn schema(object: &MigrationSet, state: &State) -> Option<SchemaStatus> {
    let observation = state.observation()?;
    let SchemaObservation::Taken {
        digest,
        objects,
        ignored,
        ..
    } = &observation.schema
    else {
        return None;
    };
    // In `Observe` only a digest is known of the reference, and nothing is ignored.
    let (reference, ignored) = match object.spec.mode {
        MigrationMode::Observe => (object.spec.accepted_schema.clone(), 0),
        MigrationMode::Apply => (observation.reference().map(|own| own.digest.clone()), *ignored),
    };
    Some(SchemaStatus {
        digest: digest.clone(),
        reference_digest: reference,
        objects: i32::try_from(*objects).unwrap_or(i32::MAX),
        ignored: Some(ignored)
            .filter(|ignored| *ignored > 0)
            .map(|ignored| i32::try_from(ignored).unwrap_or(i32::MAX)),
    })
}

/// The attempts at a file that is still to be run as it was.
fn retry(state: &State) -> Option<RetriedMigration> {
    let attempts = state.memory.attempts.as_ref()?;
    let version = attempts.version();
    let changed = |folder: &Arc<Folder>| {
        let file = folder.file(version);
        !file.is_some_and(|file| attempts.are_at(version, &file.sha256))
    };
    let applied = |observation: &Observation| observation.ledger.contains_key(version);
    let over = state.folder().is_some_and(changed) || state.observation().is_some_and(applied);
    (!over).then(|| attempts.retry())
}

/// The failure that is not retried: recorded when a run stops, dropped when files, spec or `reconcile-at` change.
fn held(object: &MigrationSet, state: &State) -> Option<HeldMigration> {
    if state.memo.held.is_none() && state.stop.is_none() {
        return None;
    }
    let Some(ledger_diff) = known(object, state) else {
        return state.memo.held.clone();
    };
    let digest = pending_digest(ledger_diff.pending.iter().map(|pending| pending.file));
    if let Some(Stop::Refused(refusal)) = &state.stop {
        return Some(HeldMigration {
            outcome: held::hold(object, refusal.reason(), &refusal.message),
            version: refusal.version.to_string(),
            digest,
        });
    }
    let held = state.memo.held.clone()?;
    gates::still_applies(&held, object, &digest).then_some(held)
}

fn is_observed(state: &State) -> bool {
    state
        .observation()
        .is_some_and(|observation| observation.at >= state.began)
}
