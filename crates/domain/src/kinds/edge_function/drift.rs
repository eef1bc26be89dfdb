//! The condition `Drifted` and the fields that differ.

use ace_api::{Drift, DriftField, DriftReason, EdgeFunction, clipped};
use jiff::Timestamp;

use super::{
    compare::Comparison,
    live::is_wanted,
    rollout::missing_secrets,
    state::{Difference, LiveFunction, PlatformState, State},
};

/// Most differences that a status lists.
const MOST_FIELDS: usize = 16;

#[derive(Debug, PartialEq)]
pub(super) enum DriftAssessment {
    /// The condition stays as it is.
    Keep,
    /// The condition is set; `value: None` is Unknown.
    Says {
        value: Option<bool>,
        reason: DriftReason,
        message: String,
        drift: Option<Drift>,
    },
}

/// Assesses drift by the last list; keeps the condition where no list can be compared.
pub(super) fn assessment(object: &EdgeFunction, state: &State, now: Timestamp) -> DriftAssessment {
    let PlatformState::Present(platform) = &state.platform else {
        return DriftAssessment::Keep;
    };
    if object.spec.suspend || platform.suspended {
        return DriftAssessment::Keep;
    }
    if now > platform.seen + state.timing.lost_after(platform.interval) {
        // The drift that was observed last is kept: observed again, it must not cause another event.
        return not_compared("not observed for three intervals", state.memo.drift.clone());
    }
    if state.memo.intent.is_some() {
        return DriftAssessment::Keep;
    }
    match state.comparison() {
        // The JWT rule is a plain field of the list: it needs no confirmation by a second list.
        Some(Comparison::Foreign {
            entry,
            suspected_until: Some(_),
            ..
        }) if !plain_fields(object, state, entry).is_empty() => judged(object, state, entry, Vec::new(), now),
        None
        | Some(
            Comparison::Need(_)
            | Comparison::Foreign {
                suspected_until: Some(_),
                ..
            },
        ) => DriftAssessment::Keep,
        Some(Comparison::Absent) => match state.applied() {
            Some(applied) => drifted(
                state,
                DriftReason::Missing,
                "the function was deleted out of band",
                vec![field("function", &applied.revision, "absent")],
                now,
            ),
            None => not_compared("nothing is live yet", None),
        },
        // Without the source it is not known whether the live content is the desired one.
        Some(Comparison::Foreign { .. }) if state.applied().is_none() && state.content().is_none() => {
            DriftAssessment::Keep
        }
        Some(Comparison::Applied(entry)) => judged(object, state, entry, Vec::new(), now),
        Some(Comparison::Foreign {
            entry,
            difference: Difference::Fields(fields),
            ..
        }) => match state.applied() {
            Some(_) => judged(object, state, entry, fields, now),
            None => drifted(state, DriftReason::Foreign, &summary(&fields), fields, now),
        },
        Some(Comparison::Foreign {
            entry,
            difference: Difference::NotComparable,
            ..
        }) => {
            let fields = plain_fields(object, state, entry);
            if fields.is_empty() || state.applied().is_none() {
                let message =
                    "the platform returns the live content in a form that can't be compared with the source".to_owned();
                DriftAssessment::Says {
                    value: None,
                    reason: DriftReason::NotComparable,
                    message,
                    drift: None,
                }
            } else {
                judged(object, state, entry, Vec::new(), now)
            }
        }
    }
}

fn not_compared(message: &str, drift: Option<Drift>) -> DriftAssessment {
    DriftAssessment::Says {
        value: None,
        reason: DriftReason::NotCompared,
        message: message.to_owned(),
        drift,
    }
}

fn judged(
    object: &EdgeFunction,
    state: &State,
    entry: &LiveFunction,
    mut fields: Vec<DriftField>,
    now: Timestamp,
) -> DriftAssessment {
    fields.splice(0..0, plain_fields(object, state, entry));
    if !fields.is_empty() {
        return drifted(state, DriftReason::OutOfBandChange, &summary(&fields), fields, now);
    }
    let corrected = state.memo.drift.clone().filter(|drift| drift.corrected_time.is_some());
    let (reason, message) = match &corrected {
        Some(drift) => (
            DriftReason::DriftCorrected,
            format!("corrected: {}", summary(&drift.fields)),
        ),
        None => (
            DriftReason::NoDrift,
            "the live function matches what was applied".to_owned(),
        ),
    };
    DriftAssessment::Says {
        value: Some(false),
        reason,
        message,
        drift: corrected,
    }
}

/// Differences that need no confirmation by a second list.
fn plain_fields(object: &EdgeFunction, state: &State, entry: &LiveFunction) -> Vec<DriftField> {
    let Some(applied) = state.applied() else {
        return Vec::new();
    };
    let rule = entry
        .verify_jwt
        .filter(|seen| *seen != applied.verify_jwt)
        .map(|seen| field("verifyJWT", &applied.verify_jwt.to_string(), &seen.to_string()));
    let secrets = state
        .secrets
        .as_ref()
        .filter(|_| is_wanted(object, state, applied))
        .map(|names| missing_secrets(object, names));
    let secrets = secrets
        .into_iter()
        .flatten()
        .map(|names| field(&format!("secrets/{names}"), "set", "absent"));
    rule.into_iter().chain(secrets).collect()
}

fn drifted(
    state: &State,
    reason: DriftReason,
    message: &str,
    mut fields: Vec<DriftField>,
    now: Timestamp,
) -> DriftAssessment {
    let count = i32::try_from(fields.len()).unwrap_or(i32::MAX);
    fields.truncate(MOST_FIELDS);
    let standing = state.memo.drift.as_ref().filter(|drift| drift.corrected_time.is_none());
    let (detected_time, count) = match standing {
        Some(drift) if drift.fields == fields => (drift.detected_time, drift.count),
        Some(drift) => (drift.detected_time, count),
        None => (now, count),
    };
    let drift = Drift {
        detected_time,
        count,
        fields,
        corrected_time: None,
    };
    DriftAssessment::Says {
        value: Some(true),
        reason,
        message: message.to_owned(),
        drift: Some(drift),
    }
}

fn field(path: &str, desired: &str, observed: &str) -> DriftField {
    DriftField {
        path: clipped(path, 256),
        desired: desired.to_owned(),
        observed: observed.to_owned(),
    }
}

/// `redeployed out of band: 2 files differ; verifyJWT is true`.
fn summary(fields: &[DriftField]) -> String {
    let files = fields
        .iter()
        .filter(|field| super::compare::is_content(&field.path))
        .count();
    let content = match files {
        0 => None,
        1 => Some("redeployed out of band: 1 file differs".to_owned()),
        _ => Some(format!("redeployed out of band: {files} files differ")),
    };
    let plain = fields.iter().filter(|field| !super::compare::is_content(&field.path));
    let plain = plain.map(|field| format!("{} is {}", field.path, field.observed));
    content.into_iter().chain(plain).take(6).collect::<Vec<_>>().join("; ")
}
