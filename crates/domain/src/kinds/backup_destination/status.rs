//! The status of a BackupDestination.

use ace_api::{
    BackupDestination, BackupDestinationSpec, DestinationDriftReason, DestinationReason, DestinationStatus,
    StoreCapabilities, StoredBackups,
};
use jiff::Timestamp;

use super::{Cause, Decision, Listed, State};
use crate::inputs::is_doubted;
use crate::reconcile::{
    decision,
    drift::{DriftAssessment, ended, field},
    event::{Event, drift_detected, stalled},
    messages::of_total,
    status::{Shown, common, describes, is_ready, suspended, with_drift},
};

type Assessment = DriftAssessment<DestinationDriftReason>;

pub fn status(object: &BackupDestination, state: &State, decision: &Decision, now: Timestamp) -> DestinationStatus {
    let memo = &state.memo;
    if is_doubted(decision, state.memory.refusals) {
        return memo.clone();
    }
    let able = capabilities(object, state);
    let shown = match decision {
        // What is asked at intervals, and a request that failed, change no condition before three of them.
        Decision::Do(_) if is_ready(&memo.common, object) => Shown::Unchanged,
        Decision::Wait(cause, _)
            if cause.reason == DestinationReason::Unreachable && is_ready(&memo.common, object) =>
        {
            Shown::Unchanged
        }
        decision => Shown::of(decision, |_| observing(), || at_rest(object, able)),
    };
    let listed = state.memory.listed.as_ref();
    let handled = decision.is_answer() && listed.is_some_and(|listed| listed.at >= state.began);
    let drift = listed.map(|listed| assess(listed, state, now));
    let unassessed = decision::Cause::new(DestinationDriftReason::NotCompared, "the store was not listed yet");
    let common = common(object, &memo.common, shown, handled, now);
    DestinationStatus {
        common: with_drift(common, &memo.common, drift.as_ref(), &unassessed, now),
        store: Some(name(&object.spec)),
        capabilities: able,
        stored: listed.map(stored).or_else(|| memo.stored.clone()),
        drift: match drift {
            Some(drift) => drift.drift,
            None => memo.drift.clone(),
        },
    }
}

/// What was tried for this spec.
fn capabilities(object: &BackupDestination, state: &State) -> Option<StoreCapabilities> {
    match state.memory.capabilities {
        Some((generation, able)) if generation == object.metadata.generation => Some(able),
        Some(_) => None,
        None => state
            .memo
            .capabilities
            .filter(|_| describes(&state.memo.common, object)),
    }
}

fn observing() -> Cause {
    Cause::new(
        DestinationReason::Observing,
        "listing the store and trying what it can do",
    )
}

fn at_rest(object: &BackupDestination, able: Option<StoreCapabilities>) -> Shown<DestinationReason> {
    if object.spec.suspend {
        return suspended(DestinationReason::SuspendedByUser);
    }
    let message = match able {
        Some(StoreCapabilities { delete: false, .. }) => {
            "written, read and listed; the key may not delete, so that nothing will expire"
        }
        _ => "written, read and listed",
    };
    Shown::Ready(Cause::new(DestinationReason::Available, message))
}

fn stored(listed: &Listed) -> StoredBackups {
    let number = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
    StoredBackups {
        backups: number(listed.backups),
        bytes: number(listed.bytes),
        newest: listed.newest,
        unfinished: number(listed.unfinished),
    }
}

fn assess(listed: &Listed, state: &State, now: Timestamp) -> Assessment {
    let cause = decision::Cause::new;
    if listed.foreign == 0 {
        let none = cause(
            DestinationDriftReason::NoDrift,
            "everything below the prefix belongs to a backup".to_owned(),
        );
        return Assessment::none(none, ended(state.memo.drift.as_ref(), now));
    }
    let names: Vec<String> = listed.foreign_names.iter().map(|name| format!("`{name}`")).collect();
    let count = usize::try_from(listed.foreign).unwrap_or(usize::MAX);
    let message = format!(
        "objects below the prefix belong to no backup, and are not touched: {}",
        of_total(&names, count)
    );
    let fields = listed.foreign_names.iter().map(|name| field(name, "absent", "present"));
    let unexpected = cause(DestinationDriftReason::Unexpected, message);
    let mut found = Assessment::found(unexpected, fields.collect(), state.memo.drift.as_ref(), now);
    if let Some(drift) = &mut found.drift {
        drift.count = i32::try_from(listed.foreign).unwrap_or(i32::MAX);
    }
    found
}

/// The type of the store, and its bucket, container or directory.
fn name(spec: &BackupDestinationSpec) -> String {
    let BackupDestinationSpec {
        s3, gcs, azure, local, ..
    } = spec;
    if let Some(s3) = s3 {
        format!("s3/{}", s3.bucket)
    } else if let Some(gcs) = gcs {
        format!("gcs/{}", gcs.bucket)
    } else if let Some(azure) = azure {
        format!("azure/{}/{}", azure.account, azure.container)
    } else {
        let path = local.as_ref().map(|local| local.path.as_str());
        format!("local/{}", path.unwrap_or_default())
    }
}

/// Events for the difference between two statuses: a person must act, or something foreign lies below the prefix.
pub fn events(before: &DestinationStatus, after: &DestinationStatus) -> Vec<Event> {
    let stalled = stalled(before, after, |now| now.reason.clone());
    stalled.into_iter().chain(drift_detected(before, after)).collect()
}
