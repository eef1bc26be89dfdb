use std::{collections::BTreeMap, time::SystemTime};

use ace_domain::kinds::migration_set::{LedgerRow, OperatorSchema, OwnRow, Owner, StoredPlan};
use tokio_postgres::Row;

use super::{Ledgers, operator_schema::LAYOUT};
use crate::{QueryError, Session};

/// The columns of the CLI's table, or none; whether our tables exist.
const EXISTING: &str = "SELECT (SELECT pg_catalog.string_agg(a.attname, ',') FROM pg_catalog.pg_attribute a \
     WHERE a.attrelid = pg_catalog.to_regclass('supabase_migrations.schema_migrations') \
     AND NOT a.attisdropped AND a.attname IN ('version', 'statements')), \
    pg_catalog.to_regclass('ace_ops.state') IS NOT NULL";

impl Session {
    /// Reads both ledgers. Without the lock they may change at any time.
    pub async fn ledgers(&self) -> Result<Ledgers, QueryError> {
        let existing = self.connection.query(EXISTING, &[]).await?;
        let existing = existing.first().ok_or(QueryError::Protocol)?;
        let columns: Option<String> = read(existing, 0)?;
        let operator_schema = if read(existing, 1)? {
            Some(self.operator_schema().await?)
        } else {
            None
        };
        let known = operator_schema
            .as_ref()
            .is_some_and(|operator_schema| !operator_schema.newer);
        let ledger = match columns {
            None => BTreeMap::new(),
            Some(columns) => self.ledger(&columns, known).await?,
        };
        Ok(Ledgers {
            ledger,
            operator_schema,
        })
    }

    async fn ledger(&self, columns: &str, known: bool) -> Result<BTreeMap<String, LedgerRow>, QueryError> {
        let has_statements = columns.split(',').any(|column| column == "statements");
        let statements = match (has_statements, known) {
            (false, _) => "NULL::text[]",
            (true, false) => "r.statements::text[]",
            (true, true) => {
                "CASE WHEN NOT EXISTS (SELECT FROM ace_ops.migration m WHERE m.version = r.version) \
                 THEN r.statements::text[] END"
            }
        };
        let statement = format!("SELECT r.version::text, {statements} FROM supabase_migrations.schema_migrations r");
        let rows = self.connection.query(&statement, &[]).await?;
        let ledger = rows.iter().map(|row| {
            let statements: Option<Vec<Option<String>>> = read(row, 1)?;
            let statements = statements.map(|texts| texts.into_iter().map(Option::unwrap_or_default).collect());
            Ok((read(row, 0)?, LedgerRow { statements }))
        });
        ledger.collect()
    }

    async fn operator_schema(&self) -> Result<OperatorSchema, QueryError> {
        let layout = self.layout().await?;
        if layout > LAYOUT {
            return Ok(OperatorSchema {
                newer: true,
                ..OperatorSchema::default()
            });
        }
        let owners = self.connection.query("SELECT namespace, name FROM ace_ops.owner", &[]);
        let rows = self
            .connection
            .query("SELECT version, sha256, applied_at FROM ace_ops.migration", &[]);
        // The segments of a file all have the digest with which it began: with other bytes it does not go on.
        let half = self
            .connection
            .query("SELECT DISTINCT version, sha256 FROM ace_ops.step", &[]);
        let plans = "SELECT digest, system_identifier, timeline, database_oid, versions, digests FROM ace_ops.plan";
        let plans = self.connection.query(plans, &[]);
        // Sent together, answered in order.
        let (owners, rows, half, plans) = tokio::try_join!(owners, rows, half, plans)?;
        Ok(OperatorSchema {
            newer: false,
            owner: owners.first().map(owner).transpose()?,
            rows: rows.iter().map(own_row).collect::<Result<_, _>>()?,
            half: half
                .iter()
                .map(|row| Ok((read(row, 0)?, read(row, 1)?)))
                .collect::<Result<_, _>>()?,
            plan: plans.first().map(plan).transpose()?,
            reference: None,
        })
    }
}

/// A column of one of our tables, which has another type only if it was changed by hand.
pub(super) fn read<'a, T: tokio_postgres::types::FromSql<'a>>(row: &'a Row, index: usize) -> Result<T, QueryError> {
    row.try_get(index).map_err(|_| QueryError::Protocol)
}

fn owner(row: &Row) -> Result<Owner, QueryError> {
    Ok(Owner {
        namespace: read(row, 0)?,
        name: read(row, 1)?,
    })
}

fn own_row(row: &Row) -> Result<(String, OwnRow), QueryError> {
    let time: SystemTime = read(row, 2)?;
    let own = OwnRow {
        sha256: read(row, 1)?,
        time: time.try_into().unwrap_or_default(),
    };
    Ok((read(row, 0)?, own))
}

fn plan(row: &Row) -> Result<StoredPlan, QueryError> {
    let (versions, digests): (Vec<String>, Vec<String>) = (read(row, 4)?, read(row, 5)?);
    Ok(StoredPlan {
        digest: read(row, 0)?,
        system_identifier: read(row, 1)?,
        timeline: read(row, 2)?,
        database_oid: read::<u32>(row, 3)?.into(),
        items: versions.into_iter().zip(digests).collect(),
    })
}
