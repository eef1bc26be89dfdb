use std::time::Duration;

use tokio_postgres::Row;

use super::{Kind, Ledgers, Migration, Notes, OperatorSchema, Owner, Plan, Recorded, Step, operator_schema::LAYOUT};
use crate::{QueryError, Session};

/// The columns of the CLI's table, or none; whether there are tables of ours.
const EXISTING: &str = "SELECT (SELECT pg_catalog.string_agg(a.attname, ',') FROM pg_catalog.pg_attribute a \
     WHERE a.attrelid = pg_catalog.to_regclass('supabase_migrations.schema_migrations') \
     AND NOT a.attisdropped AND a.attname IN ('version', 'name', 'statements')), \
    pg_catalog.to_regclass('ace_ops.state') IS NOT NULL";

impl Session {
    /// Reads everything that is written down. Only under the lock is it also what will be there a moment later.
    pub async fn ledgers(&self) -> Result<Ledgers, QueryError> {
        let existing = self.connection.query(EXISTING, &[]).await?;
        let existing = existing.first().ok_or(QueryError::Protocol)?;
        let columns: Option<String> = read(existing, 0)?;
        let operator_schema = if read(existing, 1)? {
            self.operator_schema().await?
        } else {
            OperatorSchema::Absent
        };
        let known = matches!(operator_schema, OperatorSchema::Present(_));
        let recorded = match columns {
            None => None,
            Some(columns) => Some(self.recorded(&columns, known).await?),
        };
        Ok(Ledgers {
            recorded,
            operator_schema,
        })
    }

    async fn recorded(&self, columns: &str, known: bool) -> Result<Vec<Recorded>, QueryError> {
        let has = |name| columns.split(',').any(|column| column == name);
        let name = if has("name") { "r.name::text" } else { "NULL::text" };
        let statements = match (has("statements"), known) {
            (false, _) => "NULL::text[]",
            (true, false) => "r.statements::text[]",
            (true, true) => {
                "CASE WHEN NOT EXISTS (SELECT FROM ace_ops.migration m WHERE m.version = r.version) \
                 THEN r.statements::text[] END"
            }
        };
        // As the CLI orders them: as strings of bytes.
        let statement = format!(
            "SELECT r.version::text, {name}, {statements} FROM supabase_migrations.schema_migrations r \
             ORDER BY r.version::text COLLATE \"C\""
        );
        let rows = self.connection.query(&statement, &[]).await?;
        let recorded = rows.iter().map(|row| {
            let statements: Option<Vec<Option<String>>> = read(row, 2)?;
            Ok(Recorded {
                version: read(row, 0)?,
                name: read(row, 1)?,
                statements: statements.map(|texts| texts.into_iter().map(Option::unwrap_or_default).collect()),
            })
        });
        recorded.collect()
    }

    async fn operator_schema(&self) -> Result<OperatorSchema, QueryError> {
        let layout = self.layout().await?;
        if layout > LAYOUT {
            return Ok(OperatorSchema::Newer(layout));
        }
        let owners = self.connection.query("SELECT namespace, name FROM ace_ops.owner", &[]);
        let migrations = "SELECT version, name, sha256, kind, duration_ms, warnings, applied_by, applied_at \
             FROM ace_ops.migration ORDER BY version COLLATE \"C\"";
        let migrations = self.connection.query(migrations, &[]);
        let steps = "SELECT version, segment, sha256, done FROM ace_ops.step ORDER BY version COLLATE \"C\", segment";
        let steps = self.connection.query(steps, &[]);
        let plans = "SELECT digest, system_identifier, timeline, database_oid, versions, digests FROM ace_ops.plan";
        let plans = self.connection.query(plans, &[]);
        // Sent together, answered in order.
        let (owners, migrations, steps, plans) = tokio::try_join!(owners, migrations, steps, plans)?;
        Ok(OperatorSchema::Present(Box::new(Notes {
            owner: owners.first().map(owner).transpose()?,
            migrations: migrations.iter().map(migration).collect::<Result<_, _>>()?,
            steps: steps.iter().map(step).collect::<Result<_, _>>()?,
            plan: plans.first().map(plan).transpose()?,
        })))
    }
}

/// A column of a table of ours, which has another type only if somebody changed it.
pub(super) fn read<'a, T: tokio_postgres::types::FromSql<'a>>(row: &'a Row, index: usize) -> Result<T, QueryError> {
    row.try_get(index).map_err(|_| QueryError::Protocol)
}

fn owner(row: &Row) -> Result<Owner, QueryError> {
    Ok(Owner {
        namespace: read(row, 0)?,
        name: read(row, 1)?,
    })
}

fn migration(row: &Row) -> Result<Migration, QueryError> {
    let kind: &str = read(row, 3)?;
    let kinds = [Kind::Applied, Kind::Adopted, Kind::Baseline];
    Ok(Migration {
        version: read(row, 0)?,
        name: read(row, 1)?,
        sha256: read(row, 2)?,
        kind: kinds
            .into_iter()
            .find(|known| known.as_str() == kind)
            .ok_or(QueryError::Protocol)?,
        duration: Duration::from_millis(read::<i64>(row, 4)?.try_into().unwrap_or(0)),
        warnings: read(row, 5)?,
        applied_by: read(row, 6)?,
        applied_at: read(row, 7)?,
    })
}

fn step(row: &Row) -> Result<Step, QueryError> {
    Ok(Step {
        version: read(row, 0)?,
        segment: read(row, 1)?,
        sha256: read(row, 2)?,
        done: read(row, 3)?,
    })
}

fn plan(row: &Row) -> Result<Plan, QueryError> {
    let (versions, digests): (Vec<String>, Vec<String>) = (read(row, 4)?, read(row, 5)?);
    Ok(Plan {
        digest: read(row, 0)?,
        system_identifier: read(row, 1)?,
        timeline: read(row, 2)?,
        database_oid: read(row, 3)?,
        files: versions.into_iter().zip(digests).collect(),
    })
}
