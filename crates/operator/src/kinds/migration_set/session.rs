//! Observations of a database and its `ace_ops` schema.

use ace_api::MigrationSet;
use ace_database::{FORM, Ledgers, Limits, Locked, Session};
use ace_domain::{
    kinds::migration_set::{Observation, PlatformState, State, StepError},
    kinds::platform::DatabaseFailure,
};
use jiff::Timestamp;
use kube::ResourceExt;

use super::{
    MigrationSets, error,
    read_only::ReadOnlySession,
    schema::{self, Taken},
};
use crate::connections::database::{DatabaseConnector, open_failure};

/// Tables with fewer rows are locked only for a moment, so they are not large.
const LARGE: u64 = 10_000;

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
        names: &kind.installation,
        limits: Limits::default(),
    };
    let namespace = object.namespace().unwrap_or_default();
    let access = connector
        .access(&namespace, database)
        .await
        .map_err(StepError::Database)?;
    Ok(ReadOnlySession::new(access, object, "ace-operator"))
}

/// Opens the session that runs migrations.
pub(super) async fn open(kind: &MigrationSets, object: &MigrationSet, known: &State) -> Result<Session, StepError> {
    let ReadOnlySession { access, settings } = session(kind, object, known).await?;
    let session = Session::open(&access, &settings).await;
    session.map_err(|error| StepError::Database(open_failure(&error)))
}

/// Never happens: such a step is not decided without a database.
fn no_database() -> StepError {
    StepError::Database(DatabaseFailure::Unanswered(
        "the Platform has no `spec.database`".to_owned(),
    ))
}

/// Takes the database's lock, or returns the session that holds it.
pub(super) async fn lock(session: &Session) -> Result<(), StepError> {
    match session.try_lock().await.map_err(|error| error::query_error(&error))? {
        Locked::Mine => Ok(()),
        Locked::Held(by) => Err(StepError::Busy(error::holder(by.as_ref()))),
    }
}

/// Observes identity, ledgers and schema. Writes nothing. `just`: the schema, if it was read a moment ago.
pub(super) async fn observation(
    object: &MigrationSet,
    known: &State,
    session: &Session,
    just: Option<Taken>,
) -> Result<Observation, StepError> {
    let at = Timestamp::now();
    let query_error = |error| error::query_error(&error);
    let target = session.target().await.map_err(query_error)?;
    let Ledgers {
        ledger,
        mut operator_schema,
    } = session.ledgers().await.map_err(query_error)?;
    let large = session.large_tables(LARGE).await.map_err(query_error)?;
    let seen = schema::observe(object, known, session, operator_schema.is_some(), just).await?;
    if let Some(operator_schema) = &mut operator_schema {
        operator_schema.reference = seen.reference;
    }
    Ok(Observation {
        at,
        place: match &known.platform {
            PlatformState::Present(platform) => platform.place.clone(),
            PlatformState::Absent => String::new(),
        },
        target,
        form: FORM,
        ledger,
        operator_schema,
        large,
        schema: seen.schema,
    })
}
