//! The live schema beside its reference.

use std::collections::BTreeMap;

use ace_api::{DriftField, MigrationSet};
use ace_database::{
    Change, Fingerprint, Look, ObjectClass, Reference, ReferenceState as Stored, SchemaObject, Session, Triple,
    differences,
};
use ace_domain::{
    migration::{ReferenceState, SchemaLook, Trouble, World},
    script::Version,
};

use super::{session, words};

/// What a look showed.
pub(super) struct Seen {
    /// The live schema.
    pub(super) schema: SchemaLook,
    /// What it should be.
    pub(super) reference: Option<ReferenceState>,
}

/// A schema, and what the gate says as long as it stays so.
pub(super) type Taken = (Fingerprint, String);

/// Looks at the schema, unless the gate says that it is the one that was seen before, or `just`.
pub(super) async fn look(
    object: &MigrationSet,
    known: &World,
    session: &Session,
    has_books: bool,
    just: Option<Taken>,
) -> Result<Seen, Trouble> {
    let reference = if has_books {
        session
            .reference_state()
            .await
            .map_err(|error| words::not_said(&error))?
    } else {
        None
    };
    let stands = reference.as_ref().map(|(state, behind)| ReferenceState {
        digest: state.digest.clone(),
        behind: *behind,
        schemas: state.schemas.clone(),
        server_major: state.server_major,
    });
    let gate = session.connection().gate().await;
    let gate = gate.map_err(|error| words::not_said(&error))?;
    let before = known.view();
    let same = before.filter(|before| {
        let known = before.house.as_ref().and_then(|house| house.reference.as_ref());
        known == stands.as_ref() && matches!(&before.schema, SchemaLook::Taken { gate: known, .. } if *known == gate)
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
            schema: SchemaLook::Busy,
            reference: stands,
        });
    };
    let digest = live.digest();
    let differs = match &stands {
        Some(stands) if stands.digest != digest && !stands.behind => {
            let reference = stored(session)
                .await?
                .map(|reference| reference.objects)
                .unwrap_or_default();
            let found = differences(&fingerprint(reference), &live).into_iter();
            let fields = found.map(|difference| DriftField {
                path: difference.path,
                desired: difference.desired,
                observed: difference.observed,
            });
            fields.collect()
        }
        _ => Vec::new(),
    };
    Ok(Seen {
        schema: SchemaLook::Taken {
            digest,
            objects: live.len(),
            made: live.objects().filter(|object| is_made(object.class)).count(),
            differences: differs,
            gate,
        },
        reference: stands,
    })
}

/// Somebody made it: a new database has none of these.
fn is_made(class: ObjectClass) -> bool {
    use ObjectClass::{Domain, Enum, Function, MaterializedView, Sequence, Table, Type, View};
    matches!(
        class,
        Table | View | MaterializedView | Function | Enum | Domain | Type | Sequence
    )
}

/// The live schema; nothing when somebody holds a lock on it.
async fn taken(object: &MigrationSet, session: &Session) -> Result<Option<Taken>, Trouble> {
    let look = session.connection().fingerprint(&object.spec.schemas).await;
    match look.map_err(|error| words::not_said(&error))? {
        Look::Taken { fingerprint, gate } => Ok(Some((fingerprint, gate))),
        Look::Busy => Ok(None),
    }
}

async fn must_be_taken(object: &MigrationSet, session: &Session) -> Result<(Fingerprint, String), Trouble> {
    let taken = taken(object, session).await?;
    taken.ok_or_else(|| {
        Trouble::Passing("the schema can't be read now: somebody holds a lock on a part of it".to_owned())
    })
}

async fn stored(session: &Session) -> Result<Option<Reference>, Trouble> {
    session.reference().await.map_err(|error| words::not_said(&error))
}

/// The live schema becomes the reference, if it is the one that was decided about.
pub(super) async fn make_reference(object: &MigrationSet, session: &Session, digest: &str) -> Result<(), Trouble> {
    let (live, gate) = must_be_taken(object, session).await?;
    if live.digest() != digest {
        return Err(Trouble::Passing(
            "the schema is being changed by somebody else".to_owned(),
        ));
    }
    let mut schemas = object.spec.schemas.clone();
    schemas.sort_unstable();
    let target = session.target().await.map_err(|error| words::not_said(&error))?;
    let state = Stored {
        server_major: session::major(&target),
        schemas,
        digest: digest.to_owned(),
        gate,
    };
    let triples: Vec<Triple> = live.objects().map(triple).collect();
    let written = session.replace_reference(&triples, &state).await;
    written.map_err(|error| words::not_said(&error))
}

