//! One Platform: when to look, and what its status says.

mod database;
mod decide;
mod observation;
mod status;

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use ace_api::{PlatformReason, PlatformStatus};
use jiff::Timestamp;

use crate::reconcile::timing::Timing;

pub use database::{DatabaseCheck, DatabaseFailure};
pub use decide::{api_answers, decide, is_due, update};
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
    /// Why the last step taught nothing.
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

impl Step {
    /// The step's name, for metrics and logs.
    pub fn name(self) -> &'static str {
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
    /// Our budget or the platform's limit says when to come again.
    Deferred(std::time::Duration),
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
