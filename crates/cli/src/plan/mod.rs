//! `kubectl ace plan`: what a MigrationSet would run, decided as the operator decides it.
//!
//! ```text
//! manifest, cluster, --dir ─▶ Subject ─▶ State ─▶ decide ─┬─ a step that reads ──▶ ReadOnlySession ─▶ update ─▶ decide …
//!                                                         ├─ a step that writes ─▶ assume ─▶ update ─▶ decide …
//!                                                         └─ the first run, or what blocks it ─▶ Report
//! ```

mod address;
mod assume;
mod error;
mod rehearsal;
mod report;
mod subject;
mod text;

use std::process::ExitCode;

use ace_database::ReadOnlySession;
use ace_domain::kinds::{migration_set::State, platform::DatabaseFailure};
use jiff::Timestamp;

use crate::arguments::PlanArguments;
use crate::cluster::Cluster;
use address::Address;
use rehearsal::rehearse;
use subject::Subject;

pub(crate) use address::DatabaseUrl;
pub(crate) use error::PlanError;
pub(crate) use report::Report;

/// `application_name` of the sessions.
const PROGRAM: &str = "kubectl-ace";

/// Makes the plan. Everything is read with the caller's rights, and nothing is written anywhere.
pub(crate) async fn plan(arguments: &PlanArguments) -> Result<Report, PlanError> {
    let cluster = Cluster::connect(arguments.context.as_deref()).await?;
    let mut subject = Subject::read(arguments, &cluster).await?;
    let address = arguments.database_url.as_ref().map(DatabaseUrl::address).transpose()?;
    if let (Some(address), Some(platform)) = (&address, &mut subject.platform) {
        platform.spec.database = Some(address.database(platform.spec.database.take()));
    }
    let session = session(&cluster, &subject, address.as_ref()).await?;
    let files = subject.files(arguments.dir.as_deref(), &cluster).await?;
    let platform = subject.platform.clone();
    let state = State {
        backups: subject.backups(&cluster).await?,
        ..State::new(&subject.set, platform, &files.artifact_state, Timestamp::now())
    };
    let rehearsal = Box::pin(rehearse(&subject.set, state, &session)).await;
    Ok(Report::of(&subject, &files, &rehearsal, address.is_some()))
}

/// The access to the database, or the failure that the operator would report.
async fn session(
    cluster: &Cluster,
    subject: &Subject,
    address: Option<&Address>,
) -> Result<Result<ReadOnlySession, DatabaseFailure>, PlanError> {
    let database = subject
        .platform
        .as_ref()
        .and_then(|platform| platform.spec.database.as_ref());
    let Some(database) = database else {
        return Ok(Err(DatabaseFailure::Unanswered(
            "the Platform has no `spec.database`".to_owned(),
        )));
    };
    let password = match address {
        Some(address) => Ok(address.password.clone()),
        None => {
            cluster
                .secret(&subject.namespace, &database.password_secret_ref)
                .await?
        }
    };
    let access = cluster.access(&subject.namespace, database, password).await?;
    Ok(access.map(|access| ReadOnlySession::new(access, &subject.set, PROGRAM)))
}

impl Report {
    /// 0: it can run; 2: an approval is needed; 1: anything else.
    pub(crate) fn exit_code(&self) -> ExitCode {
        match self.outcome {
            report::Outcome::Nothing | report::Outcome::Runs => ExitCode::SUCCESS,
            report::Outcome::ApprovalRequired => ExitCode::from(2),
            report::Outcome::Refused | report::Outcome::Waits => ExitCode::FAILURE,
        }
    }
}
