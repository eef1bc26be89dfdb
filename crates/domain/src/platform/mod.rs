//! One Platform: when to look, and what its status says.

mod database;
mod decide;
mod status;
mod view;

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use ace_api::{PlatformReason, PlatformStatus};
use jiff::Timestamp;

use crate::pace::Pace;

pub use database::{DatabaseLook, DatabaseTrouble};
pub use decide::{api_answers, decide, is_due, learn};
pub use status::{notices, status};
pub use view::{Changes, Phase, View};

/// A decision about a Platform.
pub type Decision = crate::decision::Decision<Step, PlatformReason>;
/// A reason about a Platform.
pub type Why = crate::decision::Why<PlatformReason>;

/// What is known when a decision is made.
#[derive(Clone, Debug)]
pub struct World {
    /// Constants of time.
    pub pace: Pace,
    /// When this pass began.
    pub began: Timestamp,
    /// The status as it was last written.
    pub memo: PlatformStatus,
    /// What is known of the access.
    pub access: Access,
    /// What was seen.
    pub view: View,
    /// Slugs that EdgeFunctions of the namespace describe.
    pub managed: BTreeSet<String>,
    /// Some function requires secrets.
    pub needs_secrets: bool,
    /// Why the last step taught nothing.
    pub trouble: Option<Trouble>,
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
    AskDatabase,
}

impl Step {
    /// The step's name, for metrics and logs.
    pub fn name(self) -> &'static str {
        match self {
            Self::GetProject => "GetProject",
            Self::ListFunctions => "ListFunctions",
            Self::ListSecrets => "ListSecrets",
            Self::AskDatabase => "AskDatabase",
        }
    }
}

/// Why a look showed nothing.
#[derive(Clone, Debug, PartialEq)]
pub enum Trouble {
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
    Database(Box<DatabaseLook>),
    /// Anything else.
    Failed(String),
}
