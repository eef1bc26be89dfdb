//! Drift of the live schema from its reference.

use ace_api::{Drift, DriftField, MigrationMode, MigrationSet, SchemaDriftReason};
use jiff::Timestamp;

use super::{
    gates::watched,
    messages,
    state::{Observation, SchemaObservation, State},
};
use crate::reconcile::{
    decision::Cause,
    drift::{self, ended, field, uncorrected},
};

pub(super) type DriftAssessment = drift::DriftAssessment<SchemaDriftReason>;

/// Drift by the last observation; `None` without one, so that the condition stays as it was.
pub(super) fn assessment(object: &MigrationSet, state: &State, now: Timestamp) -> Option<DriftAssessment> {
    let observation = state.observation()?;
    let before = state.memo.drift.as_ref();
    let unknown = |reason, message: &str| {
        Some(DriftAssessment::unknown(
            Cause::new(reason, message),
            uncorrected(before).cloned(),
        ))
    };
    let SchemaObservation::Taken {
        digest,
        differences,
        ignored,
        ..
    } = &observation.schema
    else {
        return unknown(
            SchemaDriftReason::NotComparable,
            "the schema can't be read now: another session holds a lock on part of it",
        );
    };
    let (desired, fields, ignored) = match reference(object, state, observation) {
        Reference::None => {
            return unknown(
                SchemaDriftReason::NoReference,
                &format!(
                    "there is no reference schema: set `spec.acceptedSchema` to the digest of the expected one; the live schema is {digest}"
                ),
            );
        }
        Reference::NotYet => {
            return unknown(SchemaDriftReason::NotCompared, "the schema has not been compared yet");
        }
        Reference::Behind => {
            return unknown(
                SchemaDriftReason::SnapshotPending,
                "migrations ran, and the schema snapshot after the run is pending",
            );
        }
        Reference::Own(desired) => (desired, differences.clone(), *ignored),
        Reference::Accepted(desired) => (desired, Vec::new(), 0),
    };
    // In `Observe` only a digest is known of the reference, and nothing is ignored.
    if desired == *digest || ignored > 0 && fields.is_empty() {
        return Some(same(before, ignored, now));
    }
    Some(differs(before, desired, digest, fields, now))
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
    match (object.spec.mode, observation.reference(), &object.spec.accepted_schema) {
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

fn same(before: Option<&Drift>, ignored: usize, now: Timestamp) -> DriftAssessment {
    let drift = ended(before, now);
    let besides = match ignored {
        0 => String::new(),
        1 => "; 1 object that differs is ignored".to_owned(),
        number => format!("; {number} objects that differ are ignored"),
    };
    let message = format!("the schema matches the reference{besides}");
    DriftAssessment::none(Cause::new(SchemaDriftReason::NoDrift, message), drift)
}

fn differs(
    before: Option<&Drift>,
    desired: &str,
    observed: &str,
    mut fields: Vec<DriftField>,
    now: Timestamp,
) -> DriftAssessment {
    if fields.is_empty() {
        // The reference is only a digest.
        fields.push(field("schema", desired, observed));
    }
    let cause = Cause::new(SchemaDriftReason::OutOfBandChange, messages::differs(&fields));
    DriftAssessment::found(cause, fields, before, now)
}
