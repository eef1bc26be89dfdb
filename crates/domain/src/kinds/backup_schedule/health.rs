//! Whether the database is recoverable: how old the newest point is, what is proved of it, and whether each copy is where it was.

use ace_api::{
    BackupSchedule, CommonStatus, ConditionType, CopyState, FreshReason, Reason, RecoveryPoint, ScheduleDriftReason,
    VerificationLevel, VerifiedReason, VerifyLevel,
};
use jiff::Timestamp;
use kube::ResourceExt;

use super::{Known, Phase, PlatformState, State, objective};
use crate::{
    kinds::platform::{Points, hour},
    reconcile::{
        decision::Cause,
        drift::{DriftAssessment, ended, field},
        messages::listed,
        status::with_condition,
    },
};

/// What a condition says.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Finding<R> {
    pub value: Option<bool>,
    pub cause: Cause<R>,
    /// When it will say something else, unless something happens.
    pub turns: Option<Timestamp>,
}

impl<R: Reason> Finding<R> {
    pub(super) fn new(value: Option<bool>, reason: R, message: impl Into<String>) -> Self {
        Self {
            value,
            cause: Cause::new(reason, message),
            turns: None,
        }
    }

    pub(super) fn until(self, turns: Timestamp) -> Self {
        Self {
            turns: Some(turns),
            ..self
        }
    }

    /// Adds the condition to those of the `next` status.
    pub(super) fn shown(
        &self,
        next: CommonStatus,
        before: &CommonStatus,
        type_: ConditionType,
        now: Timestamp,
    ) -> CommonStatus {
        with_condition(next, before, type_, self.value, &self.cause, now)
    }
}

/// The newest backup that a database can be restored from.
pub(super) fn newest(state: &State) -> Option<(&Known, Timestamp)> {
    latest(state, |backup| {
        backup.phase == Phase::Stored && !backup.destinations.is_empty()
    })
}

pub(super) fn latest(state: &State, is: impl Fn(&Known) -> bool) -> Option<(&Known, Timestamp)> {
    let points = state.backups.iter().filter(|backup| is(backup));
    points
        .filter_map(|backup| Some((backup, backup.point?)))
        .max_by_key(|(_, point)| *point)
}

/// The newest point of all that count: exactly, and as the status shows it.
pub(super) fn newest_point(object: &BackupSchedule, state: &State) -> Option<(Timestamp, RecoveryPoint)> {
    let own = newest(state).map(|(backup, time)| {
        let point = RecoveryPoint {
            time,
            from: backup.name.clone(),
            bytes: backup.bytes,
        };
        (time, point)
    });
    let others = state.points(object).and_then(Points::newest).map(|(time, from)| {
        let point = RecoveryPoint {
            time: hour(time),
            from: from.to_owned(),
            bytes: None,
        };
        (time, point)
    });
    own.into_iter().chain(others).max_by_key(|(time, _)| *time)
}

pub(super) fn fresh(object: &BackupSchedule, state: &State, now: Timestamp) -> Finding<FreshReason> {
    let rpo = &object.spec.objective.rpo;
    let newest = newest_point(object, state);
    let created = object.creation_timestamp().map_or(now, |created| created.0);
    let since = newest.as_ref().map_or(created, |(exact, _)| *exact);
    let turns = since + state.timing.interval(rpo.get());
    let is_old = now >= turns;
    let found = match newest {
        None if is_old => Finding::new(
            Some(false),
            FreshReason::NeverSucceeded,
            format!("no backup was complete since {created}, for longer than `objective.rpo` ({rpo})"),
        ),
        None => Finding::new(None, FreshReason::NoBackupYet, "no backup is complete yet").until(turns),
        Some((_, RecoveryPoint { time, .. })) if is_old => {
            let reason = if state.is_suspended(object) {
                FreshReason::Suspended
            } else {
                FreshReason::Exceeded
            };
            let message = format!("the newest point, {time}, is older than `objective.rpo` ({rpo})");
            Finding::new(Some(false), reason, message)
        }
        Some((_, RecoveryPoint { time, .. })) => {
            Finding::new(Some(true), FreshReason::WithinObjective, format!("newest point {time}")).until(turns)
        }
    };
    match &state.platform {
        // The platform may have a newer one within the hour, of which nobody is told.
        PlatformState::Present(platform) if is_old && state.points(object).is_some() => {
            found.until(now + state.timing.interval(platform.interval))
        }
        _ => found,
    }
}

