use tokio_postgres::types::Type;

use super::read::read;
use crate::{QueryError, Session};

/// An object of a schema: its class, its name and what it is.
pub type Triple = (String, String, String);

/// An object that differs from the reference: its class, its name and what it is now; `None` if it is gone.
pub type Change = (String, String, Option<String>);

/// What the schema should look like: as it did after the last file that we ran, or as it was accepted.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Reference {
    /// Its objects, in no order.
    pub objects: Vec<Triple>,
    /// Files ran since, and the schema was not looked at afterwards: nothing can be said about drift.
    pub behind: bool,
    /// How the look before those files differed from the reference: that is drift, and no work of theirs. `None` when no run is
    /// under way.
    pub standing: Option<Vec<Change>>,
    /// How it was taken.
    pub state: ReferenceState,
}

/// How a reference was taken.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ReferenceState {
    /// By which major version of the server: another one words definitions differently.
    pub server_major: i32,
    /// Of which schemas.
    pub schemas: Vec<String>,
    /// Of the fingerprint.
    pub digest: String,
    /// The catalogue's gate at the last look.
    pub gate: String,
}

impl Session {
    /// Reads the reference; `None` while there is none.
    pub async fn reference(&self) -> Result<Option<Reference>, QueryError> {
        let [house] = self
            .connection
            .row("SELECT pg_catalog.to_regclass('ace_ops.state') IS NOT NULL")
            .await?;
        if house != "t" {
            return Ok(None);
        }
        let states = "SELECT behind, looked, server_major, schemas, digest, gate FROM ace_ops.state \
             WHERE server_major IS NOT NULL";
        let states = self.connection.query(states, &[]);
        let objects = self
            .connection
            .query("SELECT class, name, definition FROM ace_ops.reference", &[]);
        let standing = "SELECT class, name, definition FROM ace_ops.standing ORDER BY class, name";
        let standing = self.connection.query(standing, &[]);
        let (states, objects, standing) = tokio::try_join!(states, objects, standing)?;
        let Some(state) = states.first() else { return Ok(None) };
        let objects = objects
            .iter()
            .map(|row| Ok((read(row, 0)?, read(row, 1)?, read(row, 2)?)));
        let standing = standing
            .iter()
            .map(|row| Ok((read(row, 0)?, read(row, 1)?, read(row, 2)?)));
        let looked: bool = read(state, 1)?;
        Ok(Some(Reference {
            objects: objects.collect::<Result<_, QueryError>>()?,
            behind: read(state, 0)?,
            standing: looked
                .then(|| standing.collect::<Result<_, QueryError>>())
                .transpose()?,
            state: ReferenceState {
                server_major: read(state, 2)?,
                schemas: read(state, 3)?,
                digest: read(state, 4)?,
                gate: read(state, 5)?,
            },
        }))
    }

    /// How the reference was taken, and whether it is behind; without its objects, which are many.
    pub async fn reference_state(&self) -> Result<Option<(ReferenceState, bool)>, QueryError> {
        let [house] = self
            .connection
            .row("SELECT pg_catalog.to_regclass('ace_ops.state') IS NOT NULL")
            .await?;
        if house != "t" {
            return Ok(None);
        }
        let states =
            "SELECT behind, server_major, schemas, digest, gate FROM ace_ops.state WHERE server_major IS NOT NULL";
        let rows = self.connection.query(states, &[]).await?;
        let Some(state) = rows.first() else { return Ok(None) };
        let taken = ReferenceState {
            server_major: read(state, 1)?,
            schemas: read(state, 2)?,
            digest: read(state, 3)?,
            gate: read(state, 4)?,
        };
        Ok(Some((taken, read(state, 0)?)))
    }

