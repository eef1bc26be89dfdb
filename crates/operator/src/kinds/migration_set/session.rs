//! Looks at a database, and what its books say.

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
use crate::connections::database::{DatabaseConnector, not_open};

/// Tables with fewer rows are locked for a moment only.
const LARGE: u64 = 10_000;

/// The way to the database that the Platform names.
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
        timing: kind.timing,
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
    session.map_err(|error| StepError::Database(not_open(&error)))
}

/// No such step is decided on.
fn no_database() -> StepError {
    StepError::Database(DatabaseFailure::Unanswered("none is named".to_owned()))
}

/// Takes the database's lock, or says who has it.
pub(super) async fn lock(session: &Session) -> Result<(), StepError> {
    match session.try_lock().await.map_err(|error| error::not_said(&error))? {
        Locked::Mine => Ok(()),
        Locked::Held(by) => Err(StepError::Busy(error::holder(by.as_ref()))),
    }
}

/// One look at everything. Writes nothing. The schema was perhaps seen `just` now.
pub(super) async fn observation(
    object: &MigrationSet,
    known: &State,
    session: &Session,
    just: Option<Taken>,
) -> Result<Observation, StepError> {
    let at = Timestamp::now();
    let step_error = |error| error::not_said(&error);
    let target = session.target().await.map_err(step_error)?;
    let Ledgers {
        ledger,
        mut operator_schema,
    } = session.ledgers().await.map_err(step_error)?;
    let large = session.large_tables(LARGE).await.map_err(step_error)?;
    let seen = schema::look(object, known, session, operator_schema.is_some(), just).await?;
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
