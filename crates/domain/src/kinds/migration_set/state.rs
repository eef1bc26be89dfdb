//! The state of one MigrationSet when a decision is made.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    sync::Arc,
    time::Duration,
};

use ace_api::{Database, DriftField, MigrationEvent, MigrationSet, MigrationSetStatus, MigrationTarget, PlanStatus};
use jiff::Timestamp;
use kube::ResourceExt;

use super::{
    assessment::Assessment,
    attempts::Attempts,
    backup::Backups,
    step::{Blocker, Refusal, StepError, SyntaxCheck},
};
use crate::{
    inputs,
    kinds::platform::DatabaseFailure,
    reconcile::{refusals::Refusals, timing::Timing},
    sql::{Catalogue, File, Folder, Script, ScriptError, Version},
};

/// The observed state and what the status remembers.
#[derive(Clone, Debug)]
pub struct State {
    pub timing: Timing,
    pub began: Timestamp,
    /// When the operator started watching.
    pub watching_since: Timestamp,
    /// The status as it was last written, updated by the results of steps.
    pub memo: MigrationSetStatus,
    pub platform: PlatformState,
    pub source: SourceState,
    /// What a plan may have to wait for.
    pub backups: Backups,
    /// Parsed files by digest: only those that are pending.
    pub scripts: BTreeMap<String, Result<Arc<Script>, ScriptError>>,
    /// The server's syntax check of statements that our parser can't read, by statement.
    pub answers: BTreeMap<String, SyntaxCheck>,
    /// This reconcile holds the database's lock.
    pub locked: bool,
    /// The step that wrote last, until its effect was observed.
    pub unseen: Option<&'static str>,
    /// Names of the steps that wrote in this reconcile. A write whose effect is not observed afterwards is not repeated.
    pub written_steps: BTreeSet<&'static str>,
    /// The plan of the current run was stored, and the schema snapshot before it was taken.
    pub prepared: bool,
    /// What the status shows during a run: it is not written for every file.
    pub announced: Option<Announced>,
    /// The schema snapshot after a run was taken, or tried, in this reconcile.
    pub snapshot_taken: bool,
    /// What stopped a run whose session is still open.
    pub stop: Option<Stop>,
    /// What is not in status: lost with the process.
    pub memory: Memory,
    pub step_error: Option<StepError>,
}

/// What the status shows of the current run.
#[derive(Clone, Debug, PartialEq)]
pub struct Announced {
    /// When the status was written with it.
    pub at: Timestamp,
    pub counts: Counts,
    /// Files ran, and the schema snapshot after the run is pending.
    pub snapshot_pending: bool,
    /// The history until then.
    pub history: Vec<MigrationEvent>,
}

/// The counts of files and versions in a status.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Counts {
    /// The highest version in the ledger; if the ledger regressed, the highest one before.
    pub head: Option<String>,
    pub applied: Option<i32>,
    /// Files that are to be run or recorded.
    pub pending: Option<i32>,
    /// Versions in the ledger without a file, if there are any.
    pub unknown: Option<i32>,
    /// Applied files whose statements are in no ledger, if there are any.
    pub unverified: Option<i32>,
    /// What would run, or is being run.
    pub plan: Option<PlanStatus>,
}

pub type PlatformState = inputs::PlatformState<PlatformFacts>;
pub type SourceState = inputs::SourceState<Arc<Folder>>;

/// What a set of migrations needs to know of its Platform.
#[derive(Clone, Debug, PartialEq)]
pub struct PlatformFacts {
    pub project: String,
    /// `spec.interval` of the Platform, not scaled.
    pub interval: Duration,
    pub suspended: bool,
    pub database: Option<Box<Database>>,
    /// Database and schemas in one text: an observation of another place is not used.
    pub place: String,
}

impl inputs::PlatformFacts for PlatformFacts {
    fn interval(&self) -> Duration {
        self.interval
    }

