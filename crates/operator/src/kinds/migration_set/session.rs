//! Looks at a database, and what its books say.

use ace_api::MigrationSet;
use ace_database::{FORM, Limits, Locked, Notes, OperatorSchema as Found, Session};
use ace_domain::{
    kinds::migration_set::{
        LedgerRow, Observation, OperatorSchema, OwnRow, PlatformState, State, StepError, StoredPlan, Target,
    },
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
    let ledgers = session.ledgers().await.map_err(step_error)?;
    let large = session.large_tables(LARGE).await.map_err(step_error)?;
    let server_major = major(&target);
    let mut operator_schema = match ledgers.operator_schema {
        Found::Absent => None,
        Found::Newer(_) => Some(OperatorSchema {
            newer: true,
            ..OperatorSchema::default()
        }),
        Found::Present(notes) => Some(bookkeeping(*notes)),
    };
    let seen = schema::look(object, known, session, operator_schema.is_some(), just).await?;
    if let Some(operator_schema) = &mut operator_schema {
        operator_schema.reference = seen.reference;
    }
    let rows = ledgers.recorded.unwrap_or_default().into_iter();
    Ok(Observation {
        at,
        place: match &known.platform {
            PlatformState::Present(platform) => platform.place.clone(),
            PlatformState::Absent => String::new(),
        },
        target: Target {
            system_identifier: target.identity.system_identifier,
            timeline: target.identity.timeline,
            database: target.database_name,
            database_oid: i64::from(target.database_oid),
            server_version: target.identity.server_version,
        },
        server_major,
        ledger: rows
            .map(|row| {
                let statements = row.statements;
                (row.version, LedgerRow { statements })
            })
            .collect(),
        form: FORM,
        operator_schema,
        large: large.into_iter().collect(),
        schema: seen.schema,
    })
}

/// Major version of the server, e.g. 15.
pub(super) fn major(target: &ace_database::Target) -> i32 {
    i32::try_from(target.server_version_number / 10_000).unwrap_or_default()
}

fn bookkeeping(notes: Notes) -> OperatorSchema {
    let rows = notes.migrations.into_iter().map(|row| {
        let own = OwnRow {
            sha256: row.sha256,
            time: row.applied_at.try_into().unwrap_or_default(),
        };
        (row.version, own)
    });
    OperatorSchema {
        newer: false,
        owner: notes.owner.map(|owner| (owner.namespace, owner.name)),
        rows: rows.collect(),
        half: notes
            .steps
            .into_iter()
            .map(|step| (step.version, step.sha256))
            .collect(),
        plan: notes.plan.map(|plan| StoredPlan {
            digest: plan.digest,
            system_identifier: plan.system_identifier,
            timeline: plan.timeline,
            database_oid: i64::from(plan.database_oid),
            items: plan.files,
        }),
        reference: None,
    }
}
