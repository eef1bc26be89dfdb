use std::{collections::BTreeMap, time::Duration};

use super::{Scope, Snapshot, TableName, Tables, names, quoted};
use crate::{Access, Connection, OpenError, QueryError, Session, Settings};

/// How a row becomes the same text on every server from 15 to 18, whatever role and database have set. With `row_security` off
/// a table whose rows would be hidden is an error.
const SETTINGS: &str = "SET LOCAL search_path = pg_catalog; SET LOCAL row_security = off; SET LOCAL DateStyle = 'ISO, MDY'; \
    SET LOCAL IntervalStyle = postgres; SET LOCAL TimeZone = 'UTC'; SET LOCAL extra_float_digits = 1; \
    SET LOCAL bytea_output = hex; SET LOCAL lc_monetary = 'C'; SET LOCAL quote_all_identifiers = off; \
    SET LOCAL standard_conforming_strings = on; SET LOCAL xmlbinary = base64; SET LOCAL xmloption = content";

/// How long one table may take, by a session of its own.
const STATEMENT: Duration = Duration::from_hours(4);

/// How long it waits for a table that is locked, as `pg_dump` does.
pub(crate) const LOCK: Duration = Duration::from_mins(1);

/// Name of the large objects among the tables.
const LARGE_OBJECTS: (&str, &str) = ("pg_catalog", "pg_largeobject");

/// Each by its number and its SHA-256, which the server makes without holding more than one.
const OF_LARGE_OBJECTS: &str = "SELECT count(*)::text, coalesce(sum(hashtextextended( \
    m.oid::text || ':' || encode(sha256(lo_get(m.oid)), 'hex'), 0)::numeric), 0)::text FROM pg_largeobject_metadata m";
const COUNT_LARGE_OBJECTS: &str = "SELECT count(*)::text FROM pg_largeobject_metadata";

/// How much is proved of each table.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Detail {
    /// The number of rows.
    Counts,
    /// The rows, by a hash that does not depend on their order.
    Rows,
}

/// What was counted of one table.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Counted {
    pub rows: u64,
    /// Sum of the rows' 64-bit hashes, in decimal digits; `None` if they were only counted.
    pub hash: Option<String>,
}

/// The rows of each table of a database at one moment.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Proof {
    /// Tables with rows of their own, so not a partitioned one, but each partition.
    pub tables: BTreeMap<TableName, Counted>,
    /// Partitioned tables, and their partitions that are counted.
    pub partitions: BTreeMap<TableName, Vec<TableName>>,
    /// Tables of extensions, of whose rows an archive may have some.
    pub besides: Vec<TableName>,
}

/// Why there is no proof.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum ProofError {
    #[error("{0}")]
    Open(#[from] OpenError),
    #[error("{0}")]
    Query(#[from] QueryError),
    /// Row security hides rows from the role: a copy by it has not all of them.
    #[error("row security hides rows of {} from this role: use one with BYPASSRLS", names(.0))]
    Hidden(Vec<TableName>),
    /// The role may not read them.
    #[error("this role may not read {}: grant it SELECT, or leave them out of the scope", names(.0))]
    Unreadable(Vec<TableName>),
    /// A table could not be counted: it is locked for too long, it was dropped, or a row of it is too large.
    #[error("table {table} can't be counted: {error}")]
    Table { table: TableName, error: QueryError },
}

impl ProofError {
    /// The variant as a label of bounded cardinality.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Open(error) => error.reason(),
            Self::Query(error) | Self::Table { error, .. } => error.reason(),
            Self::Hidden(_) => "RowsHidden",
            Self::Unreadable(_) => "Unreadable",
        }
    }
}

impl Snapshot {
    /// Counts the rows of this snapshot by a session of its own. `application` is the name of that.
    pub async fn prove(&self, access: &Access, application: &str, detail: Detail) -> Result<Proof, ProofError> {
        let session = session(access, application).await?;
        let import = format!("SET TRANSACTION SNAPSHOT '{}'", self.id());
        let proof = prove(session.connection(), &import, self.scope(), detail).await;
        session.close().await;
        proof
    }
}

