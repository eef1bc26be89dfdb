use std::collections::BTreeSet;

use ace_api::{DatabaseStatus, MigrationTarget, clipped};
use ace_domain::{
    kinds::migration_set::{Blocker, SyntaxCheck},
    sql::lines_before,
};
use jiff::Timestamp;
use tokio_postgres::{
    Row,
    error::{ErrorPosition, SqlState},
    types::Type,
};

use super::blocker;
use crate::{
    QueryError, Session,
    redact::{MESSAGE, ServerMessage, Text},
};

impl Session {
    /// Reads server and database of this session.
    pub async fn target(&self) -> Result<MigrationTarget, QueryError> {
        Ok(self.target_and_times().await?.0)
    }

    /// The same, with when the server last started, as text to compare (its postmaster survives a crash, its statistics don't), and
    /// what time it is by its clock.
    pub(super) async fn target_and_times(&self) -> Result<(MigrationTarget, String, Timestamp), QueryError> {
        let statement = "SELECT d.oid, d.datname, extract(epoch FROM greatest(pg_catalog.pg_postmaster_start_time(), \
             pg_catalog.pg_stat_get_bgwriter_stat_reset_time())), \
             extract(epoch FROM pg_catalog.clock_timestamp()) \
             FROM pg_catalog.pg_database d WHERE d.datname = pg_catalog.current_database()";
        let (server, [oid, database, start, time]) =
            tokio::try_join!(self.connection.identify(), self.connection.row(statement))?;
        let DatabaseStatus {
            server_version,
            system_identifier,
            timeline,
        } = server;
        let target = MigrationTarget {
            system_identifier,
            timeline,
            database: clipped(&database, 63),
            database_oid: oid.parse().map_err(|_| QueryError::Protocol)?,
            server_version,
        };
        Ok((target, start, timestamp(&time).ok_or(QueryError::Protocol)?))
    }

    /// The tables and materialized views, as schema and name, that have at least this many rows: by the last ANALYZE or by the
    /// statistics, whichever is more.
    pub async fn large_tables(&self, rows: u64) -> Result<BTreeSet<(String, String)>, QueryError> {
        let statement = "SELECT n.nspname::text, c.relname::text FROM pg_catalog.pg_class c \
             JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
             WHERE c.relkind IN ('r', 'p', 'm') \
             AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast') \
             AND greatest(c.reltuples::float8, pg_catalog.pg_stat_get_live_tuples(c.oid)::float8) >= $1";
        #[expect(clippy::cast_precision_loss, reason = "an estimate is compared with it")]
        let rows = rows as f64;
        let found = self.connection.query(statement, &[(&rows, Type::FLOAT8)]).await?;
        let table = |row: &Row| Ok((row.try_get(0)?, row.try_get(1)?));
        let tables: Result<_, tokio_postgres::Error> = found.iter().map(table).collect();
        tables.map_err(|_| QueryError::Protocol)
    }

    /// The sessions with an exclusive lock on a table of these schemas, or waiting for one: meanwhile the table can't be read.
    pub async fn exclusive_holders(&self, schemas: &[String]) -> Result<Vec<Blocker>, QueryError> {
        let statement = "SELECT DISTINCT coalesce(l.pid, 0), coalesce(nullif(a.application_name, ''), a.backend_type), \
                 extract(epoch FROM pg_catalog.now() - coalesce(a.xact_start, a.backend_start))::float8 \
             FROM pg_catalog.pg_locks l JOIN pg_catalog.pg_class c ON c.oid = l.relation \
             JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
             LEFT JOIN pg_catalog.pg_stat_activity a ON a.pid = l.pid \
             WHERE l.mode = 'AccessExclusiveLock' AND n.nspname = ANY ($1) \
             AND l.database = (SELECT d.oid FROM pg_catalog.pg_database d WHERE d.datname = pg_catalog.current_database()) \
             ORDER BY 1";
        let found = self
            .connection
            .query(statement, &[(&schemas, Type::TEXT_ARRAY)])
            .await?;
        Ok(found.iter().filter_map(|row| blocker(row, 0)).collect())
    }

    /// Has the server check the syntax of one statement, which is not run. Only a syntax error counts: a table that does not
    /// exist yet does not.
    pub async fn parses(&self, statement: &str) -> Result<SyntaxCheck, QueryError> {
        // Its tables are looked up after the syntax check, whose answer must not wait for their locks.
        let read = async {
            match self.connection.client().prepare_typed(statement, &[]).await {
                Err(error) if error.as_db_error().is_none() => Err(error),
                answer => Ok(answer.err()),
            }
        };
        let refused = self.connection.answer(read).await?;
        let error = refused.as_ref().and_then(tokio_postgres::Error::as_db_error);
        let Some(error) = error.filter(|error| *error.code() == SqlState::SYNTAX_ERROR) else {
            return Ok(SyntaxCheck::Parses);
        };
        let line = match error.position() {
            Some(ErrorPosition::Original(position)) => lines_before(statement, *position),
            _ => 0,
        };
        let message = Text::of([statement]).redacted(&ServerMessage::of(error), MESSAGE);
        Ok(SyntaxCheck::Fault { line, message })
    }
}

/// The server's `1767225600.123456`.
fn timestamp(epoch: &str) -> Option<Timestamp> {
    let (seconds, fraction) = epoch.split_once('.').unwrap_or((epoch, "0"));
    let microseconds: i32 = format!("{fraction:0<6}").parse().ok()?;
    Timestamp::new(seconds.parse().ok()?, microseconds.checked_mul(1000)?).ok()
}

#[cfg(test)]
mod tests {
    use super::timestamp;

    #[test]
    fn the_servers_clock_is_read_to_the_microsecond() {
        for (epoch, expected) in [
            ("1767225600.123456", Some("2026-01-01T00:00:00.123456Z")),
            ("1767225600.5", Some("2026-01-01T00:00:00.5Z")),
            ("1767225600", Some("2026-01-01T00:00:00Z")),
            ("Infinity", None),
            ("1767225600.1234567", None),
        ] {
            let read = timestamp(epoch).map(|time| time.to_string());
            assert_eq!(read.as_deref(), expected, "{epoch}");
        }
    }
}
