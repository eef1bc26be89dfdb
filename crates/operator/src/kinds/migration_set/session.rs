//! Sessions of the database that a set's Platform names.

use ace_api::MigrationSet;
use ace_database::{Limits, Locked, ReadOnlySession, Session};
use ace_domain::{
    kinds::migration_set::{PlatformState, State, StepError},
    kinds::platform::DatabaseFailure,
};
use kube::ResourceExt;

use super::MigrationSets;
use crate::connections::database::DatabaseConnector;

/// Access to the database of the Platform.
pub(super) async fn session(
    kind: &MigrationSets,
    object: &MigrationSet,
    known: &State,
) -> Result<ReadOnlySession, StepError> {
    let PlatformState::Present(platform) = &known.platform else {
        return Err(no_database());
    };
    let database = platform.database.as_ref().ok_or_else(no_database)?;
    let connector = DatabaseConnector {
        client: &kind.client,
        hosts: &kind.hosts,
        allow_insecure: kind.allow_insecure_database,
        names: &kind.installation,
        limits: Limits::default(),
    };
    let namespace = object.namespace().unwrap_or_default();
    let access = connector
        .access(&namespace, &platform.project, database)
        .await
        .map_err(StepError::Database)?;
    Ok(ReadOnlySession::new(access, object, "ace-operator"))
}

/// Never happens: such a step is not decided without a database.
fn no_database() -> StepError {
    StepError::Database(DatabaseFailure::Unanswered(
        "the Platform has no `spec.database`".to_owned(),
    ))
}

/// Takes the database's lock, or returns the session that holds it.
pub(super) async fn lock(session: &Session) -> Result<(), StepError> {
    match session.try_lock().await? {
        Locked::Mine => Ok(()),
        Locked::Held(by) => Err(StepError::Busy(by)),
    }
}
