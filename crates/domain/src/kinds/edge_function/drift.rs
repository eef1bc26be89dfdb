//! Drift: what `Drifted` says, and which fields differ.

use ace_api::{Drift, DriftField, DriftReason, EdgeFunction, clipped};
use jiff::Timestamp;

use super::{
    compare::Comparison,
    live::is_wanted,
    rollout::missing_secrets,
    state::{Difference, LiveFunction, PlatformState, State},
};

/// Differences that a status names.
const MOST_FIELDS: usize = 16;

/// What can be said about drift.
#[derive(Debug, PartialEq)]
pub(super) enum DriftAssessment {
    /// Nothing new.
    Keep,
    /// It is so.
    Says {
        value: Option<bool>,
        reason: DriftReason,
        message: String,
        drift: Option<Drift>,
    },
}

/// Judges by the last list; says nothing where there is none that may be compared.
pub(super) fn assessment(object: &EdgeFunction, state: &State, now: Timestamp) -> DriftAssessment {
    let PlatformState::Present(platform) = &state.platform else {
        return DriftAssessment::Keep;
    };
    if object.spec.suspend || platform.suspended {
        return DriftAssessment::Keep;
    }
    if now > platform.seen + state.timing.lost_after(platform.interval) {
        // What was seen last is kept: the same drift, seen again, is no news.
        return not_compared("not seen for three intervals", state.memo.drift.clone());
    }
    if state.memo.intent.is_some() {
        return DriftAssessment::Keep;
    }
    match state.comparison() {
        // The JWT rule is a plain field: one look is enough, whatever the content is.
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
                "the function is gone",
                vec![field("function", &applied.revision, "absent")],
                now,
            ),
            None => not_compared("nothing is live yet", None),
        },
        // Without the source nobody knows whether it is the wish that is live.
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
                let message = "the live content can't be read in a form that can be compared".to_owned();
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
            format!("undone: {}", summary(&drift.fields)),
        ),
        None => (DriftReason::NoDrift, "the live function is what was applied".to_owned()),
    };
    DriftAssessment::Says {
        value: Some(false),
        reason,
        message,
        drift: corrected,
    }
}

/// Fields that one look is enough for.
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

/// `redeployed elsewhere: 2 files differ; verifyJWT is true`.
fn summary(fields: &[DriftField]) -> String {
    let files = fields
        .iter()
        .filter(|field| super::compare::is_content(&field.path))
        .count();
    let content = match files {
        0 => None,
        1 => Some("redeployed elsewhere: 1 file differs".to_owned()),
        _ => Some(format!("redeployed elsewhere: {files} files differ")),
    };
    let plain = fields.iter().filter(|field| !super::compare::is_content(&field.path));
    let plain = plain.map(|field| format!("{} is {}", field.path, field.observed));
    content.into_iter().chain(plain).take(6).collect::<Vec<_>>().join("; ")
}
