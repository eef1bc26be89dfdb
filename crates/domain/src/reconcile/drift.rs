//! How the live resource differs from what was applied: what `Drifted` and `status.drift` show of it.

use ace_api::{Drift, DriftField, clipped};
use jiff::Timestamp;

use super::decision::Cause;

/// Most differences that a status lists.
const MOST_FIELDS: usize = 16;

/// What is known of the drift. Where nothing is, there is no assessment, and the status stays as it was.
#[derive(Clone, Debug, PartialEq)]
pub struct DriftAssessment<R> {
    /// There is drift or not; `None` if it can't be told.
    pub value: Option<bool>,
    pub cause: Cause<R>,
    pub drift: Option<Drift>,
}

impl<R> DriftAssessment<R> {
    /// These fields differ. `before`: the drift of the last status; while it lasts it is the same one.
    pub fn found(cause: Cause<R>, fields: Vec<DriftField>, before: Option<&Drift>, now: Timestamp) -> Self {
        let count = i32::try_from(fields.len()).unwrap_or(i32::MAX);
        let named = fields.into_iter().take(MOST_FIELDS).map(|field| DriftField {
            path: clipped(&field.path, 256),
            desired: clipped(&field.desired, 128),
            observed: clipped(&field.observed, 128),
        });
        let drift = Drift {
            detected_time: uncorrected(before).map_or(now, |drift| drift.detected_time),
            count,
            fields: named.collect(),
            corrected_time: None,
        };
        Self {
            value: Some(true),
            cause,
            drift: Some(drift),
        }
    }

    /// What differs, in one sentence.
    pub fn difference(&self) -> Option<&str> {
        (self.value == Some(true)).then_some(self.cause.message.as_str())
    }

    /// Nothing differs. `drift`: one that is over.
    pub fn none(cause: Cause<R>, drift: Option<Drift>) -> Self {
        Self {
            value: Some(false),
            cause,
            drift,
        }
    }

    /// It can't be told. `drift`: what was found before.
    pub fn unknown(cause: Cause<R>, drift: Option<Drift>) -> Self {
        Self {
            value: None,
            cause,
            drift,
        }
    }
}

/// The last drift, which stays in status with the time at which it ended.
pub(crate) fn ended(before: Option<&Drift>, now: Timestamp) -> Option<Drift> {
    before.map(|drift| Drift {
        corrected_time: drift.corrected_time.or(Some(now)),
        ..drift.clone()
    })
}

/// The drift that is not over.
pub fn uncorrected(drift: Option<&Drift>) -> Option<&Drift> {
    drift.filter(|drift| drift.corrected_time.is_none())
}

pub(crate) fn field(path: &str, desired: &str, observed: &str) -> DriftField {
    DriftField {
        path: path.to_owned(),
        desired: desired.to_owned(),
        observed: observed.to_owned(),
    }
}
