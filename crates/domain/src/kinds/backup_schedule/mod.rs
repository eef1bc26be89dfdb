//! One BackupSchedule: its state, the decision, and the status.
//!
//! What is known of its backups is read from the Backups themselves. The status remembers the next slot: those between it and now
//! have passed, and each that has is begun, made up for, or missed, once.

mod decide;
mod drills;
mod health;
mod known;
mod measured;
mod messages;
mod needed;
mod objective;
pub mod retention;
mod slots;
mod status;
mod update;

#[cfg(test)]
mod tests;

use std::{collections::BTreeMap, time::Duration};

use ace_api::{BackupSchedule, ScheduleReason, ScheduleStatus};
use jiff::Timestamp;

use crate::inputs;
use crate::kinds::platform::Points;
use crate::reconcile::{
    dependency::{Dependency, Fact, Facts},
    event::Event,
    key::Key,
    kind,
    schedule::{Schedule, ScheduleError},
    timing::Timing,
};

pub use decide::decide;
pub use drills::{DrillPhase, Drilled, is_own_drill};
pub use known::{Known, Phase, facts as backup_facts, is_own};
pub use measured::{Measured, measured};
pub use needed::needed;
pub use slots::infer;
pub use status::{events, status};
pub use update::update;

pub type Decision = crate::reconcile::decision::Decision<Step, ScheduleReason>;
pub type Cause = crate::reconcile::decision::Cause<ScheduleReason>;
pub type PlatformState = inputs::PlatformState<Platform>;

#[derive(Clone, Debug)]
pub struct State {
    pub timing: Timing,
    /// The status as it was last written.
    pub memo: ScheduleStatus,
    pub schedule: Result<Schedule, ScheduleError>,
    pub platform: PlatformState,
    /// Destinations of the spec that do not exist.
    pub absent: Vec<String>,
    /// Why a recipient is none.
    pub recipients: Option<String>,
    /// The schedules of `spec.drills`, by their names.
    pub drills: BTreeMap<String, Result<Schedule, ScheduleError>>,
    /// Every Backup of this schedule.
    pub backups: Vec<Known>,
    /// Every Restore that it made.
    pub drilled: Vec<Drilled>,
    /// What waits for a Backup, by its name.
    pub needed: BTreeMap<String, String>,
    pub memory: Memory,
    /// Steps in this pass.
    pub steps: usize,
    pub step_error: Option<StepError>,
}

/// What a schedule has to know of its Platform.
#[derive(Clone, Debug, PartialEq)]
pub struct Platform {
    pub interval: Duration,
    pub is_suspended: bool,
    /// `spec.scratch` says where a backup can be restored.
    pub has_scratch: bool,
    /// What it can restore the database to itself, or why it does not say; nothing before it was asked.
    pub points: Option<Result<Points, String>>,
}

impl inputs::PlatformFacts for Platform {
    fn interval(&self) -> Duration {
        self.interval
    }

    fn is_suspended(&self) -> bool {
        self.is_suspended
    }
}

/// What a pass remembers of a schedule.
#[derive(Clone, Debug, Default)]
pub struct Memory {
    /// What was created last: it may not be in the cache yet.
    pub made: Option<Known>,
    /// The longest time between two slots, and what it was looked for in.
    pub longest: Option<Longest>,
}

/// The longest time between two slots of a schedule, from some time on.
#[derive(Clone, Debug, PartialEq)]
pub struct Longest {
    /// Schedule and time zone.
    pub schedule: (String, String),
    pub from: Timestamp,
    pub interval: Duration,
}

/// One effect.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Step {
    /// Create the Backup of a slot. One that is there already is the same one.
    Start { name: String, slot: Timestamp },
    /// Set a Backup's `spec.deletionPolicy` to `Delete`, so that its data goes with it.
    Expire(Victim),
    /// Delete a Backup.
    Delete(Victim),
    /// Create the Restore of a slot, which has the assertions of these drills.
    Drill {
        name: String,
        slot: Timestamp,
        backup: String,
        drills: Vec<String>,
    },
    /// Delete a Restore that this schedule made.
    DeleteDrill(Victim),
}

