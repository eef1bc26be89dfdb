use tokio_postgres::{
    error::{ErrorPosition, SqlState},
    types::Type,
};

use crate::{
    Blocker, Identity, QueryError, Session,
    redact::{Said, Text},
    run::MESSAGE,
};

/// Where statements would run.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Target {
    /// The server.
    pub identity: Identity,
    /// `150018` is 15.18.
    pub server_version_number: u32,
    /// Of the database within the server; a copy by `CREATE DATABASE … TEMPLATE` has another.
    pub database_oid: u32,
    /// The database's name.
    pub database_name: String,
}

/// Whether the server can read a statement.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Parsed {
    /// Its grammar takes it; whether it means something there is another question.
    Yes,
    /// A syntax error.
    No {
        /// How many lines of the statement come before the one with the error.
        line: u32,
        /// The server's words, as far as they are its own or the statement's.
        message: String,
    },
}

impl Session {
    /// Asks where this session is.
    pub async fn target(&self) -> Result<Target, QueryError> {
        let identity = self.connection.identify().await?;
        let statement = "SELECT pg_catalog.current_setting('server_version_num'), d.oid, d.datname \
             FROM pg_catalog.pg_database d WHERE d.datname = pg_catalog.current_database()";
        let [number, oid, database_name] = self.connection.row(statement).await?;
        Ok(Target {
            identity,
            server_version_number: number.parse().map_err(|_| QueryError::Protocol)?,
            database_oid: oid.parse().map_err(|_| QueryError::Protocol)?,
            database_name,
        })
    }

    /// The tables and materialized views, as schema and name, that have at least so many rows: as of the last ANALYZE or as the
    /// statistics count them, whichever is more.
    pub async fn large_tables(&self, rows: u64) -> Result<Vec<(String, String)>, QueryError> {
        let statement = "SELECT n.nspname::text, c.relname::text FROM pg_catalog.pg_class c \
             JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
             WHERE c.relkind IN ('r', 'p', 'm') \
             AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast') \
             AND greatest(c.reltuples::float8, pg_catalog.pg_stat_get_live_tuples(c.oid)::float8) >= $1 ORDER BY 1, 2";
        #[expect(clippy::cast_precision_loss, reason = "an estimate is compared with it")]
        let rows = rows as f64;
        let found = self.connection.query(statement, &[(&rows, Type::FLOAT8)]).await?;
        Ok(found.iter().map(|row| (row.get(0), row.get(1))).collect())
    }

    /// Who has a table of these schemas for himself, or waits to have it: nobody else can look at it meanwhile.
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
        Ok(found.iter().filter_map(|row| Blocker::from_columns(row, 0)).collect())
    }

    /// Asks the server's grammar about one statement, which is not run. Only a syntax error is a no: a table that is not there yet
    /// is none of the grammar's business.
    pub async fn parses(&self, statement: &str) -> Result<Parsed, QueryError> {
        // Its tables are looked up after its grammar, and the answer does not wait for whoever has locked them.
        let read = async {
            match self.connection.client().prepare_typed(statement, &[]).await {
                Err(error) if error.as_db_error().is_none() => Err(error),
                answer => Ok(answer.err()),
            }
        };
        let refused = self.connection.answer(read).await?;
        let error = refused.as_ref().and_then(tokio_postgres::Error::as_db_error);
        let Some(error) = error.filter(|error| *error.code() == SqlState::SYNTAX_ERROR) else {
            return Ok(Parsed::Yes);
        };
        let line = match error.position() {
            Some(ErrorPosition::Original(position)) => lines_before(statement, *position),
            _ => 0,
        };
        let message = Text::of([statement]).redacted(&Said::of(error), MESSAGE);
        Ok(Parsed::No { line, message })
    }
}

/// How many line feeds come before this character of the text; the server counts characters from 1.
pub(crate) fn lines_before(text: &str, position: u32) -> u32 {
    let before = text.chars().take(position.saturating_sub(1) as usize);
    u32::try_from(before.filter(|character| *character == '\n').count()).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::lines_before;

    #[test]
    fn a_position_counts_characters_and_not_bytes() {
        assert_eq!(lines_before("-- äöü\nselect x", 7), 0);
        assert_eq!(lines_before("-- äöü\nselect x", 8), 1);
        assert_eq!(lines_before("", 0), 0);
    }
}
