//! Whether the database is recoverable: how old the newest point is, what is proved of it, and whether each copy is where it was.

use ace_api::{
    BackupSchedule, CopyState, FreshReason, Reason, ScheduleDriftReason, VerificationLevel, VerifiedReason, VerifyLevel,
};
use jiff::Timestamp;
use kube::ResourceExt;

use super::{Known, Phase, State};
use crate::reconcile::{
    decision::Cause,
    drift::{DriftAssessment, ended, field},
    messages::listed,
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
    fn new(value: Option<bool>, reason: R, message: impl Into<String>) -> Self {
        Self {
            value,
            cause: Cause::new(reason, message),
            turns: None,
        }
    }

    fn until(self, turns: Timestamp) -> Self {
        Self {
            turns: Some(turns),
            ..self
        }
    }
}

/// The newest backup that a database can be restored from.
pub(super) fn newest(state: &State) -> Option<(&Known, Timestamp)> {
    latest(state, |backup| {
        backup.phase == Phase::Stored && !backup.destinations.is_empty()
    })
}

fn latest(state: &State, is: impl Fn(&Known) -> bool) -> Option<(&Known, Timestamp)> {
    let points = state.backups.iter().filter(|backup| is(backup));
    points
        .filter_map(|backup| Some((backup, backup.point?)))
        .max_by_key(|(_, point)| *point)
}

pub(super) fn fresh(object: &BackupSchedule, state: &State, now: Timestamp) -> Finding<FreshReason> {
    let rpo = &object.spec.objective.rpo;
    let newest = newest(state);
    let created = object.creation_timestamp().map_or(now, |created| created.0);
    let since = newest.map_or(created, |(_, point)| point);
    let turns = since + state.timing.interval(rpo.get());
    let is_old = now >= turns;
    match newest {
        None if is_old => Finding::new(
            Some(false),
            FreshReason::NeverSucceeded,
            format!("no backup was complete since {created}, for longer than `objective.rpo` ({rpo})"),
        ),
        None => Finding::new(None, FreshReason::NoBackupYet, "no backup is complete yet").until(turns),
        Some((_, point)) if is_old => {
            let reason = if state.is_suspended(object) {
                FreshReason::Suspended
            } else {
                FreshReason::Exceeded
            };
            let message = format!("the newest point, {point}, is older than `objective.rpo` ({rpo})");
            Finding::new(Some(false), reason, message)
        }
        Some((_, point)) => Finding::new(
            Some(true),
            FreshReason::WithinObjective,
            format!("newest point {point}"),
        )
        .until(turns),
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
    let rpo = state.timing.interval(spec.objective.rpo.get());
    match passed.or_else(|| newest(state)) {
        None => Finding::new(None, VerifiedReason::NoBackupYet, "no backup is complete yet"),
        Some((_, point)) if now >= point + rpo => {
            let what = match passed {
                Some((backup, _)) => format!("{} is the newest backup that passed", backup.name),
                None => "no backup passed".to_owned(),
            };
            let message = format!(
                "{what} `{}`, and `objective.rpo` is {}",
                level_name(level),
                spec.objective.rpo
            );
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
