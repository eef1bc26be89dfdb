//! One Platform: when to look, and what its status says.

mod database;
mod decide;
mod observation;
mod status;

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use ace_api::{Platform, PlatformReason, PlatformStatus};
use jiff::Timestamp;

use crate::reconcile::{decision::Deferral, event::Event, kind, timing::Timing};

pub use database::{DatabaseCheck, DatabaseFailure};
pub use decide::{api_answers, decide, is_due, is_token_gone, update};
pub use observation::{Changes, Observation, Phase};
pub use status::{events, status};

/// A decision about a Platform.
pub type Decision = crate::reconcile::decision::Decision<Step, PlatformReason>;
/// A reason about a Platform.
pub type Cause = crate::reconcile::decision::Cause<PlatformReason>;

/// What is known when a decision is made.
#[derive(Clone, Debug)]
pub struct State {
    /// Constants of time.
    pub timing: Timing,
    /// When this pass began.
    pub began: Timestamp,
    /// The status as it was last written.
    pub memo: PlatformStatus,
    /// What is known of the access.
    pub access: Access,
    /// What was seen.
    pub observation: Observation,
    /// Slugs that EdgeFunctions of the namespace describe.
    pub managed: BTreeSet<String>,
    /// Some function requires secrets.
    pub needs_secrets: bool,
    /// What the last pass remembered.
    pub memory: Memory,
    /// Why the last step had no result.
    pub step_error: Option<StepError>,
}

/// What is known of the access to the platform.
#[derive(Clone, Debug, PartialEq)]
pub enum Access {
    /// There is a token, and the operator may call the host.
    Open,
    /// Nobody said what the Secret holds, and nothing of it was known before.
    Unanswered(String),
    /// The Secret or its key is not there.
    SecretMissing(String),
    /// The operator may not read the Secret.
    AccessMissing(String),
    /// What is in the Secret can't be a token.
    TokenInvalid(String),
    /// The operator may not call that host.
    HostNotAllowed(String),
}

/// A look.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Step {
    /// The project itself.
    GetProject,
    /// All its functions.
    ListFunctions,
    /// The names of its secrets.
    ListSecrets,
    /// Who the database is.
    CheckDatabase,
}

impl kind::Step for Step {
    fn name(&self) -> &'static str {
        match self {
            Self::GetProject => "GetProject",
            Self::ListFunctions => "ListFunctions",
            Self::ListSecrets => "ListSecrets",
            Self::CheckDatabase => "AskDatabase",
        }
    }
}

/// Why a look showed nothing.
#[derive(Clone, Debug, PartialEq)]
pub enum StepError {
    /// A rate limit says when to come again.
    Deferred(Deferral),
    /// No answer, or one that says that it can't now.
    Unanswered(String),
    /// 401.
    TokenRejected,
    /// 403: the token lacks a permission.
    Forbidden(String),
    /// 404 for the project.
    ProjectNotFound,
    /// The database did not say who it is: no trouble of the platform's.
    Database(Box<DatabaseCheck>),
    /// Anything else.
    Failed(String),
}

impl kind::StepError for StepError {}

/// What a pass remembers of a Platform.
#[derive(Clone, Debug, Default)]
pub struct Memory {
    /// Generation and suspension that dependents were enqueued for.
    pub reported: Option<i64>,
    /// Whether the anonymous key was there then.
    pub anon: bool,
    /// The last check of the database.
    pub database: Option<DatabaseCheck>,
}

/// The decisions about Platforms.
#[derive(Debug)]
pub enum Kind {}

impl kind::Kind for Kind {
    const NAME: &'static str = "Platform";

    type Object = Platform;
    type Status = PlatformStatus;
    type State = State;
    type Step = Step;
    type StepResult = Observation;
    type StepError = StepError;
    type Reason = PlatformReason;
    type Memory = Memory;

    fn decide(object: &Platform, state: &State, now: Timestamp) -> Decision {
        decide(object, state, now)
    }

    fn update(_: &Platform, state: &mut State, _: &Step, outcome: Result<Observation, StepError>, _: Timestamp) {
        update(state, outcome);
    }

    fn status(object: &Platform, state: &State, decision: &Decision, now: Timestamp) -> PlatformStatus {
        status(object, state, decision, now)
    }

    fn memo(state: &mut State) -> &mut PlatformStatus {
        &mut state.memo
    }

    fn into_memory(state: State, _: &Decision) -> Memory {
        Memory {
            database: state.observation.database().cloned(),
            ..state.memory
        }
    }

    fn events(before: &PlatformStatus, after: &PlatformStatus) -> Vec<Event> {
        events(before, after)
    }

    fn is_suspended(object: &Platform) -> bool {
        object.spec.suspend
    }

    fn timed_out(_: &Step, after: std::time::Duration) -> StepError {
        StepError::Unanswered(format!("no answer within {} s", after.as_secs()))
    }
}
