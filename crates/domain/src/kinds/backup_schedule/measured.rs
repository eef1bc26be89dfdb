//! What is counted of a schedule, read off what is known of it.

use std::time::Duration;

use ace_api::{BackupSchedule, Duration as Written, VerificationLevel};
use jiff::Timestamp;

use super::{Phase, State, drills, health};
use crate::kinds::platform::Points;

/// Numbers of one schedule.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Measured {
    /// Objectives.
    pub rpo: Duration,
    pub rto: Option<Duration>,
    /// The newest point of each origin: `dump`, and `PITR` or `Daily` where the platform's count.
    pub points: Vec<(&'static str, Timestamp)>,
    /// The snapshot of the newest backup that passed each level, or a higher one.
    pub verified: Vec<(&'static str, Timestamp)>,
    /// Of the newest backup.
    pub bytes: Option<i64>,
    pub missed: i64,
    /// Backups of slots that failed since the last one that is stored.
    pub failures: i64,
    /// What the last drill took, unless it failed.
    pub took: Option<Duration>,
    pub predicted: Option<Duration>,
}

/// The numbers of a schedule.
pub fn measured(object: &BackupSchedule, state: &State) -> Measured {
    const LEVELS: [VerificationLevel; 4] = [
        VerificationLevel::Bytes,
        VerificationLevel::Archive,
        VerificationLevel::Restored,
        VerificationLevel::Content,
    ];
    let newest = health::newest(state);
    let platform = state.points(object).and_then(Points::newest);
    let platform = platform.map(|(time, from)| (from, time));
    let verified = LEVELS.into_iter().filter_map(|level| {
        let (_, point) = health::latest(state, |backup| backup.passed(level))?;
        Some((health::level_name(level), point))
    });
    let stored = state.backups.iter().filter(|backup| backup.phase == Phase::Stored);
    let stored = stored.filter_map(|backup| backup.created).max();
    let failed = state.backups.iter().filter(|backup| {
        backup.is_scheduled() && backup.phase == Phase::Failed && (stored.is_none() || backup.created > stored)
    });
    Measured {
        rpo: object.spec.objective.rpo.get(),
        rto: object.spec.objective.rto.map(Written::get),
        points: newest
            .map(|(_, time)| ("dump", time))
            .into_iter()
            .chain(platform)
            .collect(),
        verified: verified.collect(),
        bytes: newest.and_then(|(backup, _)| backup.bytes),
        missed: state.memo.missed.as_ref().map_or(0, |missed| missed.count),
        failures: i64::try_from(failed.count()).unwrap_or(i64::MAX),
        took: drills::took(state),
        predicted: drills::predicted(state),
    }
}
