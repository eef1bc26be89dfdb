//! What a schedule knows of a Backup.

use std::{collections::BTreeSet, time::Duration};

use ace_api::{
    Backup, BackupClass, BackupCopy, BackupReason, BackupResult, ConditionType, CopyState, DeletionPolicy, FINALIZER,
    Reason as _, ShownBy, VerificationLevel,
};
use jiff::Timestamp;
use kube::ResourceExt;

use super::retention::Stored;
use crate::reconcile::{
    annotations::is_leaving,
    dependency::{Dependency, Fact, Facts},
    key::Key,
    schedule::slot_of,
};

/// A Backup, as far as its schedule's decisions depend on it.
#[derive(Clone, Debug, Default, PartialEq)]
#[allow(clippy::struct_excessive_bools, reason = "facts that are independent of each other")]
pub struct Known {
    pub name: String,
    pub uid: String,
    pub created: Option<Timestamp>,
    pub class: BackupClass,
    pub phase: Phase,
    /// Time of the snapshot.
    pub point: Option<Timestamp>,
    pub bytes: Option<i64>,
    /// How long the attempt took that made it.
    pub took: Option<Duration>,
    pub tables: Option<i64>,
    /// The highest level that it passed.
    pub level: Option<VerificationLevel>,
    /// Destinations with a complete copy.
    pub destinations: BTreeSet<String>,
    /// All of its copies, complete or not.
    pub copies: usize,
    /// Copies that are not what was stored.
    pub lost: Vec<(String, CopyState)>,
    pub is_held: bool,
    /// `spec.deletionPolicy` is `Delete`.
    pub is_expiring: bool,
    /// Its data is deleted before the object is gone.
    pub is_guarded: bool,
    pub is_leaving: bool,
    /// Why it is not complete, where that is more than that it is being made.
    pub said: Option<(BackupReason, String)>,
}

#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Phase {
    /// It is being made, or waits.
    #[default]
    Running,
    /// It is stored.
    Stored,
    /// It is stored, and is no backup: it did not pass.
    Condemned,
    /// Every attempt failed, or it was cancelled.
    Failed,
}

impl Known {
    pub fn of(object: &Backup) -> Self {
        let status = object.status.as_ref();
        let (spec, reason) = (&object.spec, said(object));
        let archive = status.and_then(|status| status.archive.as_ref());
        let copies = status.map_or(&[][..], |status| &status.copies);
        let phase = match reason.as_ref().map(|(reason, _)| *reason) {
            Some(reason) if archive.is_some() && condemns(reason) => Phase::Condemned,
            _ if archive.is_some() => Phase::Stored,
            Some(reason) if reason.shown_by() == ShownBy::Stalled => Phase::Failed,
            _ => Phase::Running,
        };
        let with = |states: &[CopyState]| {
            copies
                .iter()
                .filter(|copy| states.contains(&copy.state))
                .cloned()
                .collect::<Vec<_>>()
        };
        let name = |copy: BackupCopy| copy.destination;
        Self {
            name: object.name_any(),
            uid: object.uid().unwrap_or_default(),
            created: object.creation_timestamp().map(|time| time.0),
            class: spec.class,
            phase,
            point: status
                .and_then(|status| status.snapshot.as_ref())
                .map(|snapshot| snapshot.time),
            bytes: archive.map(|archive| archive.bytes),
            took: archive.and_then(|archive| Some(archive.duration.parse::<ace_api::Duration>().ok()?.get())),
            tables: archive.map(|archive| archive.tables),
            level: status.and_then(|status| status.verified.iter().map(|passed| passed.level).max()),
            destinations: with(&[CopyState::Complete]).into_iter().map(name).collect(),
            copies: copies.len(),
            lost: with(&[CopyState::Missing, CopyState::Changed])
                .into_iter()
                .map(|copy| (copy.destination, copy.state))
                .collect(),
            is_held: spec.hold.is_some(),
            is_expiring: spec.deletion_policy == DeletionPolicy::Delete,
            is_guarded: object.finalizers().iter().any(|name| name == FINALIZER),
            is_leaving: is_leaving(object),
            said: reason.filter(|(reason, _)| phase != Phase::Running || is_told(*reason)),
        }
    }