/// An object, and no other of its name.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Victim {
    pub name: String,
    pub uid: String,
}

impl kind::Step for Step {
    fn name(&self) -> &'static str {
        match self {
            Self::Start { .. } => "Start",
            Self::Expire(_) => "Expire",
            Self::Delete(_) => "Delete",
            Self::Drill { .. } => "Drill",
            Self::DeleteDrill(_) => "DeleteDrill",
        }
    }
}

/// What a step returned.
#[derive(Clone, Debug, PartialEq)]
pub enum StepResult {
    /// This Backup is there.
    Started(Box<Known>),
    /// This Restore is there.
    Drilled(Box<Drilled>),
    /// It is done, or the object is gone.
    Done,
}

/// Why a step had no result.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum StepError {
    /// An object that this schedule did not make has the name.
    NameTaken(String),
    /// The operator lacks the right; a sentence with the command that grants it.
    AccessMissing(String),
    /// No answer, or a refusal that may not last.
    Failed(String),
}

impl kind::StepError for StepError {}

#[derive(Debug)]
pub enum Kind {}

impl kind::Kind for Kind {
    const NAME: &'static str = "BackupSchedule";

    type Object = BackupSchedule;
    type Status = ScheduleStatus;
    type State = State;
    type Step = Step;
    type StepResult = StepResult;
    type StepError = StepError;
    type Reason = ScheduleReason;
    type Memory = Memory;

    fn decide(object: &BackupSchedule, state: &State, now: Timestamp) -> Decision {
        decide(object, state, now)
    }

    fn update(
        object: &BackupSchedule,
        state: &mut State,
        step: &Step,
        outcome: Result<StepResult, StepError>,
        now: Timestamp,
    ) {
        update(object, state, step, outcome, now);
    }

    fn infer(object: &BackupSchedule, state: &mut State, now: Timestamp) {
        infer(object, state, now);
    }

    fn status(object: &BackupSchedule, state: &State, decision: &Decision, now: Timestamp) -> ScheduleStatus {
        status(object, state, decision, now)
    }

    fn memo(state: &mut State) -> &mut ScheduleStatus {
        &mut state.memo
    }

    fn into_memory(state: State, _: &Decision) -> Memory {
        state.memory
    }

    fn events(before: &ScheduleStatus, after: &ScheduleStatus) -> Vec<Event> {
        events(before, after)
    }

    fn references(object: &BackupSchedule) -> Vec<Dependency> {
        let spec = &object.spec;
        let destinations = spec.destinations.iter();
        let destinations = destinations.map(|one| Dependency::BackupDestination(Key::beside(object, &one.name)));
        let platform = Key::beside(object, &spec.platform_ref.name);
        let points = spec
            .objective
            .count_platform
            .then(|| Dependency::Points(platform.clone()));
        let own = Key::of(object);
        [
            Dependency::Platform(platform),
            Dependency::BackupsOf(own.clone()),
            Dependency::DrillsOf(own),
        ]
        .into_iter()
        .chain(points)
        .chain(destinations)
        .collect()
    }

    /// Whoever makes its backups depends on its spec, and the Platform on whether its points count.
    fn facts(object: &BackupSchedule) -> Facts {
        let (uid, generation) = (&object.metadata.uid, object.metadata.generation);
        let spec = format!(
            "{} {}",
            uid.as_deref().unwrap_or_default(),
            generation.unwrap_or_default()
        );
        let platform = Key::beside(object, &object.spec.platform_ref.name);
        let counts = object.spec.objective.count_platform;
        let counts = counts.then(|| (Dependency::PointsCount(platform), Fact::is("")));
        [(Dependency::BackupSchedule(Key::of(object)), Fact::is(spec))]
            .into_iter()
            .chain(counts)
            .collect()
    }

    fn is_suspended(object: &BackupSchedule) -> bool {
        object.spec.suspend
    }

    fn timed_out(_: &Step, after: Duration) -> StepError {
        StepError::Failed(format!("the API server did not answer within {} s", after.as_secs()))
    }
}