    fn is_suspended(&self) -> bool {
        self.suspended
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct Observation {
    pub at: Timestamp,
    /// What was observed: see [`PlatformFacts::place`].
    pub place: String,
    pub target: MigrationTarget,
    /// When the server last started, after a crash too: only compared with itself.
    pub server_start: String,
    /// What time it was by the server's clock: how old a backup is counts by that.
    pub server_time: Timestamp,
    /// Version of the form in which this operator describes schemas.
    pub form: i32,
    /// Versions in the Supabase CLI's ledger; empty also where there is no ledger.
    pub ledger: BTreeMap<String, LedgerRow>,
    /// Schema `ace_ops`; `None` if it does not exist.
    pub operator_schema: Option<OperatorSchema>,
    /// What the risks of a plan depend on.
    pub catalogue: Arc<Catalogue>,
    pub schema: SchemaObservation,
}

/// A row of the Supabase CLI's ledger.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LedgerRow {
    /// What was run, as the CLI splits a file; `None` when nobody recorded it, or when our own ledger knows the bytes of this version:
    /// they are megabytes.
    pub statements: Option<Vec<String>>,
    /// The name of the file, as the CLI records it; `None` where the statements are not read either.
    pub name: Option<String>,
}

/// What is in the schema `ace_ops` of the database.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct OperatorSchema {
    /// A newer operator wrote them: nothing else of them can be read.
    pub newer: bool,
    /// Which set they belong to.
    pub owner: Option<Owner>,
    /// What was applied, by version.
    pub rows: BTreeMap<String, OwnRow>,
    /// Files of several transactions that stopped half-way: version and digest of the file when they began.
    pub half: BTreeMap<String, String>,
    pub plan: Option<StoredPlan>,
    pub reference: Option<ReferenceState>,
}

impl OperatorSchema {
    /// Nothing was ever run, and nothing recorded.
    pub fn is_unused(&self) -> bool {
        self.rows.is_empty() && self.half.is_empty()
    }
}

/// The MigrationSet that a database belongs to.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Owner {
    pub namespace: String,
    pub name: String,
}

impl Owner {
    pub fn of(object: &MigrationSet) -> Self {
        Self {
            namespace: object.namespace().unwrap_or_default(),
            name: object.name_any(),
        }
    }
}

impl fmt::Display for Owner {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}", self.namespace, self.name)
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct OwnRow {
    /// Of the file: see [`File::has_digest`](crate::sql::File::has_digest).
    pub sha256: String,
    /// When it was recorded, by the server's clock: distinguishes one run of a version from the next.
    pub time: Timestamp,
}

/// The plan of a run, stored before its first file.
#[derive(Clone, Debug, PartialEq)]
pub struct StoredPlan {
    /// Its digest, which approvals name.
    pub digest: String,
    /// System identifier of the cluster that it was made for.
    pub system_identifier: String,
    /// Timeline of the cluster that it was made for.
    pub timeline: i64,
    /// OID of the database that it was made for.
    pub database_oid: i64,
    /// Version and [`mark`](super::Item::mark) of each file, in order.
    pub items: Vec<(String, String)>,
}

/// The reference that the live schema is compared with.
#[derive(Clone, Debug, PartialEq)]
pub struct ReferenceState {
    pub digest: String,
    /// The schema snapshot after a run is pending.
    pub snapshot_pending: bool,
    /// Schemas that it covers, ordered.
    pub schemas: Vec<String>,
    /// Major version of the server that described it: another one describes the same object differently.
    pub server_major: i32,
    /// Version of the form in which it is described.
    pub form: i32,
}

#[derive(Clone, Debug, PartialEq)]
pub enum SchemaObservation {
    /// Another session holds a lock on it.
    Busy,
    Taken {
        digest: String,
        objects: usize,
        /// Number of objects that a user created: a new database has grants only.
        made: usize,
        /// How it differs from the reference; empty where there is none.
        differences: Vec<DriftField>,
        /// How many differ besides, which `spec.drift.ignore` names.
        ignored: usize,
        /// Value of the cheap change check when it was read: while it is the same, so is the schema.
        gate: String,
    },
}

