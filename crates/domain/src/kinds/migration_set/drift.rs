//! Drift of the live schema from its reference.

use ace_api::{Drift, DriftField, MigrationMode, MigrationSet, SchemaDriftReason};
use jiff::Timestamp;

use super::{
    gates::watched,
    messages,
    state::{Observation, SchemaObservation, State},
};

/// Most differences that a status lists.
const NAMED: usize = 16;
/// Most bytes of a difference's path and of each side: the bounds in the CRD.
const PATH: usize = 256;
const SIDE: usize = 128;

#[derive(Clone, Debug, PartialEq)]
pub(super) struct DriftAssessment {
    /// The condition's status; `None` is Unknown.
    pub(super) value: Option<bool>,
    pub(super) reason: SchemaDriftReason,
    pub(super) message: String,
    pub(super) drift: Option<Drift>,
}

/// Drift by the last observation; `None` without one, so that the condition stays as it was.
pub(super) fn assessment(object: &MigrationSet, state: &State, now: Timestamp) -> Option<DriftAssessment> {
    let observation = state.observation()?;
    let unknown = |reason, message: &str| DriftAssessment {
        value: None,
        reason,
        message: message.to_owned(),
        drift: state.memo.drift.clone().filter(|drift| drift.corrected_time.is_none()),
    };
    let SchemaObservation::Taken {
        digest, differences, ..
    } = &observation.schema
    else {
        return Some(unknown(
            SchemaDriftReason::NotComparable,
            "the schema can't be read now: another session holds a lock on part of it",
        ));
    };
    let (desired, fields) = match reference(object, state, observation) {
        Reference::None => {
            return Some(unknown(
                SchemaDriftReason::NoReference,
                &format!(
                    "there is no reference schema: set `spec.acceptedSchema` to the digest of the expected one; the live schema is {digest}"
                ),
            ));
        }
        Reference::NotYet => {
            return Some(unknown(
                SchemaDriftReason::NotCompared,
                "the schema has not been compared yet",
            ));
        }
        Reference::Behind => {
            return Some(unknown(
                SchemaDriftReason::SnapshotPending,
                "migrations ran, and the schema snapshot after the run is pending",
            ));
        }
        Reference::Own(desired) => (desired, differences.clone()),
        Reference::Accepted(desired) => (desired, Vec::new()),
    };
    if desired == *digest {
        return Some(same(state, now));
    }
    Some(differs(state, desired, digest, fields, now))
}

enum Reference<'a> {
    /// Mode `Observe` without `spec.acceptedSchema`.
    None,
    /// The reference is not stored yet, or is about to be replaced.
    NotYet,
    /// The snapshot after a run is pending.
    Behind,
    /// Stored in `ace_ops`, object by object.
    Own(&'a str),
    /// `spec.acceptedSchema`, a digest.
    Accepted(&'a str),
}

fn reference<'a>(object: &'a MigrationSet, state: &State, observation: &'a Observation) -> Reference<'a> {
    let own = observation
        .operator_schema
        .as_ref()
        .and_then(|operator_schema| operator_schema.reference.as_ref());
    match (object.spec.mode, own, &object.spec.accepted_schema) {
        (MigrationMode::Observe, _, Some(accepted)) => Reference::Accepted(accepted),
        (MigrationMode::Observe, _, None) => Reference::None,
        (MigrationMode::Apply, None, _) => Reference::NotYet,
        (MigrationMode::Apply, Some(own), _) if own.snapshot_pending && is_shown(state) => Reference::Behind,
        (MigrationMode::Apply, Some(own), _) if observation.is_reworded() || own.schemas != watched(object) => {
            Reference::NotYet
        }
        (MigrationMode::Apply, Some(own), _) => Reference::Own(&own.digest),
    }
}

/// During a run the status is not written for every file.
fn is_shown(state: &State) -> bool {
    state.announced.as_ref().is_none_or(|shown| shown.snapshot_pending)
}

fn same(state: &State, now: Timestamp) -> DriftAssessment {
    // The last drift stays in status, with the time at which it ended.
    let drift = state.memo.drift.clone().map(|drift| Drift {
        corrected_time: drift.corrected_time.or(Some(now)),
        ..drift
    });
    DriftAssessment {
        value: Some(false),
        reason: SchemaDriftReason::NoDrift,
        message: "the schema matches the reference".to_owned(),
        drift,
    }
}

fn differs(state: &State, desired: &str, observed: &str, fields: Vec<DriftField>, now: Timestamp) -> DriftAssessment {
    let fields = if fields.is_empty() {
        // The reference is only a digest.
        vec![DriftField {
            path: "schema".to_owned(),
            desired: desired.to_owned(),
            observed: observed.to_owned(),
        }]
    } else {
        fields
    };
    let message = messages::differs(&fields);
    let count = i32::try_from(fields.len()).unwrap_or(i32::MAX);
    let standing = state.memo.drift.as_ref().filter(|drift| drift.corrected_time.is_none());
    let named = fields.into_iter().take(NAMED).map(|field| DriftField {
        path: clipped(field.path, PATH),
        desired: clipped(field.desired, SIDE),
        observed: clipped(field.observed, SIDE),
    });
    DriftAssessment {
        value: Some(true),
        reason: SchemaDriftReason::OutOfBandChange,
        message,
        drift: Some(Drift {
            detected_time: standing.map_or(now, |drift| drift.detected_time),
            count,
            fields: named.collect(),
            corrected_time: None,
        }),
    }
}

fn clipped(mut text: String, most: usize) -> String {
    text.truncate(text.floor_char_boundary(most));
    text
}
