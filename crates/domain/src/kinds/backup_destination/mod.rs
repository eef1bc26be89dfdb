//! One BackupDestination: its state, the decision, and the status.

mod claim;
mod decide;
mod inventory;
mod status;

#[cfg(test)]
mod tests;

use std::time::Duration;

use ace_api::{BackupDestination, DestinationReason, DestinationStatus, StoreCapabilities};
use jiff::Timestamp;

use crate::reconcile::{
    dependency::{Dependency, Facts},
    event::Event,
    kind,
    refusals::Refusals,
    timing::Timing,
};

pub use claim::{Claim, claim, store};
pub use decide::{decide, is_due, update};
pub use inventory::{Inventory, Lost, Presence, suspicion};
pub use status::{events, status};

pub type Decision = crate::reconcile::decision::Decision<Step, DestinationReason>;
pub type Cause = crate::reconcile::decision::Cause<DestinationReason>;

#[derive(Clone, Debug)]
pub struct State {
    pub timing: Timing,
    /// When this pass began.
    pub began: Timestamp,
    /// The status as it was last written.
    pub memo: DestinationStatus,
    /// Why nothing can be asked of the store.
    pub obstacle: Option<Cause>,
    pub claim: Claim,
    pub memory: Memory,
    pub step_error: Option<(Step, StepError)>,
}

/// What a pass remembers of a destination.
#[derive(Clone, Debug, Default)]
pub struct Memory {
    /// How often in a row the operator was refused to read the Secret.
    pub refusals: Refusals,
    /// When this process met it first.
    pub first: Option<Timestamp>,
    pub listed: Option<Listed>,
    /// What the store can do, and by which generation of the spec that was tried.
    pub capabilities: Option<(Option<i64>, StoreCapabilities)>,
    /// Steps that failed after the last list, and why. They are tried again after the next.
    pub put_off: Vec<(Step, String)>,
}

/// What a list showed.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Listed {
    /// When it was asked for.
    pub at: Timestamp,
    /// Backups with a manifest.
    pub backups: u64,
    pub bytes: u64,
    /// When the newest of them was begun.
    pub newest: Option<Timestamp>,
    /// Directories without a manifest.
    pub unfinished: u64,
    /// Objects that are of no backup.
    pub foreign: u64,
    /// The first of them.
    pub foreign_names: Vec<String>,
    /// What Backups have stored and is not there, or is another.
    pub lost: u64,
    /// The first of it.
    pub lost_names: Vec<Lost>,
    /// Complete backups that no Backup names.
    pub unlisted: u64,
    /// The directories of the first of them.
    pub unlisted_paths: Vec<String>,
    /// Something is there that is to be deleted: of a run that nobody writes any more, or of a backup whose time is over.
    pub has_waste: bool,
}

#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Step {
    List,
    /// Write, read and delete objects of our own.
    Probe,
    /// Delete what is to be deleted, and list again.
    Sweep,
    /// Make the Backup of what is stored in this directory.
    Import(String),
}

impl kind::Step for Step {
    fn name(&self) -> &'static str {
        match self {
            Self::List => "List",
            Self::Probe => "Probe",
            Self::Sweep => "Sweep",
            Self::Import(_) => "Import",
        }
    }
}

/// What a step returned.
#[derive(Clone, Debug, PartialEq)]
pub enum StepResult {
    Listed(Listed),
    Probed(StoreCapabilities),
    /// There is a Backup.
    Imported,
}

/// Why a step had no result.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct StepError {
    pub problem: Problem,
    /// A part of a sentence, such as `the store answers 403 (AccessDenied)`.
    pub message: String,
}

/// What a store has against a request.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Problem {
    /// No answer, or one that says "later".
    Unanswered,
    /// No flag allows its host.
    HostNotAllowed,
    /// The key is unknown, or its signature wrong.
    Credentials,
    /// The key may not do this.
    Denied,
    NoBucket,
    Full,
    Clock,
    Refused,
    /// The API server did not take a Backup.
    NotImported,
}

impl kind::StepError for StepError {}

#[derive(Debug)]
pub enum Kind {}

impl kind::Kind for Kind {
    const NAME: &'static str = "BackupDestination";

    type Object = BackupDestination;
    type Status = DestinationStatus;
    type State = State;
    type Step = Step;
    type StepResult = StepResult;
    type StepError = StepError;
    type Reason = DestinationReason;
    type Memory = Memory;

    fn decide(object: &BackupDestination, state: &State, now: Timestamp) -> Decision {
        decide(object, state, now)
    }

    fn update(
        object: &BackupDestination,
        state: &mut State,
        step: &Step,
        outcome: Result<StepResult, StepError>,
        _: Timestamp,
    ) {
        update(object, state, step, outcome);
    }

    fn status(object: &BackupDestination, state: &State, decision: &Decision, now: Timestamp) -> DestinationStatus {
        status(object, state, decision, now)
    }

    fn memo(state: &mut State) -> &mut DestinationStatus {
        &mut state.memo
    }

    fn into_memory(state: State, _: &Decision) -> Memory {
        state.memory
    }

    fn events(before: &DestinationStatus, after: &DestinationStatus) -> Vec<Event> {
        events(before, after)
    }

    fn references(object: &BackupDestination) -> Vec<Dependency> {
        vec![Dependency::Store(store(&object.spec))]
    }

    fn facts(object: &BackupDestination) -> Facts {
        claim::facts(object)
    }

    fn is_suspended(object: &BackupDestination) -> bool {
        object.spec.suspend
    }

    fn timed_out(_: &Step, after: Duration) -> StepError {
        StepError {
            problem: Problem::Unanswered,
            message: format!("no answer within {} s", after.as_secs()),
        }
    }
}
