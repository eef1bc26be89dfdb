//! The live schema and its reference.

use ace_api::MigrationSet;
use ace_domain::{
    kinds::migration_set::{ReferenceState, SchemaObservation, State, StepError},
    sql::Version,
};

use crate::{FORM, Fingerprint, OUTSIDE, ObjectClass, Reading, Session, differences};

/// What was read at one moment.
pub struct Taken {
    /// The objects of the schemas.
    inside: Fingerprint,
    /// Those outside of them, most of which others have made.
    outside: Fingerprint,
    /// The value of the change check that belongs to them.
    gate: String,
}

impl Taken {
    /// The schemas, with the objects outside of them that this set has `made`.
    fn with_made(&self, made: &Fingerprint) -> Fingerprint {
        self.inside.clone().with(&self.outside.known_to(made))
    }

    fn everything(&self) -> Fingerprint {
        self.inside.clone().with(&self.outside)
    }
}

impl Session {
    /// Reads the schema, unless the change check shows that it is still the one of the last observation, or the one read `just`
    /// before.
    pub(super) async fn schema(
        &self,
        object: &MigrationSet,
        known: &State,
        has_reference: bool,
        just: Option<Taken>,
    ) -> Result<(SchemaObservation, Option<ReferenceState>), StepError> {
        let stands = async {
            if !has_reference {
                return Ok(None);
            }
            self.stored_reference_state().await
        };
        let (stands, gate) = tokio::try_join!(stands, self.connection.gate())?;
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
            return Ok((before.schema.clone(), stands));
        }
        let taken = match just.filter(|just| just.gate == gate) {
            Some(just) => Some(just),
            None => self.taken(object).await?,
        };
        let Some(taken) = taken else {
            return Ok((SchemaObservation::Busy, stands));
        };
        let live = taken.with_made(&self.made(stands.as_ref()).await?);
        let digest = live.digest();
        let (differs, ignored) = match &stands {
            Some(stands) if stands.digest != digest && !stands.snapshot_pending => {
                // If `spec.schemas` has changed, it is compared with the reference of the new ones.
                let mut watched = stands.schemas.clone();
                watched.retain(|schema| object.spec.schemas.contains(schema));
                watched.push(OUTSIDE.to_owned());
                let wanted = self.wanted().await?.keeping(&watched, &live);
                let all = differences(&wanted, &live);
                let rules = &object.spec.drift.ignore;
                if rules.is_empty() {
                    (all, 0)
                } else {
                    let (wanted, live) = wanted.without(rules, live.clone());
                    let differs = differences(&wanted, &live);
                    let ignored = all.len() - differs.len();
                    (differs, ignored)
                }
            }
            _ => (Vec::new(), 0),
        };
        let schema = SchemaObservation::Taken {
            digest,
            objects: live.len(),
            made: live.objects().filter(|object| is_made(object.class)).count(),
            differences: differs,
            ignored,
            gate: taken.gate,
        };
        Ok((schema, stands))
    }

    /// The live schema; `None` if another session holds a lock on it.
    async fn taken(&self, object: &MigrationSet) -> Result<Option<Taken>, StepError> {
        match self.connection.fingerprint(&object.spec.schemas).await? {
            Reading::Taken {
                fingerprint,
                outside,
                gate,
            } => Ok(Some(Taken {
                inside: fingerprint,
                outside,
                gate,
            })),
            Reading::Busy => Ok(None),
        }
    }

    /// The reference, object by object.
    async fn wanted(&self) -> Result<Fingerprint, StepError> {
        let reference = self.reference().await?;
        Ok(reference.map(|reference| reference.objects).unwrap_or_default())
    }

    /// What this set has made outside of its schemas; nothing is known of that without a reference.
    async fn made(&self, reference: Option<&ReferenceState>) -> Result<Fingerprint, StepError> {
        Ok(match reference {
            Some(_) => self.made_outside().await?,
            None => Fingerprint::default(),
        })
    }

    /// The live schema becomes the reference, if it still has `digest`; objects of the schemas in `keep` keep their reference.
    pub async fn make_reference(&self, object: &MigrationSet, digest: &str, keep: &[String]) -> Result<(), StepError> {
        let taken = self.taken(object).await?.ok_or_else(|| {
            StepError::Passing("the schema can't be read now: another session holds a lock on part of it".to_owned())
        })?;
        let reference = self.reference_state().await?;
        let live = taken.with_made(&self.made(reference.as_ref()).await?);
        if live.digest() != digest {
            return Err(StepError::Passing(
                "the schema is being changed by another session".to_owned(),
            ));
        }
        let reference = if keep.is_empty() {
            live
        } else {
            let keep = [keep, &[OUTSIDE.to_owned()]].concat();
            self.wanted().await?.keeping(&keep, &live)
        };
        let mut schemas = object.spec.schemas.clone();
        schemas.sort_unstable();
        let state = ReferenceState {
            digest: reference.digest(),
            snapshot_pending: false,
            schemas,
            server_major: self.target().await?.server_major(),
            form: FORM,
        };
        Ok(self.replace_reference(&reference, &state, &taken.gate).await?)
    }

    /// The snapshot before a run that begins with `first`: what differs from the reference now was not changed by the run.
    pub async fn snapshot_before_run(&self, object: &MigrationSet, first: &Version) -> Result<(), StepError> {
        let wanted = self.wanted().await?;
        let Some(taken) = self.taken(object).await? else {
            return Err(StepError::Blocked {
                version: first.clone(),
                blockers: self.exclusive_holders(&object.spec.schemas).await?,
            });
        };
        // With what others have made outside of the schemas, so that the run has not.
        Ok(self.before_run(&wanted.changes_to(&taken.everything())).await?)
    }

    /// The snapshot after a run: what differs from the snapshot before was changed by the run, and enters the reference.
    pub async fn snapshot_after_run(&self, object: &MigrationSet) -> Result<Option<Taken>, StepError> {
        let Some(reference) = self.reference().await? else {
            return Ok(None);
        };
        let Some(taken) = self.taken(object).await? else {
            return Ok(None);
        };
        // Without a snapshot before it, nobody knows what of the outside is from the run.
        let (live, standing) = match reference.standing {
            Some(standing) => (taken.everything(), standing),
            None => (taken.with_made(&reference.objects), Vec::new()),
        };
        let before = reference.objects.clone().changed(&standing);
        let run = before.changes_to(&live);
        let digest = reference.objects.changed(&run).digest();
        self.after_run(&run, &digest, &taken.gate).await?;
        Ok(Some(taken))
    }
}

/// A user created it: a new database has none of these.
fn is_made(class: ObjectClass) -> bool {
    use ObjectClass::{Domain, Enum, Function, MaterializedView, Sequence, Table, Type, View};
    matches!(
        class,
        Table | View | MaterializedView | Function | Enum | Domain | Type | Sequence
    )
}
