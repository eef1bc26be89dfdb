//! A Backup, and why a plan may not run after it.

use ace_api::{Backup, BackupClass, BackupReason, RequiredBackup, Snapshot};
use jiff::SignedDuration;

use super::{backup::Request, state::Observation};
use crate::kinds::backup_schedule::{Known, Phase};

/// A Backup by which a plan may run.
#[derive(Clone, Debug, PartialEq)]
pub struct Candidate {
    pub known: Known,
    pub snapshot: Option<Snapshot>,
    /// Name of its BackupSchedule.
    pub schedule: Option<String>,
    /// `spec.reason`.
    pub reason: String,
}

/// Why a plan may not run after a Backup.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Flaw {
    Unfinished,
    Failed,
    /// It is being deleted, or no copy of it is left.
    Gone,
    OtherDatabase,
    BeforeLastFile,
    TooOld,
    Unverified,
}

impl Flaw {
    /// What a Backup is that has it.
    pub(super) fn says(self) -> &'static str {
        match self {
            Self::Unfinished => "not complete",
            Self::Failed => "no backup",
            Self::Gone => "gone",
            Self::OtherDatabase => "of another database",
            Self::BeforeLastFile => "from before the last applied file",
            Self::TooOld => "older than `requires.backup.maxAge`",
            Self::Unverified => "not verified to the level in `requires.backup.verified`",
        }
    }
}

impl Candidate {
    pub fn of(object: &Backup) -> Self {
        Self {
            known: Known::of(object),
            snapshot: object.status.as_ref().and_then(|status| status.snapshot.clone()),
            schedule: object.spec.schedule_ref.as_ref().map(|schedule| schedule.name.clone()),
            reason: object.spec.reason.clone(),
        }
    }

    /// A database can still be restored from it. What its run changes does not make it one that is not.
    pub fn is_there(&self) -> bool {
        self.loss().is_none()
    }

    fn loss(&self) -> Option<Flaw> {
        match self.known.phase {
            _ if self.known.is_leaving => Some(Flaw::Gone),
            Phase::Running => Some(Flaw::Unfinished),
            Phase::Condemned if self.is_said(BackupReason::Missing) => Some(Flaw::Gone),
            Phase::Failed | Phase::Condemned => Some(Flaw::Failed),
            Phase::Stored if self.known.destinations.is_empty() => Some(Flaw::Gone),
            Phase::Stored => None,
        }
    }

    /// Why a plan may not run after it. `locked`: the observation is from under the lock, so no snapshot is newer.
    pub(super) fn flaw(&self, required: &RequiredBackup, observation: &Observation, locked: bool) -> Option<Flaw> {
        if let Some(loss) = self.loss() {
            return Some(loss);
        }
        let Some(snapshot) = &self.snapshot else {
            return Some(Flaw::Unfinished);
        };
        let target = &observation.target;
        let is_of_target = (&snapshot.system_identifier, snapshot.timeline, &snapshot.database)
            == (&target.system_identifier, target.timeline, &target.database);
        let age = observation.server_time.duration_since(snapshot.time);
        let max_age = SignedDuration::try_from(required.max_age.get()).unwrap_or(SignedDuration::MAX);
        if !is_of_target {
            Some(Flaw::OtherDatabase)
        } else if !follows_the_ledger(snapshot, observation) {
            Some(Flaw::BeforeLastFile)
        } else if age > max_age || locked && age.is_negative() {
            Some(Flaw::TooOld)
        } else if !self.known.passed(required.verified.level()) {
            Some(Flaw::Unverified)
        } else {
            None
        }
    }

    /// It is stored, and may still pass a higher level.
    pub(super) fn is_being_verified(&self) -> bool {
        !self.is_said(BackupReason::Complete)
    }

    fn is_said(&self, wanted: BackupReason) -> bool {
        self.known.said.as_ref().is_some_and(|(reason, _)| *reason == wanted)
    }

    /// It was made for the plan that `request` is for.
    pub fn is_of(&self, request: &Request) -> bool {
        self.known.class == BackupClass::PreMigration
            && self.schedule.as_ref() == Some(&request.schedule)
            && self.reason == request.reason
    }
}

/// Nothing was applied since the snapshot. The head alone does not tell: a late file leaves it as it is, and the times of our own
/// rows do.
fn follows_the_ledger(snapshot: &Snapshot, observation: &Observation) -> bool {
    let own = observation.operator_schema.as_ref();
    let last = own.and_then(|own| own.rows.values().map(|row| row.time).max());
    snapshot.head.as_ref() == observation.ledger.keys().next_back() && last.is_none_or(|last| last <= snapshot.time)
}
