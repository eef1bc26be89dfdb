//! The condition `Drifted` and the fields that differ.

use ace_api::{Drift, DriftField, DriftReason, EdgeFunction};
use jiff::Timestamp;

use super::{
    compare::{Comparison, is_content, is_file},
    live::{is_proved, is_wanted},
    rollout::missing_secrets,
    state::{Difference, LiveFunction, PlatformState, State},
    step_errors::failure,
};
use crate::reconcile::{
    decision::Cause,
    drift::{self, field, uncorrected},
    messages::listed,
};

pub(super) type DriftAssessment = drift::DriftAssessment<DriftReason>;

/// Assesses drift by the last list; keeps the condition where no list can be compared.
pub(super) fn assessment(object: &EdgeFunction, state: &State, now: Timestamp) -> Option<DriftAssessment> {
    let PlatformState::Present(platform) = &state.platform else {
        return None;
    };
    if object.spec.suspend || platform.suspended {
        return None;
    }
    if state.timing.is_lost(platform.seen, platform.interval, now) {
        // The drift that was observed last is kept: observed again, it must not cause another event.
        return Some(not_compared(
            "not observed for three intervals",
            state.memo.drift.clone(),
        ));
    }
    if state.memo.intent.is_some() {
        return None;
    }
    match state.comparison() {
        // The JWT rule is a plain field of the list: it needs no confirmation by a second list.
        Some(Comparison::Foreign {
            entry,
            suspected_until: Some(_),
            ..
        }) if !plain_fields(object, state, entry).is_empty() => Some(judged(object, state, entry, Vec::new(), now)),
        None
        | Some(
            Comparison::Unlisted {
                suspected_until: Some(_),
            }
            | Comparison::Foreign {
                suspected_until: Some(_),
                ..
            },
        ) => None,
        Some(Comparison::Unlisted { suspected_until: None }) => {
            let why = match &state.step_error {
                Some(step_error) => failure(state, step_error).0.message,
                None => "it was not made yet".to_owned(),
            };
            let message =
                format!("the list does not show the function, and a request for it alone must confirm that: {why}");
            Some(not_compared(&message, None))
        }
        Some(Comparison::Absent) => Some(match state.applied() {
            Some(applied) => {
                let fields = vec![field("function", &applied.revision, "absent")];
                drifted(
                    state,
                    DriftReason::Missing,
                    "the function was deleted out of band",
                    fields,
                    now,
                )
            }
            None => not_compared("nothing is live yet", None),
        }),
        // Without the source it is not known whether the live content is the desired one.
        Some(Comparison::Foreign { .. }) if state.applied().is_none() && state.content().is_none() => None,
        Some(Comparison::Foreign {
            entry,
            difference: Difference::Fields(fields),
            ..
        }) => Some(if state.applied().is_some() {
            judged(object, state, entry, fields, now)
        } else {
            let message = format!(
                "the live function was not deployed from this object{}",
                differing_files(&fields)
            );
            drifted(state, DriftReason::Foreign, &message, fields, now)
        }),
        Some(Comparison::Foreign { entry, difference, .. }) if plain_fields(object, state, entry).is_empty() => {
            let version = entry.stamp.version;
            let why = match difference {
                Difference::NotComparable(why) => why,
                Difference::Fields(_) | Difference::NotRead => state.why_unread(&entry.stamp),
            };
            Some(not_comparable(format!(
                "version {version} was not deployed from this object and can't be compared with what was applied: {why}"
            )))
        }
        Some(Comparison::Applied(entry))
            if !is_proved(state, entry) && plain_fields(object, state, entry).is_empty() =>
        {
            let version = entry.stamp.version;
            Some(not_comparable(format!(
                "only the name of its folder says that version {version} is what was applied: the platform returns no files that prove it"
            )))
        }
        Some(Comparison::Applied(entry) | Comparison::Foreign { entry, .. }) => {
            Some(judged(object, state, entry, Vec::new(), now))
        }
    }
}

fn not_comparable(message: String) -> DriftAssessment {
    DriftAssessment::unknown(Cause::new(DriftReason::NotComparable, message), None)
}

fn not_compared(message: &str, drift: Option<Drift>) -> DriftAssessment {
    DriftAssessment::unknown(Cause::new(DriftReason::NotCompared, message), drift)
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
    let cause = match &corrected {
        Some(drift) => {
            let message = format!("corrected: {}", summary(&drift.fields));
            Cause::new(DriftReason::DriftCorrected, message)
        }
        None => Cause::new(DriftReason::NoDrift, "the live function matches what was applied"),
    };
    DriftAssessment::none(cause, corrected)
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
    fields: Vec<DriftField>,
    now: Timestamp,
) -> DriftAssessment {
    let before = state.memo.drift.as_ref();
    let mut found = DriftAssessment::found(Cause::new(reason, message), fields, before, now);
    // Fields that come from the status are only the first ones.
    if let (Some(drift), Some(before)) = (&mut found.drift, uncorrected(before))
        && drift.fields == before.fields
    {
        drift.count = before.count;
    }
    found
}

/// `redeployed out of band: 2 files differ: hello/index.ts, _shared/cors.ts; verifyJWT is true`.
fn summary(fields: &[DriftField]) -> String {
    let is_redeployed = fields.iter().any(|field| is_content(&field.path));
    let content = is_redeployed.then(|| format!("redeployed out of band{}", differing_files(fields)));
    let plain = fields.iter().filter(|field| !is_file(&field.path));
    let plain = plain.map(|field| format!("{} is {}", field.path, field.observed));
    content.into_iter().chain(plain).take(6).collect::<Vec<_>>().join("; ")
}

/// `: 2 files differ: hello/index.ts, _shared/cors.ts`, or nothing.
fn differing_files(fields: &[DriftField]) -> String {
    let number = match fields.iter().filter(|field| is_file(&field.path)).count() {
        0 => return String::new(),
        1 => "1 file differs".to_owned(),
        number => format!("{number} files differ"),
    };
    named_files(fields).map_or_else(|| format!(": {number}"), |names| format!(": {number}: {names}"))
}

/// `hello/index.ts, _shared/cors.ts`; `None` of files that can't be compared one by one.
pub(super) fn named_files(fields: &[DriftField]) -> Option<String> {
    const NAMED: usize = 3;
    let names: Vec<&str> = fields
        .iter()
        .filter_map(|field| field.path.strip_prefix("files/"))
        .collect();
    (!names.is_empty()).then(|| listed(&names, NAMED, |name| end(name)))
}

/// The end of a path: what follows it in a sentence has to be seen, too.
fn end(path: &str) -> String {
    const LONGEST: usize = 80;
    match path.char_indices().nth_back(LONGEST - 1) {
        Some((at, _)) if at > 0 => format!("…{}", path.get(at..).unwrap_or_default()),
        _ => path.to_owned(),
    }
}
