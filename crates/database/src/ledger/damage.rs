use tokio_postgres::{Row, types::FromSql};

use crate::{QueryError, SqlState};

pub(crate) const CLI_LEDGER: &str = "supabase_migrations.schema_migrations";

/// What a statement on several tables is about.
pub(crate) const BOTH_LEDGERS: &str = "ace_ops` or `supabase_migrations";

/// An expression: what could drop or change the rows of a table of ours or of the CLI's ledger, in words, or null. With a trigger
/// that drops them on both ledgers, a file would run again and again.
pub(crate) const INTERFERENCE: &str = "(SELECT i.what FROM ( \
    SELECT pg_catalog.format('trigger %I on %s', t.tgname, t.tgrelid::pg_catalog.regclass), t.tgrelid \
        FROM pg_catalog.pg_trigger t WHERE NOT t.tgisinternal \
    UNION ALL SELECT pg_catalog.format('rule %I on %s', r.rulename, r.ev_class::pg_catalog.regclass), r.ev_class \
        FROM pg_catalog.pg_rewrite r \
    UNION ALL SELECT pg_catalog.format('row security on %s', c.oid::pg_catalog.regclass), c.oid \
        FROM pg_catalog.pg_class c WHERE c.relrowsecurity AND pg_catalog.row_security_active(c.oid)) i (what, oid) \
    JOIN pg_catalog.pg_class c ON c.oid = i.oid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
    WHERE n.nspname = 'ace_ops' OR n.nspname = 'supabase_migrations' AND c.relname = 'schema_migrations' \
    ORDER BY 1 LIMIT 1)";

/// A table of the operator or the CLI's ledger was changed, so that it can't be used.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("`{table}` is not as it was made: {fault}")]
pub struct Damage {
    /// The table, with its schema; or the schemas, where a statement uses several tables.
    pub table: &'static str,
    /// What is wrong with it.
    pub fault: TableFault,
}

/// What is wrong with a table.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum TableFault {
    /// A column has another type, or a null.
    #[error("its column `{0}` can't be read")]
    Unreadable(String),
    /// The row that is always there is missing.
    #[error("its row is missing")]
    Empty,
    /// A trigger, a rule or row security.
    #[error("{0} can change what is recorded; drop it")]
    Interference(String),
    /// The server refuses a statement that the table was made for.
    #[error("the server refuses to read or write it (SQLSTATE {0})")]
    Refused(SqlState),
}

impl Damage {
    /// Nothing is wrong with the table but that the user may not use it.
    pub fn is_missing_right(&self) -> bool {
        matches!(&self.fault, TableFault::Refused(state) if state.is_missing_right())
    }

    /// With what [`INTERFERENCE`] found.
    pub(crate) fn interference(what: &str) -> Self {
        Self {
            table: BOTH_LEDGERS,
            fault: TableFault::Interference(what.to_owned()),
        }
    }

    pub(crate) fn empty(table: &'static str) -> QueryError {
        let fault = TableFault::Empty;
        QueryError::Damaged(Self { table, fault })
    }

    pub(crate) fn unreadable(table: &'static str, column: &str) -> QueryError {
        let fault = TableFault::Unreadable(column.to_owned());
        QueryError::Damaged(Self { table, fault })
    }

    /// What a refused statement on this table means. A row that exists already is no damage.
    pub(crate) fn of(table: &'static str) -> impl Fn(QueryError) -> QueryError {
        move |error| match error {
            QueryError::Refused(state) if state.as_str() != "23505" => {
                let fault = TableFault::Refused(state);
                QueryError::Damaged(Self { table, fault })
            }
            error => error,
        }
    }
}

/// A column of one of these tables.
pub(crate) fn column<'a, T: FromSql<'a>>(table: &'static str, row: &'a Row, index: usize) -> Result<T, QueryError> {
    row.try_get(index).map_err(|_| {
        let name = row.columns().get(index).map_or("", tokio_postgres::Column::name);
        Damage::unreadable(table, name)
    })
}
