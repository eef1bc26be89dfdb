use ace_domain::sql::Statement;
use tokio_postgres::types::Type;

use super::{Run, RunError, watch::Patience};

/// An index as the catalogue shows it.
pub(super) struct Index {
    pub(super) oid: u32,
    pub(super) valid: bool,
    /// Qualified, and quoted where it must be.
    qualified: String,
    /// Whether it is on the given table.
    pub(super) on_table: bool,
}

// These statements run under the file's search path, where it matters for names, so their operators have their schema.

/// The relation of name `$2` in schema `$1`, or on the session's search path.
const NAMED: &str = "pg_catalog.to_regclass(pg_catalog.concat(pg_catalog.quote_ident($1) OPERATOR(pg_catalog.||) '.', pg_catalog.quote_ident($2)))";

const SHOWN: &str = "SELECT c.oid, i.indisvalid, pg_catalog.format('%I.%I', n.nspname, c.relname)";
const INDEXES: &str = "pg_catalog.pg_index i JOIN pg_catalog.pg_class c ON c.oid OPERATOR(pg_catalog.=) i.indexrelid \
    JOIN pg_catalog.pg_namespace n ON n.oid OPERATOR(pg_catalog.=) c.relnamespace";

impl Run<'_> {
    /// The index of this name in the table's schema, where `CREATE INDEX` would make it.
    pub(super) async fn index_beside(
        &self,
        schema: Option<&str>,
        table: &str,
        name: &str,
    ) -> Result<Option<Index>, RunError> {
        let statement = format!(
            "{SHOWN}, i.indrelid OPERATOR(pg_catalog.=) t.oid FROM pg_catalog.pg_class t, {INDEXES} \
             WHERE t.oid OPERATOR(pg_catalog.=) {NAMED} AND c.relnamespace OPERATOR(pg_catalog.=) t.relnamespace AND c.relname OPERATOR(pg_catalog.=) $3::pg_catalog.name"
        );
        let parameters = [
            (&schema as _, Type::TEXT),
            (&table as _, Type::TEXT),
            (&name as _, Type::TEXT),
        ];
        Ok(self.indexes(&statement, &parameters).await?.into_iter().next())
    }

    /// The index of this name.
    pub(super) async fn index(&self, schema: Option<&str>, name: &str) -> Result<Option<Index>, RunError> {
        let statement = format!("{SHOWN}, true FROM {INDEXES} WHERE c.oid OPERATOR(pg_catalog.=) {NAMED}");
        let parameters = [(&schema as _, Type::TEXT), (&name as _, Type::TEXT)];
        Ok(self.indexes(&statement, &parameters).await?.into_iter().next())
    }

    /// Whether any of these still exists.
    pub(super) async fn any_exists(&self, indexes: &[u32]) -> Result<bool, RunError> {
        let statement = "SELECT EXISTS (SELECT FROM pg_catalog.pg_class c WHERE c.oid OPERATOR(pg_catalog.=) ANY ($1))";
        let rows = self
            .session
            .connection
            .query(statement, &[(&indexes as _, Type::OID_ARRAY)])
            .await?;
        let row = rows.first().ok_or(RunError::Protocol { line: None })?;
        row.try_get(0).map_err(|_| RunError::Protocol { line: None })
    }

    /// Remains of an interrupted `REINDEX CONCURRENTLY` of this index or table: the new indexes before it exchanges them, the
    /// old ones afterwards, on the table, its partitions and their TOAST tables.
    pub(super) async fn leftovers(&self, schema: Option<&str>, name: &str) -> Result<Vec<Index>, RunError> {
        let statement = format!(
            "{SHOWN}, true FROM {INDEXES} WHERE NOT i.indisvalid AND c.relname OPERATOR(pg_catalog.~) '_cc(new|old)[0-9]*$' AND i.indrelid OPERATOR(pg_catalog.=) ANY ( \
                 SELECT u.oid FROM ( \
                     SELECT coalesce((SELECT x.indrelid FROM pg_catalog.pg_index x WHERE x.indexrelid OPERATOR(pg_catalog.=) r), r) AS root \
                     FROM (SELECT {NAMED}::pg_catalog.oid AS r) named) q, \
                 LATERAL (SELECT q.root AS relid UNION SELECT p.relid FROM pg_catalog.pg_partition_tree(q.root) p) parts \
                 JOIN pg_catalog.pg_class t ON t.oid OPERATOR(pg_catalog.=) parts.relid, \
                 LATERAL (VALUES (t.oid), (t.reltoastrelid)) u(oid))"
        );
        let parameters = [(&schema as _, Type::TEXT), (&name as _, Type::TEXT)];
        self.indexes(&statement, &parameters).await
    }

    /// Drops an INVALID index, without blocking other sessions.
    pub(super) async fn drop_index(&self, index: &Index) -> Result<(), RunError> {
        let statement = format!("DROP INDEX CONCURRENTLY IF EXISTS {}", index.qualified);
        self.send_alone(&statement, None).await
    }

    /// Sends a statement that can't run in a transaction. It may wait for locks until its timeout.
    pub(super) async fn send_alone(&self, statement: &str, of_file: Option<&Statement>) -> Result<(), RunError> {
        self.prepare_alone().await?;
        let patience = Patience {
            lock: None,
            ..self.patience()
        };
        let client = self.session.connection.client();
        let answer = self.guarded(client.batch_execute(statement), patience, of_file).await;
        self.hear();
        answer
    }

    async fn indexes(
        &self,
        statement: &str,
        parameters: crate::connection::Parameters<'_>,
    ) -> Result<Vec<Index>, RunError> {
        let rows = self.session.connection.query(statement, parameters).await?;
        let index = |row: &tokio_postgres::Row| {
            Ok(Index {
                oid: row.try_get(0)?,
                valid: row.try_get(1)?,
                qualified: row.try_get(2)?,
                on_table: row.try_get(3)?,
            })
        };
        let indexes: Result<_, tokio_postgres::Error> = rows.iter().map(index).collect();
        indexes.map_err(|_| RunError::Protocol { line: None })
    }
}