impl Proof {
    /// Counts the rows of a database as they are now.
    pub(crate) async fn of(
        access: &Access,
        application: &str,
        scope: &Scope,
        detail: Detail,
    ) -> Result<Self, ProofError> {
        let session = session(access, application).await?;
        let proof = prove(session.connection(), "", scope, detail).await;
        session.close().await;
        proof
    }

    /// Its rows; those of a partitioned table are its partitions'. `None` if it is not counted.
    pub fn rows_of(&self, table: &TableName) -> Option<u64> {
        let rows = |table| self.tables.get(table).map(|counted| counted.rows);
        match self.partitions.get(table) {
            Some(partitions) => Some(partitions.iter().filter_map(rows).sum()),
            None => rows(table),
        }
    }

    /// The tables, without the large objects, which an archive has in another way.
    pub(crate) fn counted(&self) -> impl Iterator<Item = &TableName> {
        let (schema, name) = LARGE_OBJECTS;
        self.tables
            .keys()
            .filter(move |table| table.schema != schema || table.name != name)
    }

    /// All rows.
    pub fn rows(&self) -> u64 {
        self.tables.values().map(|counted| counted.rows).sum()
    }
}

async fn session(access: &Access, application: &str) -> Result<Session, OpenError> {
    let mut access = access.clone();
    access.limits.statement = STATEMENT;
    let settings = Settings {
        lock_timeout: LOCK,
        statement_timeout: STATEMENT,
        ..Settings::new(application)
    };
    Session::open_read_only(&access, &settings).await
}

async fn prove(connection: &Connection, import: &str, scope: &Scope, detail: Detail) -> Result<Proof, ProofError> {
    let begin = format!("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; {import}; {SETTINGS}");
    connection.execute(&begin).await?;
    // What may be read is asked by the role that reads.
    let tables = Tables::read(connection, scope).await?;
    if !tables.hidden.is_empty() {
        return Err(ProofError::Hidden(tables.hidden));
    }
    if !tables.unreadable.is_empty() {
        return Err(ProofError::Unreadable(tables.unreadable));
    }
    let mut proof = Proof {
        tables: BTreeMap::new(),
        partitions: tables.partitions,
        besides: tables.of_extensions,
    };
    for (table, columns) in &tables.counted {
        let counted = counted(connection, &statement(table, columns, detail)).await;
        let counted = counted.map_err(|error| ProofError::Table {
            table: table.clone(),
            error,
        })?;
        proof.tables.insert(table.clone(), counted);
    }
    let large = counted(connection, large_objects(detail)).await?;
    if large.rows > 0 {
        let (schema, name) = LARGE_OBJECTS;
        proof.tables.insert(TableName::new(schema, name), large);
    }
    connection.execute("COMMIT").await?;
    Ok(proof)
}

/// The columns are named in the order of their names: that of the table may be another one in a restored dump. The sign of
/// equality of texts decides nothing here, so neither does the database's collation.
fn statement(table: &TableName, columns: &str, detail: Detail) -> String {
    let hash = match detail {
        Detail::Counts => String::new(),
        Detail::Rows => {
            format!(", coalesce(sum(hashtextextended(ROW({columns})::text COLLATE \"C\", 0)::numeric), 0)::text")
        }
    };
    let (schema, name) = (quoted(&table.schema), quoted(&table.name));
    format!("SELECT count(*)::text{hash} FROM ONLY {schema}.{name} t")
}

fn large_objects(detail: Detail) -> &'static str {
    match detail {
        Detail::Counts => COUNT_LARGE_OBJECTS,
        Detail::Rows => OF_LARGE_OBJECTS,
    }
}

async fn counted(connection: &Connection, statement: &str) -> Result<Counted, QueryError> {
    let row = connection.rows(statement).await?.into_iter().next();
    let mut columns = row.ok_or(QueryError::Protocol)?.into_iter().flatten();
    let rows = columns.next().and_then(|rows| rows.parse().ok());
    Ok(Counted {
        rows: rows.ok_or(QueryError::Protocol)?,
        hash: columns.next(),
    })
}
