use ace_domain::kinds::migration_set::ReferenceState;
use serde_json::json;
use tokio_postgres::{Row, types::Type};

use super::{Damage, column, operator_schema::STATE as STATE_TABLE};
use crate::{Change, Fingerprint, OUTSIDE, QueryError, SchemaObject, Session, connection::Parameters};

/// The reference of the schema: as it was after the last file that this operator ran, or as it was accepted.
#[derive(Clone, Debug, PartialEq)]
pub struct Reference {
    /// Its objects. From another form, only those whose class is still known.
    pub objects: Fingerprint,
    /// How the snapshot before those files differed from the reference: that is drift, not made by them. `None` if no run is
    /// unfinished.
    pub standing: Option<Vec<Change>>,
    /// How it was taken, and whether it is behind: then nothing can be said about drift.
    pub state: ReferenceState,
}

impl Session {
    /// Reads the reference; `None` while there is none.
    pub async fn reference(&self) -> Result<Option<Reference>, QueryError> {
        if !self.has_state().await? {
            return Ok(None);
        }
        let states = format!("SELECT {STATE}, looked FROM ace_ops.state WHERE server_major IS NOT NULL");
        let objects = "SELECT class, name, schemas, definition FROM ace_ops.reference";
        let standing = "SELECT class, name, schemas, definition FROM ace_ops.standing ORDER BY class, name";
        let read = async |table, statement: &str| {
            let rows = self.connection.query(statement, &[]).await;
            rows.map_err(Damage::of(table))
        };
        let (states, objects, standing) = tokio::try_join!(
            read(STATE_TABLE, &states),
            read(REFERENCE, objects),
            read(STANDING, standing)
        )?;
        let Some(row) = states.first() else { return Ok(None) };
        let objects = objects.iter().filter_map(|row| change(REFERENCE, row).transpose());
        let standing = standing.iter().filter_map(|row| change(STANDING, row).transpose());
        let looked: bool = column(STATE_TABLE, row, 5)?;
        Ok(Some(Reference {
            objects: Fingerprint::default().changed(&objects.collect::<Result<Vec<_>, QueryError>>()?),
            standing: looked
                .then(|| standing.collect::<Result<_, QueryError>>())
                .transpose()?,
            state: state(row)?,
        }))
    }

    /// How the reference was taken, and whether a snapshot is pending; without its objects, which are many.
    pub async fn reference_state(&self) -> Result<Option<ReferenceState>, QueryError> {
        if !self.has_state().await? {
            return Ok(None);
        }
        self.stored_reference_state().await
    }

    /// The same, where the operator's schema exists.
    pub(crate) async fn stored_reference_state(&self) -> Result<Option<ReferenceState>, QueryError> {
        let states = format!("SELECT {STATE} FROM ace_ops.state WHERE server_major IS NOT NULL");
        let rows = self.connection.query(&states, &[]).await;
        let rows = rows.map_err(Damage::of(STATE_TABLE))?;
        rows.first().map(state).transpose()
    }

    /// The objects of the reference outside of its schemas: those that this set has made.
    pub(crate) async fn made_outside(&self) -> Result<Fingerprint, QueryError> {
        let statement = "SELECT class, name, schemas, definition FROM ace_ops.reference WHERE schemas = ARRAY[$1]";
        let rows = self.connection.query(statement, &[(&OUTSIDE, Type::TEXT)]).await;
        let rows = rows.map_err(Damage::of(REFERENCE))?;
        let made = rows.iter().filter_map(|row| change(REFERENCE, row).transpose());
        Ok(Fingerprint::default().changed(&made.collect::<Result<Vec<_>, QueryError>>()?))
    }

    async fn has_state(&self) -> Result<bool, QueryError> {
        let statement = "SELECT pg_catalog.to_regclass('ace_ops.state') IS NOT NULL";
        let [exists] = self.connection.row(statement).await.map_err(Damage::of(STATE_TABLE))?;
        Ok(exists == "t")
    }

    /// Stores the snapshot before a run, as its difference from the reference. That of an interrupted run which changed
    /// something stays: its snapshot afterwards is still pending. That of a run which changed nothing is replaced: later
    /// differences are not from a run. Under the lock.
    pub async fn before_run(&self, standing: &[Change]) -> Result<(), QueryError> {
        let statement = format!(
            "WITH begun AS (UPDATE ace_ops.state SET looked = true WHERE NOT (looked AND behind) RETURNING 1), \
             old AS (DELETE FROM ace_ops.standing WHERE EXISTS (SELECT FROM begun)) \
             INSERT INTO ace_ops.standing SELECT o.* FROM begun, {OBJECTS}"
        );
        self.write(&statement, standing, &[]).await
    }

