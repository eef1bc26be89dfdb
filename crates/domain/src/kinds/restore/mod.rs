//! One Restore into scratch: its state, the decision, and the status. It happens once.

mod decide;
mod facts;
mod inputs;
mod status;
mod update;

#[cfg(test)]
mod tests;

use std::time::Duration;

use ace_api::{AssertionResult, Restore, RestorePoint, RestoreReason, RestoreRun, RestoreStatus, RestoreStepName};
use jiff::Timestamp;

use crate::reconcile::{
    dependency::{Dependency, Facts},
    event::Event,
    key::Key,
    kind,
    refusals::Refusals,
    timing::Timing,
};

pub use decide::decide;
pub use facts::{maker, proved};
pub use inputs::inputs;
pub use status::{events, status};
pub use update::infer;
use update::update;

pub type Decision = crate::reconcile::decision::Decision<Step, RestoreReason>;
pub type Cause = crate::reconcile::decision::Cause<RestoreReason>;

/// Most attempts of a restore: what is wrong with a backup stays wrong.
pub const ATTEMPTS: i32 = 3;

#[derive(Clone, Debug)]
pub struct State {
    pub timing: Timing,
    /// The status as it was last written, with what was learned since.
    pub memo: RestoreStatus,
    /// Name of this process.
    pub worker: String,
    /// Id for a new run; no other run of this object has it.
    pub fresh_id: String,
    pub inputs: Inputs,
    /// What this process does for the object; of the run that the memo names.
    pub task: Option<Task>,
    pub memory: Memory,
    /// The task was asked to end.
    pub is_stopping: bool,
}

/// What Backup and Platform say.
#[derive(Clone, Debug, PartialEq)]
pub enum Inputs {
    /// The Backup of this name is restored.
    Usable(String),
    /// Nothing can be done before something changes.
    Waiting(Cause),
    /// `spec.suspend` of the Platform is true.
    Suspended(Cause),
}

/// Long work of this process.
#[derive(Clone, Debug, PartialEq)]
pub enum Task {
    Queued,
    /// What it is doing.
    Running(Option<RestoreStepName>),
    Ended(Outcome),
}

pub type Outcome = Result<Box<Proved>, TaskError>;

/// A backup that was restored, compared and dropped again.
#[derive(Clone, Debug, PartialEq)]
pub struct Proved {
    pub point: RestorePoint,
    /// The steps from the start until the last assertion passed, and how long each took.
    pub steps: Vec<(RestoreStepName, Duration)>,
    /// What became of each; one that did not pass is the outcome.
    pub assertions: Vec<AssertionResult>,
}

/// Why a task did not do what it was started for.
#[derive(Clone, Debug, PartialEq)]
pub struct TaskError {
    pub problem: Problem,
    /// A sentence without its full stop, without any value of a row or a Secret.
    pub message: String,
}

/// What kept a task from its end.
#[derive(Clone, Debug, PartialEq)]
pub enum Problem {
    /// Asked to end: by the user, a suspension or a shutdown.
    Stopped,
    /// Something is missing, and may come; nothing was begun. The reason says what.
    Obstacle(RestoreReason),
    /// Another attempt may succeed.
    Failed,
    /// Another attempt would fail in the same way.
    Final(RestoreReason),
}

/// What a pass remembers of a restore.
#[derive(Clone, Debug, Default)]
pub struct Memory {
    /// How often in a row the operator was refused to read a Secret.
    pub refusals: Refusals,
    /// Why the last task came to nothing, and when the next attempt is due.
    pub put_off: Option<PutOff>,
    /// Tasks in a row that came to nothing.
    pub failures: u32,
    /// The memo at the end of the last pass: the status that has all of it may not have been written.
    pub learned: Option<RestoreStatus>,
}

/// An attempt that is repeated.
#[derive(Clone, Debug, PartialEq)]
pub struct PutOff {
    pub cause: Cause,
    pub until: Timestamp,
    /// Number of the next attempt.
    pub attempt: i32,
}

impl Memory {
    /// What is known of the run that `status` names: as it was written, with what was learned since.
    pub fn memo(&self, status: Option<&RestoreStatus>) -> RestoreStatus {
        let status = status.cloned().unwrap_or_default();
        let run = |status: &RestoreStatus| status.run.as_ref().map(|run| run.id.clone());
        match &self.learned {
            Some(learned) if run(learned) == run(&status) => RestoreStatus {
                common: status.common,
                ..learned.clone()
            },
            _ => status,
        }
    }
}

/// One effect.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// Start an attempt; its run is recorded first.
    Begin(RestoreRun),
    /// Ask the task to end.
    Stop,
}

impl kind::Step for Step {
    fn name(&self) -> &'static str {
        match self {
            Self::Begin(_) => "Begin",
            Self::Stop => "Stop",
        }
    }

    fn records_first(&self) -> bool {
        matches!(self, Self::Begin(_))
    }
}

pub type StepError = TaskError;

impl kind::StepError for TaskError {}

#[derive(Debug)]
pub enum Kind {}

impl kind::Kind for Kind {
    const NAME: &'static str = "Restore";

    type Object = Restore;
    type Status = RestoreStatus;
    type State = State;
    type Step = Step;
    type StepResult = ();
    type StepError = StepError;
    type Reason = RestoreReason;
    type Memory = Memory;

    fn decide(object: &Restore, state: &State, now: Timestamp) -> Decision {
        decide(object, state, now)
    }

    fn update(object: &Restore, state: &mut State, step: &Step, outcome: Result<(), StepError>, now: Timestamp) {
        update(object, state, step, outcome, now);
    }

    fn infer(object: &Restore, state: &mut State, now: Timestamp) {
        infer(object, state, now);
    }

    fn status(object: &Restore, state: &State, decision: &Decision, now: Timestamp) -> RestoreStatus {
        status(object, state, decision, now)
    }

    fn memo(state: &mut State) -> &mut RestoreStatus {
        &mut state.memo
    }

    fn into_memory(state: State, _: &Decision) -> Memory {
        Memory {
            learned: Some(state.memo),
            ..state.memory
        }
    }

    fn events(before: &RestoreStatus, after: &RestoreStatus) -> Vec<Event> {
        events(before, after)
    }

    fn references(object: &Restore) -> Vec<Dependency> {
        let source = &object.spec.source;
        let latest = source.latest.iter();
        latest
            .map(|latest| Dependency::BackupsOf(Key::beside(object, &latest.schedule)))
            .collect()
    }

    fn facts(object: &Restore) -> Facts {
        facts::facts(object)
    }

    fn is_suspended(_: &Restore) -> bool {
        false
    }

    fn timed_out(_: &Step, after: Duration) -> StepError {
        TaskError {
            problem: Problem::Failed,
            message: format!("no answer within {} s", after.as_secs()),
        }
    }
}
