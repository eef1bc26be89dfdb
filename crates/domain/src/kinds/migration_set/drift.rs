//! Whether the live schema is the one that it should be.

use ace_api::{Drift, DriftField, MigrationMode, MigrationSet, SchemaDriftReason};
use jiff::Timestamp;

use super::{
    gates::watched,
    messages,
    state::{Observation, SchemaObservation, State},
};

/// Differences that a status names.
const NAMED: usize = 16;
/// Bytes of a difference's path, and of each of its sides: the schema's bounds.
const PATH: usize = 256;
const SIDE: usize = 128;

/// What is said of drift.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct DriftAssessment {
    /// The condition's status; `None` is Unknown.
    pub(super) value: Option<bool>,
    /// Its reason.
    pub(super) reason: SchemaDriftReason,
    /// Its message.
    pub(super) message: String,
    /// What differs.
    pub(super) drift: Option<Drift>,
}

/// What the last look says of drift; nothing when there was none, so that what was said before stands.
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
            "the schema can't be read now: somebody holds a lock on a part of it",
        ));
    };
    let (desired, fields) = match reference(object, state, observation) {
        Reference::None => {
            return Some(unknown(
                SchemaDriftReason::NoReference,
                &format!("name the schema that it should be in `spec.acceptedSchema`; the live one is {digest}"),
            ));
        }
        Reference::NotYet => {
            return Some(unknown(
                SchemaDriftReason::NotCompared,
                "the schema was not compared yet",
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
    /// Nobody said what the schema should be.
    None,
    /// It will be taken, perhaps anew.
    NotYet,
    /// A run's look behind it is due.
    Behind,
    /// In our books, object by object.
    Own(&'a str),
    /// In the spec, as a digest.
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

/// While a run goes on, not each file is worth a write.
fn is_shown(state: &State) -> bool {
    state.announced.as_ref().is_none_or(|shown| shown.snapshot_pending)
}

fn same(state: &State, now: Timestamp) -> DriftAssessment {
    // It is remembered that there was drift, and when it went.
    let drift = state.memo.drift.clone().map(|drift| Drift {
        corrected_time: drift.corrected_time.or(Some(now)),
        ..drift
    });
    DriftAssessment {
        value: Some(false),
        reason: SchemaDriftReason::NoDrift,
        message: "the schema is as it should be".to_owned(),
        drift,
    }
}

fn differs(state: &State, desired: &str, observed: &str, fields: Vec<DriftField>, now: Timestamp) -> DriftAssessment {
    let fields = if fields.is_empty() {
        // Only digests are known.
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