/// The look before a run, which begins with `first`: what differs from the reference now is no work of the run.
pub(super) async fn look_before(object: &MigrationSet, session: &Session, first: &Version) -> Result<(), Trouble> {
    let reference = stored(session)
        .await?
        .map(|reference| reference.objects)
        .unwrap_or_default();
    let Some((live, _)) = taken(object, session).await? else {
        let holders = session.exclusive_holders(&object.spec.schemas).await;
        return Err(Trouble::Blocked {
            version: first.clone(),
            blockers: words::named(holders.map_err(|error| words::not_said(&error))?),
        });
    };
    let standing = changes(&by_name(reference), &by_name(live.objects().map(triple)));
    let written = session.before_run(&standing).await;
    written.map_err(|error| words::not_said(&error))
}

/// The look behind a run: what differs from the look before it is the run's work, and enters the reference.
pub(super) async fn look_behind(object: &MigrationSet, session: &Session) -> Result<Option<Taken>, Trouble> {
    let Some(reference) = stored(session).await? else {
        return Ok(None);
    };
    let Some(taken) = taken(object, session).await? else {
        return Ok(None);
    };
    let (live, gate) = &taken;
    let live = by_name(live.objects().map(triple));
    let wanted = by_name(reference.objects);
    let mut before = wanted.clone();
    apply(&mut before, reference.standing.unwrap_or_default());
    let run = changes(&before, &live);
    let mut next = wanted;
    apply(&mut next, run.clone());
    let digest = fingerprint(
        next.into_iter()
            .map(|((class, name), definition)| (class, name, definition)),
    )
    .digest();
    let written = session.after_run(&run, &digest, gate).await;
    written.map_err(|error| words::not_said(&error))?;
    Ok(Some(taken))
}

type Objects = BTreeMap<(String, String), String>;

fn by_name(triples: impl IntoIterator<Item = Triple>) -> Objects {
    let triples = triples.into_iter();
    triples
        .map(|(class, name, definition)| ((class, name), definition))
        .collect()
}

/// What has to be done to `from` to have `to`.
fn changes(from: &Objects, to: &Objects) -> Vec<Change> {
    let gone = from.keys().filter(|key| !to.contains_key(*key));
    let gone = gone.map(|(class, name)| (class.clone(), name.clone(), None));
    let other = to
        .iter()
        .filter(|(key, definition)| from.get(*key) != Some(*definition));
    let other = other.map(|((class, name), definition)| (class.clone(), name.clone(), Some(definition.clone())));
    gone.chain(other).collect()
}

fn apply(objects: &mut Objects, changes: Vec<Change>) {
    for (class, name, definition) in changes {
        match definition {
            Some(definition) => objects.insert((class, name), definition),
            None => objects.remove(&(class, name)),
        };
    }
}

fn triple(object: SchemaObject) -> Triple {
    (object.class.as_str().to_owned(), object.name, object.definition)
}

/// Of stored objects. A class that this version does not know was written by a newer one, and is not compared.
fn fingerprint(triples: impl IntoIterator<Item = Triple>) -> Fingerprint {
    let objects = triples.into_iter().filter_map(|(class, name, definition)| {
        Some(SchemaObject {
            class: class.parse().ok()?,
            name,
            definition,
        })
    });
    objects.collect()
}

#[cfg(test)]
mod tests {
    use super::{Objects, apply, changes};

    fn objects(named: &[(&str, &str)]) -> Objects {
        let named = named.iter();
        named
            .map(|(name, definition)| (("table".to_owned(), (*name).to_owned()), (*definition).to_owned()))
            .collect()
    }

    /// The reference after a run, from the reference, the look before and the look behind it.
    fn after(reference: &[(&str, &str)], before: &[(&str, &str)], behind: &[(&str, &str)]) -> Objects {
        let (reference, before, behind) = (objects(reference), objects(before), objects(behind));
        let standing = changes(&reference, &before);
        let mut seen = reference.clone();
        apply(&mut seen, standing);
        assert_eq!(seen, before, "the look before is the reference and its standing drift");
        let mut next = reference;
        apply(&mut next, changes(&seen, &behind));
        next
    }

    #[test]
    fn what_a_run_changed_enters_the_reference() {
        let next = after(&[("a", "1")], &[("a", "1")], &[("a", "2"), ("b", "1")]);
        assert_eq!(next, objects(&[("a", "2"), ("b", "1")]));
    }

    #[test]
    fn drift_that_stood_before_a_run_stays_drift() {
        let next = after(
            &[("a", "1"), ("gone", "1")],
            &[("a", "by hand"), ("new", "by hand")],
            &[("a", "by hand"), ("new", "by hand"), ("b", "1")],
        );
        assert_eq!(next, objects(&[("a", "1"), ("b", "1"), ("gone", "1")]));
    }

    #[test]
    fn a_run_that_changes_what_had_drifted_settles_it() {
        let next = after(&[("a", "1")], &[("a", "by hand")], &[("a", "2")]);
        assert_eq!(next, objects(&[("a", "2")]));
        let next = after(&[("a", "1")], &[("a", "by hand")], &[]);
        assert_eq!(next, objects(&[]));
    }
}