pub(super) fn verified(object: &BackupSchedule, state: &State, now: Timestamp) -> Finding<VerifiedReason> {
    let spec = &object.spec;
    if spec.verify != VerifyLevel::Bytes && spec.encryption.identity_secret_ref.is_none() {
        let message = format!(
            "`verify` is `{}`, and nothing above `Bytes` can be verified without the identity that opens the archives: name it in `encryption.identitySecretRef`",
            level_name(spec.verify.level())
        );
        return Finding::new(Some(false), VerifiedReason::NoIdentity, message);
    }
    if spec.verify == VerifyLevel::Content && !state.has_scratch() {
        let message = format!(
            "`verify` is `Content`, and Platform `{}` has no `spec.scratch` to restore a backup into: set it, or write `Archive`",
            spec.platform_ref.name
        );
        return Finding::new(Some(false), VerifiedReason::NoScratch, message);
    }
    let level = spec.verify.level();
    let passed = latest(state, |backup| backup.passed(level));
    let condemned = latest(state, |backup| backup.phase == Phase::Condemned);
    if let Some((backup, point)) = condemned
        && passed.is_none_or(|(_, passed)| passed < point)
    {
        let said = backup.said.as_ref().map(|(_, message)| message.as_str());
        let message = format!("{}: {}", backup.name, said.unwrap_or("did not pass"));
        return Finding::new(Some(false), VerifiedReason::Failed, message);
    }
    let most = objective::age_of_verified(object, state);
    let rpo = state.timing.interval(most);
    match passed.or_else(|| newest(state)) {
        None => Finding::new(None, VerifiedReason::NoBackupYet, "no backup is complete yet"),
        Some((_, point)) if now >= point + rpo => {
            let what = match passed {
                Some((backup, _)) => format!("{} is the newest backup that passed", backup.name),
                None => "no backup passed".to_owned(),
            };
            let allowed = if most == spec.objective.rpo.get() {
                format!("`objective.rpo` is {}", spec.objective.rpo)
            } else {
                format!("by the slots it should be at most {} old", objective::minutes(most))
            };
            let message = format!("{what} `{}`, and {allowed}", level_name(level));
            Finding::new(Some(false), VerifiedReason::Stale, message)
        }
        Some((_, point)) if passed.is_none() => {
            Finding::new(None, VerifiedReason::NoBackupYet, "no backup was verified yet").until(point + rpo)
        }
        Some((backup, point)) => {
            let (reason, message) = said_of(backup);
            Finding::new(Some(true), reason, message).until(point + rpo)
        }
    }
}

fn said_of(backup: &Known) -> (VerifiedReason, String) {
    let name = &backup.name;
    match backup.level.unwrap_or_default() {
        VerificationLevel::Bytes => (VerifiedReason::Bytes, format!("{name} was read to its end")),
        VerificationLevel::Archive => (
            VerifiedReason::Archive,
            format!(
                "{name} was read to its end, and holds the {} tables that were proved",
                backup.tables.unwrap_or_default()
            ),
        ),
        VerificationLevel::Restored => (VerifiedReason::Restored, format!("{name} was restored")),
        VerificationLevel::Content => (
            VerifiedReason::Content,
            format!(
                "{name} was restored, and each of its {} tables has the rows of the source",
                backup.tables.unwrap_or_default()
            ),
        ),
    }
}

pub(super) fn level_name(level: VerificationLevel) -> &'static str {
    match level {
        VerificationLevel::Bytes => "Bytes",
        VerificationLevel::Archive => "Archive",
        VerificationLevel::Restored => "Restored",
        VerificationLevel::Content => "Content",
    }
}

/// Copies that are not what was stored; nothing while there is no backup.
pub(super) fn drift(state: &State, now: Timestamp) -> Option<DriftAssessment<ScheduleDriftReason>> {
    let before = state.memo.drift.as_ref();
    let lost = state.backups.iter().flat_map(|backup| {
        let copies = backup.lost.iter();
        copies.map(move |(destination, copy)| (format!("{}/{destination}", backup.name), *copy))
    });
    let mut lost: Vec<(String, CopyState)> = lost.collect();
    lost.sort_by(|one, other| one.0.cmp(&other.0));
    if lost.is_empty() {
        newest(state)?;
        let cause = Cause::new(ScheduleDriftReason::NoDrift, "each backup is where it was stored");
        return Some(DriftAssessment::none(cause, ended(before, now)));
    }
    let is_changed = lost.iter().all(|(_, copy)| *copy == CopyState::Changed);
    let (reason, what) = if is_changed {
        (ScheduleDriftReason::ObjectChanged, "is another one than was stored")
    } else {
        (ScheduleDriftReason::ObjectMissing, "is gone")
    };
    let names = listed(&lost, 3, |(path, _)| path.clone());
    let fields = lost.iter().map(|(path, copy)| {
        field(
            path,
            "Complete",
            match copy {
                CopyState::Changed => "Changed",
                _ => "Missing",
            },
        )
    });
    let message = format!("what was stored as {names} {what}");
    Some(DriftAssessment::found(
        Cause::new(reason, message),
        fields.collect(),
        before,
        now,
    ))
}

impl State {
    /// What the platform keeps, where that counts and is known.
    pub(super) fn points(&self, object: &BackupSchedule) -> Option<&Points> {
        match &self.platform {
            PlatformState::Present(platform) if object.spec.objective.count_platform => {
                platform.points.as_ref()?.as_ref().ok()
            }
            _ => None,
        }
    }
}
