use jiff::{SignedDuration, Timestamp};

use super::{Scope, TableName, Tables};
use crate::{Connection, FORM, Fingerprint, QueryError, Reading, identity::IDENTIFY, identity::identity};

/// The moment of which a backup is a copy, and the database, as the server describes them.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Point {
    /// By the server's clock, as the snapshot was begun.
    pub time: Timestamp,
    /// End of the write-ahead log, read just after the snapshot was taken: `3A/41F2C8`.
    pub lsn: String,
    pub system_identifier: String,
    pub timeline: i64,
    pub database: String,
    /// `15.18`.
    pub server_version: String,
    /// `15`.
    pub server_major: u32,
    /// Size of the database on the server's disk, in bytes.
    pub size: u64,
    /// Last version in the CLI's ledger; `None` if there is none, or its table can't be read.
    pub head: Option<String>,
    /// `sha256:…` of the schemas within the scope, without owners, rights and publications: a restored dump has it, too.
    pub schema_digest: String,
    /// Form of the digest: those of two forms, as those of two major versions, can't be compared.
    pub schema_form: i32,
    /// Roles that policies name: without them the dump can't be restored.
    pub roles: Vec<String>,
    /// What the backup does not have, in words for readers.
    pub not_covered: Vec<String>,
}

/// Rows of one column, each with a word before it that says what it is.
const POINT: &str = "SELECT 'time', (extract(epoch FROM now()) * 1000000)::int8::text \
    UNION ALL SELECT 'lsn', CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_lsn() END::text \
    UNION ALL SELECT 'database', current_database()::text \
    UNION ALL SELECT 'major', (current_setting('server_version_num')::int4 / 10000)::text \
    UNION ALL SELECT 'size', pg_database_size(current_database())::text \
    UNION ALL SELECT 'ledger', c.oid::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
      JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'version' AND NOT a.attisdropped \
      WHERE n.nspname = 'supabase_migrations' AND c.relname = 'schema_migrations' AND c.relkind = 'r' \
      AND a.atttypid = 'text'::regtype AND has_schema_privilege(n.oid, 'USAGE') AND has_table_privilege(c.oid, 'SELECT') \
      AND NOT row_security_active(c.oid) \
    UNION ALL SELECT 'role', r.rolname::text FROM pg_roles r WHERE r.oid IN ( \
      SELECT refobjid FROM pg_shdepend WHERE deptype = 'r' AND refclassid = 'pg_authid'::regclass \
      AND dbid = (SELECT d.oid FROM pg_database d WHERE d.datname = current_database()))";

const HEAD: &str = "SELECT coalesce(max(version COLLATE \"C\"), '') FROM supabase_migrations.schema_migrations";

/// The schemas within a scope.
const SCHEMAS: &str = "SELECT nspname::text FROM pg_namespace \
    WHERE nspname <> 'information_schema' AND nspname NOT LIKE 'pg\\_%' AND nspname <> ALL ($1::text[]) ORDER BY nspname";

/// The schemas that are left out and have tables of their own, and whether there are files of Storage.
const LEFT_OUT: &str = "SELECT n.nspname::text FROM pg_namespace n WHERE n.nspname = ANY ($1::text[]) AND EXISTS ( \
      SELECT FROM pg_class c WHERE c.relnamespace = n.oid AND c.relkind IN ('r', 'p')) \
    UNION ALL SELECT '' FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
      WHERE n.nspname = 'storage' AND c.relname = 'objects' ORDER BY 1";

impl Point {
    /// Reads it in a transaction, but for the schema.
    pub(super) async fn read(connection: &Connection, scope: &Scope, tables: &Tables) -> Result<Self, QueryError> {
        let [version, system_identifier, timeline] = connection.row(IDENTIFY).await?;
        let known = identity([&version, &system_identifier, &timeline]).ok_or(QueryError::Protocol)?;
        let mut point = Self {
            time: Timestamp::default(),
            lsn: String::new(),
            system_identifier: known.system_identifier,
            timeline: known.timeline,
            database: String::new(),
            server_version: known.server_version,
            server_major: 0,
            size: 0,
            head: None,
            schema_digest: String::new(),
            schema_form: FORM,
            roles: Vec::new(),
            not_covered: Vec::new(),
        };
        let mut has_ledger = false;
        for row in connection.rows(POINT).await? {
            has_ledger |= point.take(row).ok_or(QueryError::Protocol)?;
        }
        if has_ledger {
            let [head] = connection.row(HEAD).await?;
            point.head = Some(head).filter(|head| !head.is_empty());
        }
        point.roles.sort_unstable();
        point.not_covered = not_covered(connection, scope, &tables.excluded).await?;
        Ok(point)
    }

    /// Takes over one row; whether it says that there is a ledger.
    fn take(&mut self, row: Vec<Option<String>>) -> Option<bool> {
        let [what, value]: [Option<String>; 2] = row.try_into().ok()?;
        let value = value?;
        match what?.as_str() {
            "time" => self.time = Timestamp::from_microsecond(value.parse().ok()?).ok()?,
            "lsn" => self.lsn = value,
            "database" => self.database = value,
            "major" => self.server_major = value.parse().ok()?,
            "size" => self.size = value.parse().ok()?,
            "role" => self.roles.push(value),
            _ => return Some(true),
        }
        Some(false)
    }

    /// How far the server's clock is ahead of ours.
    pub fn ahead_of(&self, ours: Timestamp) -> SignedDuration {
        self.time.duration_since(ours)
    }
}

async fn not_covered(connection: &Connection, scope: &Scope, data: &[TableName]) -> Result<Vec<String>, QueryError> {
    let rows = connection
        .query(LEFT_OUT, &[(&scope.schemas(), tokio_postgres::types::Type::TEXT_ARRAY)])
        .await?;
    let mut not_covered = vec!["role passwords".to_owned()];
    for row in &rows {
        let schema: &str = row.try_get(0).map_err(|_| QueryError::Protocol)?;
        not_covered.push(match schema {
            "" => "storage files".to_owned(),
            "vault" => "vault secrets".to_owned(),
            schema => format!("schema {schema}"),
        });
    }
    not_covered.extend(data.iter().map(|table| format!("rows of {table}")));
    Ok(not_covered)
}

/// The schemas within a scope, without what depends on who restores them; `None` while another session changes them. Outside of
/// a transaction. With it the value of the change check.
pub(crate) async fn schema_of(
    connection: &Connection,
    scope: &Scope,
) -> Result<Option<(Fingerprint, String)>, QueryError> {
    let parameters = (
        &scope.schemas() as &(dyn tokio_postgres::types::ToSql + Sync),
        tokio_postgres::types::Type::TEXT_ARRAY,
    );
    let rows = connection.query(SCHEMAS, &[parameters]).await?;
    let schemas: Result<Vec<String>, _> = rows.iter().map(|row| row.try_get(0)).collect();
    let schemas = schemas.map_err(|_| QueryError::Protocol)?;
    Ok(match connection.fingerprint(&schemas).await? {
        Reading::Taken { fingerprint, gate, .. } => Some((fingerprint.without_roles(), gate)),
        Reading::Busy => None,
    })
}
