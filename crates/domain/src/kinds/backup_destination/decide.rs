//! What to do next about a BackupDestination.

use std::time::Duration;

use ace_api::{BackupDestination, Catalogue, DestinationReason};
use jiff::Timestamp;

use super::{Cause, Claim, Decision, Listed, Problem, State, Step, StepError, StepResult};
use crate::inputs::prevented;
use crate::reconcile::{
    annotations::{is_leaving, is_reconcile_requested},
    decision::Requeue,
    status::describes,
};

/// Decides by the state alone. Time is an argument.
pub fn decide(object: &BackupDestination, state: &State, now: Timestamp) -> Decision {
    if is_leaving(object) {
        return Decision::Release { event: None };
    }
    if object.spec.suspend {
        return Decision::Settled(Requeue::OnChange);
    }
    let interval = rhythm(object, state);
    if let Claim::Lost(owner) = &state.claim {
        return Decision::Refuse(claimed(owner.as_deref()), Requeue::OnChange);
    }
    if let Some(obstacle) = &state.obstacle {
        return prevented(obstacle, state.memory.refusals, state.timing, Requeue::After(interval));
    }
    if let Some((step, error)) = &state.step_error {
        return after_error(object, state, step, error, now);
    }
    match due(object, state, now) {
        Some(step) => Decision::Do(step),
        None => Decision::Settled(listed_at(state).map_or(Requeue::Backoff, |at| Requeue::At(at + interval))),
    }
}

/// Updates the state by the result of a step, or by its error.
pub fn update(object: &BackupDestination, state: &mut State, step: &Step, outcome: Result<StepResult, StepError>) {
    state.step_error = None;
    match outcome {
        Ok(StepResult::Listed(listed)) => {
            state.memory.listed = Some(Listed {
                // What a sweep has left is left until the next list.
                has_waste: listed.has_waste && *step != Step::Sweep,
                ..listed
            });
            state.memory.put_off.clear();
        }
        Ok(StepResult::Imported) => imported(state, step),
        Ok(StepResult::Probed(able)) => state.memory.capabilities = Some((object.metadata.generation, able)),
        // The store can be written, read and listed all the same.
        Err(error) if matches!(step, Step::Sweep | Step::Import(_)) => {
            state.memory.put_off.push((step.clone(), error.message));
        }
        Err(error) => state.step_error = Some((step.clone(), error)),
    }
}

/// One more has a Backup.
fn imported(state: &mut State, step: &Step) {
    if let (Some(listed), Step::Import(path)) = (&mut state.memory.listed, step) {
        listed.unlisted = listed.unlisted.saturating_sub(1);
        listed.unlisted_paths.retain(|unlisted| unlisted != path);
    }
}

/// A request to the store is due.
pub fn is_due(object: &BackupDestination, state: &State, now: Timestamp) -> bool {
    due(object, state, now).is_some()
}

fn due(object: &BackupDestination, state: &State, now: Timestamp) -> Option<Step> {
    let requested = is_reconcile_requested(object, state.memo.common.last_handled_reconcile_at.as_ref());
    let interval = rhythm(object, state);
    let is_old = |at: Timestamp| now >= at + interval || requested && at < state.began;
    if listed_at(state).is_none_or(is_old) {
        return Some(Step::List);
    }
    if !is_probed(object, state) {
        return Some(Step::Probe);
    }
    let listed = state.memory.listed.as_ref()?;
    let sweep = listed.has_waste.then_some(Step::Sweep);
    let unlisted = listed.unlisted_paths.iter();
    let imports = unlisted.filter(|_| object.spec.catalogue == Catalogue::Import);
    let steps = sweep.into_iter().chain(imports.cloned().map(Step::Import));
    let mut open = steps.filter(|step| state.memory.put_off.iter().all(|(put_off, _)| put_off != step));
    open.next()
}

/// By this process or, as the status says, by one before it.
fn is_probed(object: &BackupDestination, state: &State) -> bool {
    match &state.memory.capabilities {
        Some((generation, _)) => *generation == object.metadata.generation,
        None => describes(&state.memo.common, object) && state.memo.capabilities.is_some(),
    }
}

fn listed_at(state: &State) -> Option<Timestamp> {
    state.memory.listed.as_ref().map(|listed| listed.at)
}

fn rhythm(object: &BackupDestination, state: &State) -> Duration {
    let uid = object.metadata.uid.as_deref().unwrap_or_default();
    state.timing.rhythm(object.spec.interval.get(), uid)
}

fn claimed(owner: Option<&str>) -> Cause {
    let owner = match owner {
        Some(owner) => format!("BackupDestination {owner}, which is older"),
        None => "an older BackupDestination of another namespace".to_owned(),
    };
    let message = format!(
        "the prefix, or one above or below it in this store, belongs to {owner}: create another with a prefix of its own"
    );
    Cause::new(DestinationReason::PrefixClaimed, message)
}

fn after_error(object: &BackupDestination, state: &State, step: &Step, error: &StepError, now: Timestamp) -> Decision {
    let interval = object.spec.interval.get();
    let StepError { problem, message } = error;
    let refuse = |reason, what: &str| {
        let cause = Cause::new(reason, format!("{message}: {what}"));
        Decision::Refuse(cause, Requeue::After(state.timing.interval(interval)))
    };
    let wait = |reason, message: &str| {
        let seen = listed_at(state).or(state.memory.first).unwrap_or(state.began);
        let lost = state.timing.is_lost(seen, interval, now);
        let reason = if lost { DestinationReason::NotObserved } else { reason };
        Decision::Wait(Cause::new(reason, message), Requeue::After(state.timing.probe()))
    };
    match (problem, step) {
        (Problem::Unanswered, _) => wait(DestinationReason::Unreachable, message),
        (Problem::Full, _) => {
            let message = format!("{message}: the store has no room left; make room, or raise its quota");
            Decision::Wait(
                Cause::new(DestinationReason::Full, message),
                Requeue::After(state.timing.probe()),
            )
        }
        (Problem::HostNotAllowed, _) => refuse(
            DestinationReason::HostNotAllowed,
            "correct the address, or add the host to the operator's flag `--allow-store-host`",
        ),
        (Problem::Credentials, _) => refuse(
            DestinationReason::CredentialsRejected,
            "the store does not accept the key; put a valid one into the Secret",
        ),
        (Problem::Denied, Step::List) => refuse(
            DestinationReason::CredentialsRejected,
            "let the key list the bucket (S3: s3:ListBucket)",
        ),
        (Problem::Denied, _) => refuse(
            DestinationReason::ReadOnly,
            "let the key write and read objects below the prefix (S3: s3:PutObject, s3:GetObject)",
        ),
        (Problem::NoBucket, _) => refuse(DestinationReason::BucketMissing, "create it, or correct the spec"),
        (Problem::Clock, _) => refuse(
            DestinationReason::ClockSkew,
            "the clocks of store and operator differ; set the one that is wrong",
        ),
        (Problem::Refused | Problem::NotImported, _) => refuse(
            DestinationReason::StoreRefused,
            "check endpoint, region and `pathStyle`, and whether the store speaks this protocol",
        ),
    }
}