    /// Stores the look before a run, as its difference from the reference. One stays whose run has changed something and was
    /// interrupted: its look afterwards is still due. One whose run changed nothing is replaced: what differs since is no work of
    /// ours. Under the lock.
    pub async fn before_run(&self, standing: &[Change]) -> Result<(), QueryError> {
        let statement = "WITH begun AS (UPDATE ace_ops.state SET looked = true WHERE NOT (looked AND behind) RETURNING 1), \
             old AS (DELETE FROM ace_ops.standing WHERE EXISTS (SELECT FROM begun)) \
             INSERT INTO ace_ops.standing SELECT c, n, d FROM begun, \
             ROWS FROM (pg_catalog.unnest($1), pg_catalog.unnest($2), pg_catalog.unnest($3)) AS o(c, n, d)";
        self.write(statement, standing, &[]).await
    }

    /// Takes what a run changed into the reference, by the look after it; from now on the reference is not behind. Under the lock.
    pub async fn after_run(&self, changed: &[Change], digest: &str, gate: &str) -> Result<(), QueryError> {
        let statement = "WITH changed AS (SELECT c, n, d FROM ROWS FROM (pg_catalog.unnest($1), pg_catalog.unnest($2), pg_catalog.unnest($3)) AS o(c, n, d)), \
             gone AS (DELETE FROM ace_ops.reference r USING changed WHERE r.class = c AND r.name = n), \
             standing AS (DELETE FROM ace_ops.standing), \
             state AS (UPDATE ace_ops.state SET behind = false, looked = false, digest = $4, gate = $5) \
             INSERT INTO ace_ops.reference SELECT c, n, d FROM changed WHERE d IS NOT NULL";
        let parameters = [(&digest as _, Type::TEXT), (&gate as _, Type::TEXT)];
        self.write(statement, changed, &parameters).await
    }

    /// Makes this the reference: the first one, one that was accepted, or one that another major version of the server words.
    /// Under the lock.
    pub async fn replace_reference(&self, objects: &[Triple], state: &ReferenceState) -> Result<(), QueryError> {
        let statement = "WITH gone AS (DELETE FROM ace_ops.reference), standing AS (DELETE FROM ace_ops.standing), \
             state AS (UPDATE ace_ops.state SET behind = false, looked = false, digest = $4, gate = $5, \
                       server_major = $6, schemas = $7) \
             INSERT INTO ace_ops.reference SELECT c, n, d FROM ROWS FROM (pg_catalog.unnest($1), pg_catalog.unnest($2), pg_catalog.unnest($3)) AS o(c, n, d)";
        let all: Vec<_> = objects
            .iter()
            .map(|(class, name, definition)| (class, name, Some(definition)))
            .collect();
        let parameters = [
            (&state.digest as _, Type::TEXT),
            (&state.gate as _, Type::TEXT),
            (&state.server_major as _, Type::INT4),
            (&state.schemas as _, Type::TEXT_ARRAY),
        ];
        self.write(statement, &all, &parameters).await
    }

    /// Runs a statement whose first parameters are the three columns of these objects.
    async fn write<T: AsRef<str>>(
        &self,
        statement: &str,
        objects: &[(T, T, Option<T>)],
        further: crate::connection::Parameters<'_>,
    ) -> Result<(), QueryError> {
        let classes: Vec<_> = objects.iter().map(|(class, _, _)| class.as_ref()).collect();
        let names: Vec<_> = objects.iter().map(|(_, name, _)| name.as_ref()).collect();
        let definitions: Vec<_> = objects
            .iter()
            .map(|(_, _, definition)| definition.as_ref().map(AsRef::as_ref))
            .collect();
        let mut parameters: Vec<(&(dyn tokio_postgres::types::ToSql + Sync), Type)> = vec![
            (&classes, Type::TEXT_ARRAY),
            (&names, Type::TEXT_ARRAY),
            (&definitions, Type::TEXT_ARRAY),
        ];
        parameters.extend_from_slice(further);
        self.connection.query(statement, &parameters).await.map(|_| ())
    }
}