    /// A Backup that was created a moment ago.
    pub fn made(name: &str, uid: String, now: Timestamp) -> Self {
        Self {
            name: name.to_owned(),
            uid,
            created: Some(now),
            class: BackupClass::Scheduled,
            ..Self::default()
        }
    }

    pub fn is_scheduled(&self) -> bool {
        self.class == BackupClass::Scheduled
    }

    /// It is being made for a slot.
    pub fn is_running(&self) -> bool {
        self.is_scheduled() && self.phase == Phase::Running && !self.is_leaving
    }

    /// The slot that it was made for, if it was made for one of this schedule.
    pub fn slot(&self, schedule: &str) -> Option<Timestamp> {
        let stamp = self.name.strip_prefix(schedule)?.strip_prefix('-')?;
        slot_of(stamp).filter(|_| self.is_scheduled())
    }

    pub fn result(&self) -> BackupResult {
        match self.phase {
            Phase::Running => BackupResult::Running,
            Phase::Stored => BackupResult::Complete,
            Phase::Condemned | Phase::Failed => BackupResult::Failed,
        }
    }

    /// A database can be restored from it, and it passed this level.
    pub fn passed(&self, level: VerificationLevel) -> bool {
        self.phase == Phase::Stored && self.level >= Some(level)
    }

    /// What retention has to know of it; nothing of one that is not stored.
    pub fn stored(&self, level: VerificationLevel, needed_by: Option<&String>) -> Option<Stored> {
        let time = self
            .point
            .filter(|_| matches!(self.phase, Phase::Stored | Phase::Condemned))?;
        Some(Stored {
            name: self.name.clone(),
            time,
            class: self.class,
            is_verified: self.passed(level),
            is_held: self.is_held,
            needed_by: needed_by.cloned(),
            destinations: self.destinations.clone(),
            is_expiring: self.is_expiring || self.is_leaving,
        })
    }
}

/// What its schedule depends on of a Backup.
pub fn facts(object: &Backup) -> Facts {
    let schedule = object.spec.schedule_ref.as_ref();
    let schedule = schedule.map(|schedule| Dependency::BackupsOf(Key::beside(object, &schedule.name)));
    // Progress is none of it: nobody is enqueued for that.
    schedule
        .map(|schedule| (schedule, Fact::is(format!("{:?}", Known::of(object)))))
        .into_iter()
        .collect()
}

/// Whether a Backup is the one that this schedule makes for a slot.
pub fn is_own(object: &Backup, schedule: &str) -> bool {
    let named = object.spec.schedule_ref.as_ref();
    object.spec.class == BackupClass::Scheduled && named.is_some_and(|named| named.name == schedule)
}

fn said(object: &Backup) -> Option<(BackupReason, String)> {
    let conditions = &object.status.as_ref()?.common.conditions;
    let ready = ConditionType::Ready.of(conditions)?;
    Some((BackupReason::named(&ready.reason)?, ready.message.clone()))
}

/// What makes a stored backup none.
fn condemns(reason: BackupReason) -> bool {
    matches!(
        reason,
        BackupReason::VerificationFailed
            | BackupReason::Corrupt
            | BackupReason::KeyMismatch
            | BackupReason::SizeDropped
            | BackupReason::RequiredTableEmpty
            | BackupReason::Missing
    )
}

/// What a Backup that is being made waits for, where somebody may want to know.
fn is_told(reason: BackupReason) -> bool {
    matches!(
        reason,
        BackupReason::Retrying | BackupReason::DatabaseUnreachable | BackupReason::SecretMissing
    )
}