/// Memory of one object. It is lost with the process: everything in it can be observed again, or is in the status.
#[derive(Clone, Debug, Default)]
pub struct Memory {
    pub observation: Option<Arc<Observation>>,
    /// The last observation, if it failed.
    pub failed_observation: Option<FailedObservation>,
    /// Attempts in a row that were stopped by a lock.
    pub blocked: u32,
    /// Runs of one file that failed and may succeed.
    pub attempts: Option<Attempts>,
    /// The risks of the files that were pending last.
    pub assessment: Option<Arc<Assessment>>,
}

impl Memory {
    /// With what the status remembers, where a process has just begun.
    #[must_use]
    pub fn with_status(self, status: Option<&MigrationSetStatus>) -> Self {
        if self.observation.is_some() || self.attempts.is_some() {
            return self;
        }
        let retry = status.and_then(|status| status.retry.as_ref());
        Self {
            attempts: retry.and_then(Attempts::kept),
            ..self
        }
    }

    /// An attempt at this file took the session with it: the next one has to tell which statement does.
    pub fn has_lost_a_session(&self, file: &File) -> bool {
        let attempts = self.attempts.as_ref();
        let attempts = attempts.filter(|attempts| attempts.are_at(file.version.as_str(), &file.sha256));
        attempts.is_some_and(Attempts::have_lost_a_session)
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct FailedObservation {
    pub at: Timestamp,
    /// What was observed: see [`PlatformFacts::place`].
    pub place: String,
    pub step_error: DatabaseFailure,
    /// How often in a row the operator was refused to read the Secrets, this time included.
    pub refusals: Refusals,
}

/// What stopped a run whose session is still open.
#[derive(Clone, Debug, PartialEq)]
pub enum Stop {
    /// Other sessions hold a lock that a statement of this version needs.
    Blocked(Version, Vec<Blocker>),
    Refused(Refusal),
}

impl State {
    /// The last observation, if it was of the database that the Platform names now.
    pub fn observation(&self) -> Option<&Observation> {
        let PlatformState::Present(platform) = &self.platform else {
            return None;
        };
        let observation = self.memory.observation.as_deref()?;
        (observation.place == platform.place).then_some(observation)
    }

    /// A right is missing that may be there a moment later.
    pub(super) fn is_right_doubted(&self) -> bool {
        let failed = self.memory.failed_observation.as_ref();
        failed.is_some_and(|failed| failed.refusals.are_doubted())
    }

    /// Files ran, and the schema snapshot after the run is pending.
    pub(super) fn is_snapshot_pending(&self) -> bool {
        self.observation().is_some_and(Observation::is_snapshot_pending)
    }

    /// The files, if they could be read.
    pub fn folder(&self) -> Option<&Arc<Folder>> {
        self.source.content()
    }

    /// When the database was last observed; before the first observation: when the operator started watching.
    pub fn seen(&self) -> Timestamp {
        self.observation().map_or(self.watching_since, |observation| {
            observation.at.max(self.watching_since)
        })
    }

    /// The database was not observed for three intervals.
    pub fn is_lost(&self, now: Timestamp) -> bool {
        match &self.platform {
            PlatformState::Present(platform) => self.timing.is_lost(self.seen(), platform.interval, now),
            PlatformState::Absent => false,
        }
    }
}

impl Observation {
    /// The reference of the schema, if it was stored.
    pub(super) fn reference(&self) -> Option<&ReferenceState> {
        self.operator_schema.as_ref()?.reference.as_ref()
    }

    pub(super) fn stored_plan(&self) -> Option<&StoredPlan> {
        self.operator_schema.as_ref()?.plan.as_ref()
    }

    /// The reference was described by another server version or in another form than the live schema: the two can't be
    /// compared.
    pub(super) fn is_reworded(&self) -> bool {
        self.reference().is_some_and(|reference| {
            (reference.server_major, reference.form) != (self.target.server_major(), self.form)
        })
    }

    /// Files ran, and the schema snapshot after the run is pending.
    pub(super) fn is_snapshot_pending(&self) -> bool {
        self.reference().is_some_and(|reference| reference.snapshot_pending)
    }
}
