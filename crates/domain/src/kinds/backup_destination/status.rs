//! The status of a BackupDestination.

use ace_api::{
    BackupDestination, BackupDestinationSpec, DestinationDriftReason, DestinationReason, DestinationStatus,
    StoreCapabilities, StoredBackups,
};
use jiff::Timestamp;

use super::{Cause, Decision, Listed, Lost, Presence, State, Step, inventory::drift_path};
use crate::inputs::is_doubted;
use crate::reconcile::{
    decision,
    drift::{DriftAssessment, ended, field},
    event::{Event, drift_detected, stalled},
    messages::of_total,
    status::{Shown, common, describes, is_ready, suspended, with_drift},
};

/// Most names in a message; the rest is counted.
const NAMED: usize = 3;

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
        decision => Shown::of(decision, |_| observing(), || at_rest(object, state, able)),
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

fn at_rest(object: &BackupDestination, state: &State, able: Option<StoreCapabilities>) -> Shown<DestinationReason> {
    if object.spec.suspend {
        return suspended(DestinationReason::SuspendedByUser);
    }
    let message = match able {
        Some(StoreCapabilities { delete: false, .. }) => {
            "written, read and listed; the key may not delete, so that nothing will expire"
        }
        _ => "written, read and listed",
    };
    let message = match state.memory.put_off.first() {
        Some((Step::Sweep, why)) => format!("{message}; what is to be deleted could not be, and is tried again: {why}"),
        Some((_, why)) => format!("{message}; what is stored could not be imported, and is tried again: {why}"),
        None => message.to_owned(),
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
        unlisted: number(listed.unlisted),
    }
}

/// What is lost comes before what is foreign.
fn assess(listed: &Listed, state: &State, now: Timestamp) -> Assessment {
    let cause = decision::Cause::new;
    if let Some(first) = listed.lost_names.first() {
        return lost(listed, first, state, now);
    }
    if listed.foreign == 0 {
        let none = cause(
            DestinationDriftReason::NoDrift,
            "everything below the prefix belongs to a backup, and every backup is there".to_owned(),
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

fn lost(listed: &Listed, first: &Lost, state: &State, now: Timestamp) -> Assessment {
    let names: Vec<String> = listed
        .lost_names
        .iter()
        .take(NAMED)
        .map(|lost| format!("`{}`", lost.backup))
        .collect();
    let count = usize::try_from(listed.lost).unwrap_or(usize::MAX);
    let (reason, what) = match first.presence {
        Presence::Changed(_) => (DestinationDriftReason::ObjectChanged, "is another than what was stored"),
        Presence::Missing | Presence::Present => (DestinationDriftReason::ObjectMissing, "is gone"),
    };
    let message = format!(
        "the data of Backup {} {what}: whoever may delete objects of this prefix did; the Backups stay, and say where they still are",
        of_total(&names, count)
    );
    let fields = listed.lost_names.iter().map(|lost| {
        let observed = match lost.presence {
            Presence::Changed(bytes) => format!("{bytes} bytes"),
            Presence::Missing | Presence::Present => "absent".to_owned(),
        };
        field(&drift_path(&lost.backup), &format!("{} bytes", lost.bytes), &observed)
    });
    let cause = decision::Cause::new(reason, message);
    let mut found = Assessment::found(cause, fields.collect(), state.memo.drift.as_ref(), now);
    if let Some(drift) = &mut found.drift {
        drift.count = i32::try_from(listed.lost).unwrap_or(i32::MAX);
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
