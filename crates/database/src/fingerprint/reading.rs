use std::fmt::Write;

use super::{Fingerprint, SchemaObject, definition};
use crate::{Connection, QueryError};

/// Version of the form of definitions; two forms can't be compared. To be incremented whenever the same object would have
/// another definition: by its SQL here, by the settings of its query, or by what is kept of an attribute. A test enforces that.
pub const FORM: i32 = 3;

/// The rest of a statement whose `WITH` begins with the schemas. Rows of four: class, name, JSON array of schemas, JSON array of
/// attributes.
pub(super) const OBJECTS: &str = include_str!("objects.sql");

/// One row of one word.
const GATE: &str = include_str!("gate.sql");

/// Settings while catalogues are read, so that the same object always has the same definition: whatever the settings of session
/// or database, names outside `pg_catalog` are qualified and constants have one form. READ COMMITTED, so that the second change
/// check sees what was committed since the first.
///
/// The lock timeout is much shorter than the server's `deadlock_timeout` of 1 s: reading a view locks its tables until the end,
/// and with 1 s it was a user's DDL that was cancelled for the deadlock (observed).
pub(super) const BEGIN: &str = "BEGIN ISOLATION LEVEL READ COMMITTED READ ONLY; \
    SET LOCAL search_path = pg_catalog, pg_temp; SET LOCAL lock_timeout = '100ms'; SET LOCAL jit = off; \
    SET LOCAL quote_all_identifiers = off; SET LOCAL standard_conforming_strings = on; SET LOCAL DateStyle = 'ISO, MDY'; \
    SET LOCAL IntervalStyle = postgres; SET LOCAL TimeZone = 'UTC'; SET LOCAL extra_float_digits = 1; \
    SET LOCAL bytea_output = hex; SET LOCAL lc_monetary = 'C'; SET LOCAL xmlbinary = base64; \n";
const END: &str = ";\nCOMMIT";

/// The result of reading schemas.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Reading {
    /// The schemas as they were at one moment.
    Taken {
        fingerprint: Fingerprint,
        /// Those outside of them, most of which others have made.
        outside: Fingerprint,
        /// The value of [`Connection::gate`] that belongs to them.
        gate: String,
    },
    /// They can't be read now: another session holds an exclusive lock on a table, or changed a schema meanwhile.
    Busy,
}

impl Connection {
    /// Reads these schemas. Uses catalogues only, so a table need not be readable; a schema that does not exist has no objects.
    /// Must be called outside of a transaction; leaves the session as it was.
    pub async fn fingerprint(&self, schemas: &[String]) -> Result<Reading, QueryError> {
        let named = named(schemas);
        // The functions that return definitions read the current catalogues, not the statement's snapshot: their results are
        // one consistent state only between two equal change checks.
        match self.read(&format!("{GATE};\nWITH {named}\n{OBJECTS};\n{GATE}")).await {
            Ok(rows) => taken(rows),
            Err(QueryError::Unavailable(state)) if state.as_str() == "55P03" => Ok(Reading::Busy),
            // A catalogue row that was deleted between two reads of it.
            Err(QueryError::Refused(state)) if state.as_str() == "XX000" => Ok(Reading::Busy),
            Err(error) => Err(error),
        }
    }

    /// A cheap value that changes whenever a schema of the database or the name of a role does. Nothing else follows from it:
    /// it also changes when a table is rewritten or truncated, and differs in every copy.
    pub async fn gate(&self) -> Result<String, QueryError> {
        let rows = self.read(GATE).await?;
        word(rows.into_iter().next()).ok_or(QueryError::Protocol)
    }

    /// The same within a transaction, as its snapshot has it.
    pub(crate) async fn gate_within(&self) -> Result<String, QueryError> {
        word(self.rows(GATE).await?.into_iter().next()).ok_or(QueryError::Protocol)
    }

    /// Rows of statements that read catalogues. One message.
    async fn read(&self, statements: &str) -> Result<Vec<Vec<Option<String>>>, QueryError> {
        let answer = self.rows(&format!("{BEGIN}{statements}{END}")).await;
        if answer.is_err() {
            // If the session has ended this fails too, and the first error has the cause.
            let _ = self.rows("ROLLBACK").await;
        }
        answer
    }
}

/// The first part of `WITH`. Names are hexadecimal, because the meaning of a backslash in a literal depends on the session's
/// settings.
fn named(schemas: &[String]) -> String {
    let mut named = "named (name) AS (SELECT NULL::pg_catalog.text".to_owned();
    for schema in schemas {
        let hex = hex::encode(schema);
        write!(
            named,
            " UNION SELECT pg_catalog.convert_from(pg_catalog.decode('{hex}', 'hex'), 'UTF8')"
        )
        .expect("writing to a String succeeds");
    }
    named + ")"
}

/// A gate, the objects, a gate.
fn taken(mut rows: Vec<Vec<Option<String>>>) -> Result<Reading, QueryError> {
    let last = word(rows.pop());
    let mut rows = rows.into_iter();
    let first = word(rows.next());
    let (gate, last) = first.zip(last).ok_or(QueryError::Protocol)?;
    if gate != last {
        return Ok(Reading::Busy);
    }
    let fingerprint: Option<Fingerprint> = rows.map(object).collect();
    let (fingerprint, outside) = fingerprint.ok_or(QueryError::Protocol)?.split();
    Ok(Reading::Taken {
        fingerprint,
        outside,
        gate,
    })
}

fn word(row: Option<Vec<Option<String>>>) -> Option<String> {
    let [word]: [Option<String>; 1] = row?.try_into().ok()?;
    word
}

fn object(row: Vec<Option<String>>) -> Option<SchemaObject> {
    let [class, name, schemas, attributes]: [Option<String>; 4] = row.try_into().ok()?;
    let attributes: Vec<String> = serde_json::from_str(&attributes?).ok()?;
    Some(SchemaObject {
        class: class?.parse().ok()?,
        name: definition::one_line(&name?),
        schemas: serde_json::from_str(&schemas?).ok()?,
        definition: definition::written(&attributes),
    })
}
