//! One Backup: its state, the decision, and the status.
//!
//! ```text
//! Begin (recorded first) ─▶ task Make ─▶ task Verify ─▶ task Copy … ─▶ Complete
//!    ▲                         │ lost with its process
//!    └──── no manifest ◀── Look ──▶ a manifest: it is complete
//! ```
//! What is done is in the status; what is being done is a task of this process. Where neither says what became of a run, the
//! store does: a manifest is written last.

mod decide;
mod drift;
mod events;
mod inputs;
mod messages;
mod status;
mod update;

#[cfg(test)]
mod tests;

use std::{collections::BTreeMap, time::Duration};

use ace_api::{
    Archive, Backup, BackupCopy, BackupProgress, BackupReason, BackupRun, BackupStatus, Snapshot, VerificationLevel,
};
use jiff::Timestamp;

use crate::kinds::backup_destination::Presence;
use crate::kinds::backup_schedule::backup_facts;
use crate::kinds::migration_set::Blocker;
use crate::reconcile::{
    dependency::{Dependency, Facts},
    event::Event,
    key::Key,
    kind,
    refusals::Refusals,
    timing::Timing,
};

pub use decide::decide;
pub use events::events;
pub use inputs::{inputs, proved};
pub use messages::{busy, database, dropped};
pub use status::status;
use update::update;
pub use update::{infer, may_be_finished};

pub type Decision = crate::reconcile::decision::Decision<Step, BackupReason>;
pub type Cause = crate::reconcile::decision::Cause<BackupReason>;

#[derive(Clone, Debug)]
pub struct State {
    pub timing: Timing,
    /// When this pass began.
    pub began: Timestamp,
    /// The status as it was last written, with what was learned since.
    pub memo: BackupStatus,
    /// Name of this process.
    pub worker: String,
    /// Id for a new run; no other run of this object has it.
    pub fresh_id: String,
    pub inputs: Inputs,
    /// Why a destination's copy may not be what it was, as the destination says.
    pub suspicions: BTreeMap<String, String>,
    /// What this process does for the object; of the run that the memo names.
    pub task: Option<Task>,
    /// When a Restore last proved the content of what is stored.
    pub proved: Option<Timestamp>,
    pub memory: Memory,
    /// Nobody has a manifest of the run that the memo names.
    pub has_no_manifest: bool,
    /// Another worker makes the run that the memo names.
    pub is_being_made: bool,
    /// The task was asked to end.
    pub is_stopping: bool,
    pub step_error: Option<StepError>,
}

/// What schedule, Platform and destinations say.
#[derive(Clone, Debug, PartialEq)]
pub enum Inputs {
    Usable(Plan),
    /// Nothing can be done before somebody changes one of them.
    Waiting(Cause),
    /// `spec.suspend` of one of them is true.
    Suspended(Cause),
}

/// How the backup is to be made, as far as decisions need it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Plan {
    /// Most attempts.
    pub attempts: i32,
    /// The level that it has to pass, as far as what the schedule names allows it; none of an import.
    pub verify: Option<VerificationLevel>,
    /// What it would take to verify all that the schedule asks for.
    pub unverifiable: Option<String>,
    /// The schedule names an identity.
    pub has_identity: bool,
    /// Where to; the first that answers takes the stream.
    pub destinations: Vec<Place>,
}

/// A destination of the schedule.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Place {
    pub destination: String,
    /// The backup is not ready without this copy.
    pub required: bool,
}

/// Long work of this process.
#[derive(Clone, Debug, PartialEq)]
pub enum Task {
    Queued(Job),
    Running(Job, Option<BackupProgress>),
    Ended(Job, Outcome),
}

/// What a task does.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Job {
    /// Dumps the database into the first destination that answers.
    Make,
    /// Reads what is stored, up to this level.
    Verify(VerificationLevel),
    /// Copies it to this destination.
    Copy(String),
}

pub type Outcome = Result<Done, TaskError>;

/// What a task has done.
#[derive(Clone, Debug, PartialEq)]
pub enum Done {
    Made(Box<Made>),
    /// It passed this level at this time.
    Verified(VerificationLevel, Timestamp),
    /// It is in this destination, at this path.
    Copied {
        destination: String,
        path: String,
    },
}

/// What the manifest of a complete backup says.
#[derive(Clone, Debug, PartialEq)]
pub struct Made {
    pub snapshot: Snapshot,
    pub archive: Archive,
    /// The destination that took the stream.
    pub destination: String,
    /// The directory there, below the prefix.
    pub path: String,
}

/// Why a task did not do what it was started for.
#[derive(Clone, Debug, PartialEq)]
pub struct TaskError {
    pub problem: Problem,
    /// A sentence without its full stop, in lower case, without any value of a row or a Secret.
    pub message: String,
}

/// What kept a task from its end, and so what is to be done about it.
#[derive(Clone, Debug, PartialEq)]
pub enum Problem {
    /// The database's lock belongs to another session; nothing was begun.
    Busy(Option<Blocker>),
    /// Asked to end: by the user, a suspension or a shutdown.
    Stopped,
    /// Something is missing, and may come; nothing was begun. The reason says what.
    Obstacle(BackupReason),
    /// The attempt failed, and another one may not: with this reason where it was the last.
    Failed(BackupReason),
    /// Another attempt would fail in the same way.
    Final(BackupReason),
}

