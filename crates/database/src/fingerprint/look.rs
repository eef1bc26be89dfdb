use std::fmt::Write;

use super::{Fingerprint, SchemaObject, definition};
use crate::{Connection, QueryError};

/// Which form objects are described in; of two forms nothing can be compared. To be raised whenever the same object would read
/// differently: its SQL here, the settings under which that is asked, or what is kept of an attribute. A test holds it to them.
pub const FORM: i32 = 1;

/// The rest of a statement whose `WITH` begins with the schemas. Rows of four: class, name, JSON array of schemas, JSON array of
/// attributes.
pub(super) const OBJECTS: &str = include_str!("objects.sql");

/// One row of one word.
const GATE: &str = include_str!("gate.sql");

/// What is set while catalogues are read, so that the same object always reads the same: whatever a session or a database
/// prefers, names outside `pg_catalog` are qualified and constants have one form. READ COMMITTED, so that the second gate sees
/// what was committed since the first.
///
/// A lock is waited for much shorter than the server's `deadlock_timeout` of 1 s: reading a view locks its tables until the
/// end, and with 1 s it was somebody's DDL that was ended for the deadlock (seen).
pub(super) const BEGIN: &str = "BEGIN ISOLATION LEVEL READ COMMITTED READ ONLY; \
    SET LOCAL search_path = pg_catalog, pg_temp; SET LOCAL lock_timeout = '100ms'; SET LOCAL jit = off; \
    SET LOCAL quote_all_identifiers = off; SET LOCAL standard_conforming_strings = on; SET LOCAL DateStyle = 'ISO, MDY'; \
    SET LOCAL IntervalStyle = postgres; SET LOCAL TimeZone = 'UTC'; SET LOCAL extra_float_digits = 1; \
    SET LOCAL bytea_output = hex; SET LOCAL lc_monetary = 'C'; SET LOCAL xmlbinary = base64; \n";
const END: &str = ";\nCOMMIT";

/// What came of looking at schemas.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Look {
    /// The schemas as they were at one moment.
    Taken {
        /// Their objects.
        fingerprint: Fingerprint,
        /// What [`Connection::gate`] says as long as they stay so.
        gate: String,
    },
    /// They can't be known now: somebody holds a table for himself, or changed the database's schema meanwhile.
    Busy,
}

impl Connection {
    /// Looks at these schemas. Reads catalogues only, so a table need not be readable; a schema that is absent has no objects.
    /// Outside of a transaction; the session is afterwards as it was.
    pub async fn fingerprint(&self, schemas: &[String]) -> Result<Look, QueryError> {
        let named = named(schemas);
        // The functions that write definitions read the catalogues of now, not of the statement's snapshot: only between
        // two equal gates is what they wrote one state.
        match self.read(&format!("{GATE};\nWITH {named}\n{OBJECTS};\n{GATE}")).await {
            Ok(rows) => taken(rows),
            Err(QueryError::Unavailable(state)) if state.as_str() == "55P03" => Ok(Look::Busy),
            // A catalogue row that went between two reads of it.
            Err(QueryError::Refused(state)) if state.as_str() == "XX000" => Ok(Look::Busy),
            Err(error) => Err(error),
        }
    }

    /// A word that changes whenever a schema of the database does, or a role's name, and costs little. It says nothing else:
    /// it also changes when a table is rewritten or truncated, and differs in every copy.
    pub async fn gate(&self) -> Result<String, QueryError> {
        let rows = self.read(GATE).await?;
        word(rows.into_iter().next()).ok_or(QueryError::Protocol)
    }

    /// Rows of statements that read catalogues. One message.
    async fn read(&self, statements: &str) -> Result<Vec<Vec<Option<String>>>, QueryError> {
        let answer = self.rows(&format!("{BEGIN}{statements}{END}")).await;
        if answer.is_err() {
            // Of a session that has ended this fails too, and the first error says more.
            let _ = self.rows("ROLLBACK").await;
        }
        answer
    }
}

/// The first part of `WITH`. Names are hexadecimal: in a literal, a session's settings say what a backslash is.
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
fn taken(mut rows: Vec<Vec<Option<String>>>) -> Result<Look, QueryError> {
    let last = word(rows.pop());
    let mut rows = rows.into_iter();
    let first = word(rows.next());
    let (gate, last) = first.zip(last).ok_or(QueryError::Protocol)?;
    if gate != last {
        return Ok(Look::Busy);
    }
    let fingerprint: Option<Fingerprint> = rows.map(object).collect();
    let fingerprint = fingerprint.ok_or(QueryError::Protocol)?;
    Ok(Look::Taken { fingerprint, gate })
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
