//! All that is known about one set of migrations when a decision is made.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    sync::Arc,
    time::Duration,
};

use ace_api::{Database, DriftField, MigrationEvent, MigrationSet, MigrationSetStatus, PlanStatus};
use jiff::Timestamp;
use kube::ResourceExt;

use super::{
    plan::Target,
    step::{Blocker, Refusal, StepError, SyntaxCheck},
};
use crate::{
    kinds::platform::DatabaseFailure,
    reconcile::inputs,
    reconcile::timing::Timing,
    sql::{Folder, Script, ScriptError, Version},
};

/// What is known of the outside, what was remembered in status included.
#[derive(Clone, Debug)]
pub struct State {
    /// Constants of time.
    pub timing: Timing,
    /// When this pass began.
    pub began: Timestamp,
    /// When the operator began to watch.
    pub watching_since: Timestamp,
    /// The status as it was last written; what a step teaches is noted in it.
    pub memo: MigrationSetStatus,
    /// The Platform that names the database.
    pub platform: PlatformState,
    /// The files.
    pub source: SourceState,
    /// Files that were read, by digest: only those that are pending.
    pub scripts: BTreeMap<String, Result<Arc<Script>, ScriptError>>,
    /// What the server says of statements that our parser can't read, by statement.
    pub answers: BTreeMap<String, SyntaxCheck>,
    /// This pass holds the database's lock.
    pub locked: bool,
    /// The step that wrote last, while nobody has looked at what it wrote.
    pub unseen: Option<&'static str>,
    /// Names of the steps that wrote in this pass. What was written and is not seen afterwards is not written again.
    pub written_steps: BTreeSet<&'static str>,
    /// The list of the run under way was stored, and the schema before it looked at.
    pub prepared: bool,
    /// What the status shows while a run goes on: not each file is worth a write.
    pub announced: Option<Announced>,
    /// The look behind a run was made, or tried, in this pass.
    pub snapshot_taken: bool,
    /// What stopped a run whose session still stands.
    pub stop: Option<Stop>,
    /// Memory that is lost with the process.
    pub memory: Memory,
    /// Why the last step taught nothing.
    pub step_error: Option<StepError>,
}

/// What the status shows of a run under way.
#[derive(Clone, Debug, PartialEq)]
pub struct Announced {
    /// Since when it is shown.
    pub at: Timestamp,
    /// Files and ledgers.
    pub counts: Counts,
    /// Files ran, and the look behind them is due.
    pub snapshot_pending: bool,
    /// What was done until then.
    pub history: Vec<MigrationEvent>,
}

/// Files and ledgers, as a status counts them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Counts {
    /// The highest version in the ledger; where it went back, the one from which it did.
    pub head: Option<String>,
    /// Files that are applied.
    pub applied: Option<i32>,
    /// Files that are to be run or recorded.
    pub pending: Option<i32>,
    /// Versions in the ledger without a file, if there are any.
    pub unknown: Option<i32>,
    /// Applied files whose statements nobody recorded, if there are any.
    pub unverified: Option<i32>,
    /// What would run, or is being run.
    pub plan: Option<PlanStatus>,
}

/// The Platform, as far as its migrations care.
pub type PlatformState = inputs::PlatformState<PlatformFacts>;
/// The files.
pub type SourceState = inputs::SourceState<Arc<Folder>>;

/// What a set of migrations needs to know of its Platform.
#[derive(Clone, Debug, PartialEq)]
pub struct PlatformFacts {
    /// Reference of the project.
    pub project: String,
    /// The users' interval, not scaled.
    pub interval: Duration,
    /// `spec.suspend` of the Platform.
    pub suspended: bool,
    /// The database that the Platform names.
    pub database: Option<Box<Database>>,
    /// Database and schemas in one text: a look at another place says nothing.
    pub place: String,
}

/// What one look at the database showed.
#[derive(Clone, Debug, PartialEq)]
pub struct Observation {
    /// When it was asked.
    pub at: Timestamp,
    /// What was asked: see [`PlatformFacts::place`].
    pub place: String,
    /// Which database answered.
    pub target: Target,
    /// In which form this operator describes schemas.
    pub form: i32,
    /// Versions in the Supabase CLI's ledger; empty also where there is no ledger.
    pub ledger: BTreeMap<String, LedgerRow>,
    /// Our own books; `None` where there are none.
    pub operator_schema: Option<OperatorSchema>,
    /// Tables that are not small, as (schema, name).
    pub large: BTreeSet<(String, String)>,
    /// The schema.
    pub schema: SchemaObservation,
}

/// A row of the Supabase CLI's ledger.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LedgerRow {
    /// What was run, as the CLI splits a file; `None` when nobody recorded it, or when our own books know the bytes of this version:
    /// they are megabytes.
    pub statements: Option<Vec<String>>,
}

/// Our own books in the database: what is in its schema `ace_ops`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct OperatorSchema {
    /// A newer operator wrote them: nothing else of them can be read.
    pub newer: bool,
    /// Which set they belong to.
    pub owner: Option<Owner>,
    /// What was applied, by version.
    pub rows: BTreeMap<String, OwnRow>,
    /// Files of several transactions that stopped half-way: version and digest of the bytes when they began.
    pub half: BTreeMap<String, String>,
    /// The list of the last run.
    pub plan: Option<StoredPlan>,
    /// What the schema should be.
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
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
}

