//! The conditions of a MigrationSet.

use ace_api::{ConditionType, MigrationMode, MigrationReason, MigrationSet, Reason as _};

use super::{
    Cause, Decision, decide,
    drift::DriftAssessment,
    gates,
    state::{Counts, PlatformState, SourceState, State},
    status::source,
    step::Step,
};
use crate::{
    kinds::platform::DatabaseFailure,
    reconcile::status::{Shown, describes, is_ready},
    sql::File,
};

/// What `Ready` shows follows from the decision.
pub(super) fn shown(
    object: &MigrationSet,
    state: &State,
    decision: &Decision,
    assessment: Option<&DriftAssessment>,
    counts: &Counts,
) -> Shown<MigrationReason> {
    let is_still_ready = is_ready(&state.memo.common, object);
    let unseen = matches!(decision, Decision::Wait(cause, _) if is_only_unseen(state, cause));
    match decision {
        // Only schema `ace_ops` is written: the user's schemas stay as they are.
        Decision::Do(step) if !is_run(step) && is_still_ready && counts.pending == Some(0) => Shown::Unchanged,
        // A failed observation changes no condition before three intervals: neither `Ready` nor what a person has to do.
        Decision::Wait(..) if unseen && is_still_ready && is_live(object, state) => Shown::Unchanged,
        Decision::Wait(..) if unseen && let Some(refused) = still_refused(object, state) => Shown::Refused(refused),
        decision => Shown::of(
            decision,
            |step| in_progress(step, counts),
            || {
                Shown::at_rest(
                    state
                        .platform
                        .suspension(object.spec.suspend, &object.spec.platform_ref),
                    || is_live(object, state),
                    || settled(object, state, assessment, counts),
                )
            },
        ),
    }
}

/// The database or the source could not be read: that says nothing about what is in them.
fn is_only_unseen(state: &State, cause: &Cause) -> bool {
    let is_source =
        || matches!(decide::sourceless(&state.source), Some(gates::Next::Unread(failed)) if failed == *cause);
    let failed = state.memory.failed_observation.as_ref();
    let is_secret = || {
        cause.reason == MigrationReason::Retrying
            && failed.is_some_and(|failed| matches!(failed.step_error, DatabaseFailure::SecretUnanswered(_)))
    };
    cause.reason == MigrationReason::DatabaseUnreachable || is_secret() || is_source()
}

/// By the last observation of files and database, nothing is left to do.
fn is_live(object: &MigrationSet, state: &State) -> bool {
    if object.spec.mode == MigrationMode::Observe {
        return true;
    }
    match (&state.platform, state.observation(), &state.source) {
        (PlatformState::Present(platform), Some(observation), SourceState::Ready { .. }) => {
            matches!(gates::next(object, state, platform, observation), gates::Next::Nothing)
        }
        _ => state.memo.pending == Some(0) && source(state).is_none_or(|read| state.memo.source == Some(read)),
    }
}

/// What a person still has to do, by the last observation of files and database.
fn still_refused(object: &MigrationSet, state: &State) -> Option<Cause> {
    use MigrationReason as Reason;
    let memo = &state.memo;
    let stalled = ConditionType::Stalled.of(&memo.common.conditions)?;
    if !describes(&memo.common, object) || decide::is_only_reported(object, state) {
        return None;
    }
    if let (PlatformState::Present(platform), Some(observation)) = (&state.platform, state.observation()) {
        match gates::next(object, state, platform, observation) {
            gates::Next::Refuse(cause) => return Some(cause),
            gates::Next::Unread(_) => {}
            _ => return None,
        }
    }
    // If files or database can't be observed now, the old message stays; but what came from just the one that can't be observed
    // is not known to persist.
    let reason = Reason::named(&stalled.reason)?;
    let lasts = !matches!(
        reason,
        Reason::SourceRefused
            | Reason::SourceInvalid
            | Reason::AccessMissing
            | Reason::DatabaseMissing
            | Reason::DatabasePasswordRejected
            | Reason::DatabaseCertificateRefused
            | Reason::DatabaseRefused
            | Reason::HostNotAllowed
            | Reason::SecretNotOffered
            | Reason::PoolerUnsupported
    );
    let same_files = source(state).is_none_or(|read| memo.source == Some(read));
    (lasts && same_files).then(|| Cause::new(reason, stalled.message.clone()))
}

fn is_run(step: &Step) -> bool {
    matches!(step, Step::Prepare(_) | Step::Run { .. } | Step::SnapshotAfterRun)
}

/// The status is written before steps that record first, so the message is in the progressive form.
fn in_progress(step: &Step, counts: &Counts) -> Cause {
    if is_run(step) {
        let message = format!("running {}", migrations(counts.pending));
        return Cause::new(MigrationReason::Applying, message);
    }
    let number = |files: &[File]| migrations(i32::try_from(files.len()).ok());
    let message = match step {
        Step::Claim => "claiming the database for this MigrationSet".to_owned(),
        Step::Adopt(files) => format!("recording {} applied outside this operator", number(files)),
        Step::Baseline(files) => format!("recording {} as applied, without running SQL", number(files)),
        Step::MakeBackup(request) => return request.cause(),
        Step::SetReference { .. } => "storing the live schema as the reference".to_owned(),
        _ => "comparing the files with the migration ledgers".to_owned(),
    };
    Cause::new(MigrationReason::Observing, message)
}

fn migrations(number: Option<i32>) -> String {
    match number.unwrap_or_default() {
        1 => "1 migration".to_owned(),
        number => format!("{number} migrations"),
    }
}

fn settled(object: &MigrationSet, state: &State, assessment: Option<&DriftAssessment>, counts: &Counts) -> Cause {
    const APPLIED: &str = "every migration is applied";
    let (reason, message) = match object.spec.mode {
        MigrationMode::Observe => {
            let verb = if counts.pending == Some(1) { "is" } else { "are" };
            let pending = counts.pending.filter(|number| *number > 0);
            let pending = pending.map(|number| format!("{} {verb} pending", migrations(Some(number))));
            (MigrationReason::Observed, reported(object, state).or(pending))
        }
        MigrationMode::Apply => {
            let head = state
                .observation()
                .and_then(|observation| observation.ledger.keys().next_back());
            let message = head.map_or(APPLIED.to_owned(), |head| format!("{APPLIED}, the last one is {head}"));
            (MigrationReason::Applied, Some(message))
        }
    };
    let drift = assessment.and_then(DriftAssessment::difference).map(str::to_owned);
    let said: Vec<String> = message.into_iter().chain(drift).collect();
    let message = if said.is_empty() {
        APPLIED.to_owned()
    } else {
        said.join("; ")
    };
    Cause::new(reason, message)
}

/// In mode `Observe`: the message of what would be a refusal.
fn reported(object: &MigrationSet, state: &State) -> Option<String> {
    let (PlatformState::Present(platform), Some(observation)) = (&state.platform, state.observation()) else {
        return None;
    };
    match gates::next(object, state, platform, observation) {
        gates::Next::Refuse(cause) => Some(cause.message),
        _ => None,
    }
}