    /// Adds the changes of a run to the reference, by the snapshot after it; no snapshot is pending afterwards. Under the lock.
    pub async fn after_run(&self, changed: &[Change], digest: &str, gate: &str) -> Result<(), QueryError> {
        let statement = format!(
            "WITH changed AS (SELECT o.* FROM {OBJECTS}), \
             gone AS (DELETE FROM ace_ops.reference r USING changed c WHERE (r.class, r.name) = (c.class, c.name)), \
             standing AS (DELETE FROM ace_ops.standing), \
             state AS (UPDATE ace_ops.state SET behind = false, looked = false, digest = $2, gate = $3) \
             INSERT INTO ace_ops.reference SELECT * FROM changed WHERE definition IS NOT NULL"
        );
        let parameters = [(&digest as _, Type::TEXT), (&gate as _, Type::TEXT)];
        self.write(&statement, changed, &parameters).await
    }

    /// Makes this the reference: the first one, one that was accepted, one of other schemas, or one that is described anew. `gate` is
    /// the catalogue's at the look that showed it. Under the lock.
    pub async fn replace_reference(
        &self,
        objects: &Fingerprint,
        state: &ReferenceState,
        gate: &str,
    ) -> Result<(), QueryError> {
        let statement = format!(
            "WITH gone AS (DELETE FROM ace_ops.reference), standing AS (DELETE FROM ace_ops.standing), \
             state AS (UPDATE ace_ops.state SET looked = false, digest = $2, gate = $3, \
                       server_major = $4, form = $5, schemas = $6, behind = $7) \
             INSERT INTO ace_ops.reference SELECT o.* FROM {OBJECTS}"
        );
        let parameters = [
            (&state.digest as _, Type::TEXT),
            (&gate as _, Type::TEXT),
            (&state.server_major as _, Type::INT4),
            (&state.form as _, Type::INT4),
            (&state.schemas as _, Type::TEXT_ARRAY),
            (&state.snapshot_pending as _, Type::BOOL),
        ];
        self.write(&statement, &Fingerprint::default().changes_to(objects), &parameters)
            .await
    }

    /// Runs a statement whose first parameter are [`OBJECTS`].
    async fn write(&self, statement: &str, changes: &[Change], further: Parameters<'_>) -> Result<(), QueryError> {
        let objects = changes.iter().map(|change| match change {
            Change::Is(object) => json!({
                "class": object.class.as_str(), "name": object.name, "schemas": object.schemas,
                "definition": object.definition,
            }),
            Change::Gone(class, name) => json!({ "class": class.as_str(), "name": name }),
        });
        let objects = objects.collect::<serde_json::Value>().to_string();
        let mut parameters: Vec<(&(dyn tokio_postgres::types::ToSql + Sync), Type)> = vec![(&objects, Type::TEXT)];
        parameters.extend_from_slice(further);
        let written = self.connection.query(statement, &parameters).await;
        written.map(|_| ()).map_err(Damage::of(REFERENCES))
    }
}

/// Objects as JSON, with the columns of both tables of objects: PostgreSQL has no arrays of arrays of different lengths.
const OBJECTS: &str = "pg_catalog.json_to_recordset($1::pg_catalog.json) \
    AS o (class text, name text, schemas text[], definition text)";

pub(super) const REFERENCE: &str = "ace_ops.reference";
pub(super) const STANDING: &str = "ace_ops.standing";
const REFERENCES: &str = "ace_ops.state`, `ace_ops.reference` or `ace_ops.standing";

/// The columns of [`state`].
const STATE: &str = "server_major, form, schemas, digest, behind";

fn state(row: &Row) -> Result<ReferenceState, QueryError> {
    Ok(ReferenceState {
        server_major: column(STATE_TABLE, row, 0)?,
        form: column(STATE_TABLE, row, 1)?,
        schemas: column(STATE_TABLE, row, 2)?,
        digest: column(STATE_TABLE, row, 3)?,
        snapshot_pending: column(STATE_TABLE, row, 4)?,
    })
}

/// A row of either table of objects; `None` for a class of another form.
fn change(table: &'static str, row: &Row) -> Result<Option<Change>, QueryError> {
    let Ok(class) = column::<&str>(table, row, 0)?.parse() else {
        return Ok(None);
    };
    let name = column(table, row, 1)?;
    Ok(Some(match column(table, row, 3)? {
        Some(definition) => Change::Is(SchemaObject {
            class,
            name,
            schemas: column(table, row, 2)?,
            definition,
        }),
        None => Change::Gone(class, name),
    }))
}