impl Owner {
    /// This set.
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

/// One applied version.
#[derive(Clone, Debug, PartialEq)]
pub struct OwnRow {
    /// Of the file's bytes: see [`File::sha256`](crate::script::File::sha256).
    pub sha256: String,
    /// When it was noted, by the server's clock: what tells one run of a version from the next.
    pub time: Timestamp,
}

/// The list of a run, stored before its first file.
#[derive(Clone, Debug, PartialEq)]
pub struct StoredPlan {
    /// Its digest, which approvals name.
    pub digest: String,
    /// Of the cluster that it was made for.
    pub system_identifier: String,
    /// Of the cluster that it was made for.
    pub timeline: i64,
    /// Of the database that it was made for.
    pub database_oid: i64,
    /// Version and [`mark`](super::Item::mark) of each file, in order.
    pub items: Vec<(String, String)>,
}

/// The reference that the live schema is compared with.
#[derive(Clone, Debug, PartialEq)]
pub struct ReferenceState {
    /// Its digest.
    pub digest: String,
    /// A run's look behind it is due.
    pub snapshot_pending: bool,
    /// Schemas that it covers, ordered.
    pub schemas: Vec<String>,
    /// Major version of the server that described it: another one words things differently.
    pub server_major: i32,
    /// In which form it is described: another one says other things of an object.
    pub form: i32,
}

/// The live schema.
#[derive(Clone, Debug, PartialEq)]
pub enum SchemaObservation {
    /// Somebody holds a lock on it.
    Busy,
    /// It was read.
    Taken {
        /// Its digest.
        digest: String,
        /// Its objects.
        objects: usize,
        /// Those of them that somebody made: a new database has grants and nothing else.
        made: usize,
        /// How it differs from the reference; empty where there is none.
        differences: Vec<DriftField>,
        /// What the cheap gate said when it was read.
        gate: String,
    },
}

/// Memory of one object that is lost with the process; everything in it can be found out again.
#[derive(Clone, Debug, Default)]
pub struct Memory {
    /// The last good look.
    pub observation: Option<Arc<Observation>>,
    /// The last look, if it was in vain.
    pub failed_observation: Option<FailedObservation>,
    /// Attempts in a row that a lock has stopped.
    pub blocked: u32,
}

/// A look in vain.
#[derive(Clone, Debug, PartialEq)]
pub struct FailedObservation {
    /// When it was made.
    pub at: Timestamp,
    /// What was asked: see [`PlatformFacts::place`].
    pub place: String,
    /// Why it was in vain.
    pub step_error: DatabaseFailure,
}

/// What stopped a run whose session still stands.
#[derive(Clone, Debug, PartialEq)]
pub enum Stop {
    /// Others hold what a statement of this version needs.
    Blocked(Version, Vec<Blocker>),
    /// The database refuses a file.
    Refused(Refusal),
}

impl State {
    /// The last look, if it was at the database that the Platform names now.
    pub fn observation(&self) -> Option<&Observation> {
        let PlatformState::Present(platform) = &self.platform else {
            return None;
        };
        let observation = self.memory.observation.as_deref()?;
        (observation.place == platform.place).then_some(observation)
    }

    /// Files ran, and the look behind them is due.
    pub(super) fn is_snapshot_pending(&self) -> bool {
        self.observation().is_some_and(Observation::is_snapshot_pending)
    }

    /// The files, if they could be read.
    pub fn folder(&self) -> Option<&Arc<Folder>> {
        self.source.content()
    }

    /// When the database was last seen; before the first look: since when we watch.
    pub fn seen(&self) -> Timestamp {
        self.observation().map_or(self.watching_since, |observation| {
            observation.at.max(self.watching_since)
        })
    }

    /// The Platform's interval, at the pace of this process.
    pub fn interval(&self) -> Duration {
        match &self.platform {
            PlatformState::Present(platform) => self.timing.interval(platform.interval),
            PlatformState::Absent => self.timing.backoff_most(),
        }
    }

    /// The database was not seen for three intervals.
    pub fn is_lost(&self, now: Timestamp) -> bool {
        match &self.platform {
            PlatformState::Present(platform) => now > self.seen() + self.timing.lost_after(platform.interval),
            PlatformState::Absent => false,
        }
    }
}

impl Observation {
    /// The reference is described in other words than the live schema, so that nothing can be compared.
    pub(super) fn is_reworded(&self) -> bool {
        let reference = self
            .operator_schema
            .as_ref()
            .and_then(|operator_schema| operator_schema.reference.as_ref());
        reference
            .is_some_and(|reference| (reference.server_major, reference.form) != (self.target.server_major, self.form))
    }

    /// Files ran, and the look behind them is due.
    pub(super) fn is_snapshot_pending(&self) -> bool {
        let reference = self
            .operator_schema
            .as_ref()
            .and_then(|operator_schema| operator_schema.reference.as_ref());
        reference.is_some_and(|reference| reference.snapshot_pending)
    }
}
