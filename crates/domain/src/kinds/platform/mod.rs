//! One Platform: its state, the decision, and the status.

mod anon_key;
mod database;
mod decide;
mod hosts;
mod observation;
mod place;
mod points;
mod references;
mod status;

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use ace_api::{Platform, PlatformReason, PlatformStatus};
use jiff::Timestamp;

use crate::inputs::SecretProblem;
use crate::reconcile::{
    decision::Deferral,
    dependency::{Dependency, Facts},
    event::Event,
    kind,
    refusals::Refusals,
    timing::Timing,
};

pub use anon_key::is_anon_key;
pub use database::{DatabaseCheck, DatabaseFailure};
pub use decide::{decide, down, is_due, is_token_gone, update};
pub use hosts::{is_own_database, is_own_gateway};
pub use observation::{Changes, Observation, Phase, Refusal, RefusedBy};
pub(crate) use place::place;
pub use place::project;
pub use points::{Points, Window, hour};
pub use status::{events, has_listed, status};

pub type Decision = crate::reconcile::decision::Decision<Step, PlatformReason>;
pub type Cause = crate::reconcile::decision::Cause<PlatformReason>;

#[derive(Clone, Debug)]
pub struct State {
    pub timing: Timing,
    pub began: Timestamp,
    /// The status as it was last written.
    pub memo: PlatformStatus,
    pub access: Access,
    /// The anonymous key could be read.
    pub has_anon_key: bool,
    pub observation: Observation,
    /// Slugs of the EdgeFunctions that name this Platform.
    pub managed: BTreeSet<String>,
    /// An EdgeFunction requires secrets.
    pub needs_secrets: bool,
    /// A BackupSchedule counts what the platform can restore the database to.
    pub needs_points: bool,
    /// What the last pass remembered.
    pub memory: Memory,
    pub step_error: Option<StepError>,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Access {
    /// There is a token, and the operator is allowed to call the host.
    Open,
    /// The API server did not answer for the Secret, and it was never read before.
    Unanswered(String),
    /// The Secret, or the host.
    Closed(Cause),
}

impl Access {
    /// Whether it is closed for this reason.
    pub fn is_closed_by(&self, reason: PlatformReason) -> bool {
        matches!(self, Self::Closed(cause) if cause.reason == reason)
    }
}

impl From<SecretProblem> for Access {
    fn from(problem: SecretProblem) -> Self {
        match problem {
            SecretProblem::Unanswered(message) => Self::Unanswered(message),
            problem => Self::Closed(problem.into()),
        }
    }
}

/// One step. All of them only read.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Step {
    GetProject,
    ListFunctions,
    /// Lists the names of its secrets.
    ListSecrets,
    /// Lists the platform's own backups of the database.
    ListBackups,
    /// Connects to the database and reads its identity.
    CheckDatabase,
}

impl kind::Step for Step {
    fn name(&self) -> &'static str {
        match self {
            Self::GetProject => "GetProject",
            Self::ListFunctions => "ListFunctions",
            Self::ListSecrets => "ListSecrets",
            Self::ListBackups => "ListBackups",
            Self::CheckDatabase => "CheckDatabase",
        }
    }
}

/// What a step returned.
#[derive(Clone, Debug)]
pub enum StepResult {
    /// What is known of the project now.
    Observed(Box<Observation>),
    /// The check of the database. A failed one says nothing about the Management API.
    Checked(DatabaseCheck),
}

/// Why a step failed.
#[derive(Clone, Debug, PartialEq)]
pub enum StepError {
    /// A rate limit says when to come again.
    Deferred(Deferral),
    /// No answer, or a temporary refusal.
    Unanswered(String),
    /// 401.
    TokenRejected,
    /// 403: the token lacks a permission.
    Forbidden(String),
    /// 404 for the project.
    ProjectNotFound,
    Failed(String),
}

impl kind::StepError for StepError {}

/// What a pass remembers of a Platform.
#[derive(Clone, Debug, Default)]
pub struct Memory {
    /// How often in a row the operator was refused to read the token.
    pub refusals: Refusals,
    pub database: Option<DatabaseCheck>,
}

#[derive(Debug)]
pub enum Kind {}

impl kind::Kind for Kind {
    const NAME: &'static str = "Platform";

    type Object = Platform;
    type Status = PlatformStatus;
    type State = State;
    type Step = Step;
    type StepResult = StepResult;
    type StepError = StepError;
    type Reason = PlatformReason;
    type Memory = Memory;

    fn decide(object: &Platform, state: &State, now: Timestamp) -> Decision {
        decide(object, state, now)
    }

    fn update(_: &Platform, state: &mut State, _: &Step, outcome: Result<StepResult, StepError>, _: Timestamp) {
        update(state, outcome);
    }

    fn status(object: &Platform, state: &State, decision: &Decision, now: Timestamp) -> PlatformStatus {
        status(object, state, decision, now)
    }

    fn memo(state: &mut State) -> &mut PlatformStatus {
        &mut state.memo
    }

    fn into_memory(state: State, _: &Decision) -> Memory {
        state.memory
    }

    fn events(before: &PlatformStatus, after: &PlatformStatus) -> Vec<Event> {
        events(before, after)
    }

    fn references(object: &Platform) -> Vec<Dependency> {
        references::references(object)
    }

    fn findings(object: &Platform, state: &State, decision: Option<&Decision>, now: Timestamp) -> Facts {
        references::findings(object, state, decision, now)
    }

    fn is_suspended(object: &Platform) -> bool {
        object.spec.suspend
    }

    fn timed_out(_: &Step, after: std::time::Duration) -> StepError {
        StepError::Unanswered(format!("no answer within {} s", after.as_secs()))
    }
}
