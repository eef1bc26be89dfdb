//! The live schema and its reference.

use ace_api::MigrationSet;
use ace_database::{FORM, Fingerprint, Look, ObjectClass, Reference, Session, differences};
use ace_domain::{
    kinds::migration_set::{ReferenceState, SchemaObservation, State, StepError},
    sql::Version,
};

use super::error;

pub(super) struct Seen {
    /// The live schema.
    pub(super) schema: SchemaObservation,
    /// Its reference.
    pub(super) reference: Option<ReferenceState>,
}

/// A schema, and the value of the change check that belongs to it.
pub(super) type Taken = (Fingerprint, String);

/// Reads the schema, unless the change check shows that it is still the one of the last observation, or the one read `just`
/// before.
pub(super) async fn observe(
    object: &MigrationSet,
    known: &State,
    session: &Session,
    has_books: bool,
    just: Option<Taken>,
) -> Result<Seen, StepError> {
    let stands = if has_books {
        let state = session.reference_state().await;
        state.map_err(|error| error::query_error(&error))?
    } else {
        None
    };
    let gate = session.connection().gate().await;
    let gate = gate.map_err(|error| error::query_error(&error))?;
    let before = known.observation();
    let same = before.filter(|before| {
        let known = before
            .operator_schema
            .as_ref()
            .and_then(|operator_schema| operator_schema.reference.as_ref());
        known == stands.as_ref()
            && matches!(&before.schema, SchemaObservation::Taken { gate: known, .. } if *known == gate)
    });
    if let Some(before) = same {
        return Ok(Seen {
            schema: before.schema.clone(),
            reference: stands,
        });
    }
    let live = match just.filter(|(_, known)| *known == gate) {
        Some(just) => Some(just),
        None => taken(object, session).await?,
    };
    let Some((live, gate)) = live else {
        return Ok(Seen {
            schema: SchemaObservation::Busy,
            reference: stands,
        });
    };
    let digest = live.digest();
    let differs = match &stands {
        Some(stands) if stands.digest != digest && !stands.snapshot_pending => {
            // If `spec.schemas` has changed, it is compared with the reference of the new ones.
            let mut watched = stands.schemas.clone();
            watched.retain(|schema| object.spec.schemas.contains(schema));
            let wanted = wanted(session).await?.keeping(&watched, &live);
            differences(&wanted, &live)
        }
        _ => Vec::new(),
    };
    Ok(Seen {
        schema: SchemaObservation::Taken {
            digest,
            objects: live.len(),
            made: live.objects().filter(|object| is_made(object.class)).count(),
            differences: differs,
            gate,
        },
        reference: stands,
    })
}

/// A user created it: a new database has none of these.
fn is_made(class: ObjectClass) -> bool {
    use ObjectClass::{Domain, Enum, Function, MaterializedView, Sequence, Table, Type, View};
    matches!(
        class,
        Table | View | MaterializedView | Function | Enum | Domain | Type | Sequence
    )
}

/// The live schema; `None` if another session holds a lock on it.
async fn taken(object: &MigrationSet, session: &Session) -> Result<Option<Taken>, StepError> {
    let look = session.connection().fingerprint(&object.spec.schemas).await;
    match look.map_err(|error| error::query_error(&error))? {
        Look::Taken { fingerprint, gate } => Ok(Some((fingerprint, gate))),
        Look::Busy => Ok(None),
    }
}

async fn must_be_taken(object: &MigrationSet, session: &Session) -> Result<(Fingerprint, String), StepError> {
    let taken = taken(object, session).await?;
    taken.ok_or_else(|| {
        StepError::Passing("the schema can't be read now: another session holds a lock on part of it".to_owned())
    })
}

async fn stored(session: &Session) -> Result<Option<Reference>, StepError> {
    session.reference().await.map_err(|error| error::query_error(&error))
}

/// The reference, object by object.
async fn wanted(session: &Session) -> Result<Fingerprint, StepError> {
    let reference = stored(session).await?;
    Ok(reference.map(|reference| reference.objects).unwrap_or_default())
}

/// The live schema becomes the reference, if it still has `digest`; objects of the schemas in `keep` keep their reference.
pub(super) async fn make_reference(
    object: &MigrationSet,
    session: &Session,
    digest: &str,
    keep: &[String],
) -> Result<(), StepError> {
    let (live, gate) = must_be_taken(object, session).await?;
    if live.digest() != digest {
        return Err(StepError::Passing(
            "the schema is being changed by another session".to_owned(),
        ));
    }
    let reference = if keep.is_empty() {
        live
    } else {
        wanted(session).await?.keeping(keep, &live)
    };
    let mut schemas = object.spec.schemas.clone();
    schemas.sort_unstable();
    let target = session.target().await.map_err(|error| error::query_error(&error))?;
    let state = ReferenceState {
        digest: reference.digest(),
        snapshot_pending: false,
        schemas,
        server_major: target.server_major,
        form: FORM,
    };
    let written = session.replace_reference(&reference, &state, &gate).await;
    written.map_err(|error| error::query_error(&error))
}

/// The snapshot before a run that begins with `first`: what differs from the reference now was not changed by the run.
pub(super) async fn snapshot_before_run(
    object: &MigrationSet,
    session: &Session,
    first: &Version,
) -> Result<(), StepError> {
    let wanted = wanted(session).await?;
    let Some((live, _)) = taken(object, session).await? else {
        let holders = session.exclusive_holders(&object.spec.schemas).await;
        return Err(StepError::Blocked {
            version: first.clone(),
            blockers: holders.map_err(|error| error::query_error(&error))?,
        });
    };
    let written = session.before_run(&wanted.changes_to(&live)).await;
    written.map_err(|error| error::query_error(&error))
}

/// The snapshot after a run: what differs from the snapshot before was changed by the run, and enters the reference.
pub(super) async fn snapshot_after_run(object: &MigrationSet, session: &Session) -> Result<Option<Taken>, StepError> {
    let Some(reference) = stored(session).await? else {
        return Ok(None);
    };
    let Some(taken) = taken(object, session).await? else {
        return Ok(None);
    };
    let (live, gate) = &taken;
    let before = reference
        .objects
        .clone()
        .changed(&reference.standing.unwrap_or_default());
    let run = before.changes_to(live);
    let digest = reference.objects.changed(&run).digest();
    let written = session.after_run(&run, &digest, gate).await;
    written.map_err(|error| error::query_error(&error))?;
    Ok(Some(taken))
}