/// What a pass remembers of a backup.
#[derive(Clone, Debug, Default)]
pub struct Memory {
    /// How often in a row the operator was refused to read a Secret.
    pub refusals: Refusals,
    /// Why the last task was not begun, and when it is started again.
    pub put_off: Option<PutOff>,
    /// Tasks in a row that came to nothing.
    pub failures: u32,
    /// Copies that failed: how often in a row, and when each is tried again.
    pub copies: BTreeMap<String, (u32, Timestamp)>,
    /// Copies that were looked at, and why.
    pub checked: BTreeMap<String, Option<String>>,
    /// How often in a row a copy could not be looked at, and when it is tried again.
    pub unchecked: Option<(u32, Timestamp)>,
    /// When this process met it first.
    pub first: Option<Timestamp>,
    /// When the identity is tried next on what is stored.
    pub audit: Option<Timestamp>,
    /// The memo at the end of the last pass: the status that has all of it may not have been written.
    pub learned: Option<BackupStatus>,
}

impl Memory {
    /// What is known of the run that `status` names: as it was written, with what was learned since.
    pub fn memo(&self, status: Option<&BackupStatus>) -> BackupStatus {
        let status = status.cloned().unwrap_or_default();
        let run = |status: &BackupStatus| status.run.as_ref().map(|run| run.id.clone());
        match &self.learned {
            Some(learned) if run(learned) == run(&status) => BackupStatus {
                common: status.common,
                ..learned.clone()
            },
            _ => status,
        }
    }
}

/// A task that could not begin.
#[derive(Clone, Debug, PartialEq)]
pub struct PutOff {
    /// The run that it is of. Another worker may have begun another one since.
    pub run: Option<String>,
    pub cause: Cause,
    pub until: Timestamp,
}

/// One effect.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// Start an attempt; its run is recorded first.
    Begin(BackupRun),
    /// Start the task of the run that is recorded.
    Start(Job),
    /// Ask the task to end.
    Stop,
    /// Look for the manifest of a run that this process did not end, or of an import.
    Look,
    /// Look whether a copy is what was stored.
    Check(BackupCopy),
    /// Try whether the schedule's identity opens what is stored.
    Audit,
    /// Rename the manifest of a copy: nobody takes it for a backup any more.
    Expire(BackupCopy),
}

impl kind::Step for Step {
    fn name(&self) -> &'static str {
        match self {
            Self::Begin(_) => "Begin",
            Self::Start(_) => "Start",
            Self::Stop => "Stop",
            Self::Look => "Look",
            Self::Check(_) => "Check",
            Self::Audit => "Audit",
            Self::Expire(_) => "Expire",
        }
    }

    fn records_first(&self) -> bool {
        matches!(self, Self::Begin(_))
    }
}

/// What a step returned.
#[derive(Clone, Debug, PartialEq)]
pub enum StepResult {
    Started,
    Stopping,
    Looked(Found),
    Checked(Presence),
    Opened,
    Expired,
}

/// What became of a run that this process did not end.
#[derive(Clone, Debug, PartialEq)]
pub enum Found {
    Made(Box<Made>),
    /// A session of its worker has the database's lock.
    BeingMade,
    Nothing,
}

/// Why a step had no result: the same as of a task.
pub type StepError = TaskError;

impl kind::StepError for TaskError {}

#[derive(Debug)]
pub enum Kind {}

impl kind::Kind for Kind {
    const NAME: &'static str = "Backup";

    type Object = Backup;
    type Status = BackupStatus;
    type State = State;
    type Step = Step;
    type StepResult = StepResult;
    type StepError = StepError;
    type Reason = BackupReason;
    type Memory = Memory;

    fn decide(object: &Backup, state: &State, now: Timestamp) -> Decision {
        decide(object, state, now)
    }

    fn update(object: &Backup, state: &mut State, step: &Step, outcome: Result<StepResult, StepError>, now: Timestamp) {
        update(object, state, step, outcome, now);
    }

    fn infer(object: &Backup, state: &mut State, now: Timestamp) {
        infer(object, state, now);
    }

    fn status(object: &Backup, state: &State, decision: &Decision, now: Timestamp) -> BackupStatus {
        status(object, state, decision, now)
    }

    fn memo(state: &mut State) -> &mut BackupStatus {
        &mut state.memo
    }

    fn into_memory(state: State, _: &Decision) -> Memory {
        Memory {
            learned: Some(state.memo),
            ..state.memory
        }
    }

    fn events(before: &BackupStatus, after: &BackupStatus) -> Vec<Event> {
        events(before, after)
    }

    fn wants_finalizer(object: &Backup) -> bool {
        decide::is_kept_from_going(object)
    }

    fn references(object: &Backup) -> Vec<Dependency> {
        let schedule = object.spec.schedule_ref.iter();
        let schedule = schedule.map(|schedule| Dependency::BackupSchedule(Key::beside(object, &schedule.name)));
        let copies = object.status.iter().flat_map(|status| &status.copies);
        let copies = copies.map(|copy| copy.destination.as_str());
        let imported = object.spec.import.iter().map(|import| import.destination.name.as_str());
        let destinations = copies.chain(imported);
        let destinations = destinations.map(|name| Dependency::BackupDestination(Key::beside(object, name)));
        let restores = Dependency::RestoresOf(Key::of(object));
        schedule.chain(destinations).chain([restores]).collect()
    }

    fn facts(object: &Backup) -> Facts {
        backup_facts(object)
    }

    fn is_suspended(_: &Backup) -> bool {
        false
    }

    fn timed_out(_: &Step, after: Duration) -> StepError {
        TaskError {
            problem: Problem::Failed(BackupReason::Failed),
            message: format!("no answer within {} s", after.as_secs()),
        }
    }
}
