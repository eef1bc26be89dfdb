use std::{collections::BTreeMap, time::SystemTime};

use ace_api::clipped;
use ace_domain::kinds::migration_set::{LedgerRow, OperatorSchema, OwnRow, StoredPlan};
use tokio_postgres::{Row, types::Type};

use super::{BOTH_LEDGERS, CLI_LEDGER, Damage, INTERFERENCE, Ledgers, column, operator_schema::LAYOUT};
use crate::{QueryError, Session};

/// Longest version that a status shows, in bytes.
const VERSION_LENGTH: usize = 64;

const MIGRATION: &str = "ace_ops.migration";
const STEP: &str = "ace_ops.step";
const PLAN: &str = "ace_ops.plan";

/// The columns of the CLI's table, or none; whether our tables exist.
const EXISTING: &str = "SELECT (SELECT pg_catalog.string_agg(a.attname, ',') FROM pg_catalog.pg_attribute a \
     WHERE a.attrelid = pg_catalog.to_regclass('supabase_migrations.schema_migrations') \
     AND NOT a.attisdropped AND a.attname IN ('version', 'statements', 'name')), \
    pg_catalog.to_regclass('ace_ops.state') IS NOT NULL";

impl Session {
    /// Reads both ledgers. Without the lock they may change at any time.
    pub async fn ledgers(&self) -> Result<Ledgers, QueryError> {
        let existing = format!("{EXISTING}, {INTERFERENCE}");
        let existing = self.connection.query(&existing, &[]).await;
        let existing = existing.map_err(Damage::of(BOTH_LEDGERS))?;
        let existing = existing.first().ok_or(QueryError::Protocol)?;
        let interference: Option<String> = existing.try_get(2).map_err(|_| QueryError::Protocol)?;
        if let Some(what) = interference {
            return Err(QueryError::Damaged(Damage::interference(&what)));
        }
        let columns: Option<String> = existing.try_get(0).map_err(|_| QueryError::Protocol)?;
        let layout = if existing.try_get(1).map_err(|_| QueryError::Protocol)? {
            Some(self.layout().await?)
        } else {
            None
        };
        // Those of a newer operator are told by their layout, and nothing else of them is read.
        let known = layout.filter(|layout| *layout <= LAYOUT);
        let ledger = async {
            match columns {
                None => Ok(BTreeMap::new()),
                Some(columns) => self.ledger(&columns, known.is_some()).await,
            }
        };
        let operator_schema = async {
            match (layout, known) {
                (None, _) => Ok(None),
                (Some(_), None) => Ok(Some(OperatorSchema {
                    newer: true,
                    ..OperatorSchema::default()
                })),
                (Some(_), Some(_)) => self.operator_schema().await.map(Some),
            }
        };
        // Where our own tables are damaged, the CLI's can't be read beside them either: ours are named.
        let (operator_schema, ledger) = tokio::join!(operator_schema, ledger);
        Ok(Ledgers {
            operator_schema: operator_schema?,
            ledger: ledger?,
        })
    }

    async fn ledger(&self, columns: &str, known: bool) -> Result<BTreeMap<String, LedgerRow>, QueryError> {
        let recorded = |column: &str, kind: &str| {
            if !columns.split(',').any(|existing| existing == column) {
                format!("NULL::{kind}")
            } else if known {
                format!(
                    "CASE WHEN NOT EXISTS (SELECT FROM ace_ops.migration m WHERE m.version = r.version) \
                     THEN r.{column}::{kind} END"
                )
            } else {
                format!("r.{column}::{kind}")
            }
        };
        let (statements, name) = (recorded("statements", "text[]"), recorded("name", "text"));
        let statement =
            format!("SELECT r.version::text, {statements}, {name} FROM supabase_migrations.schema_migrations r");
        let rows = self.connection.query(&statement, &[]).await;
        let rows = rows.map_err(Damage::of(CLI_LEDGER))?;
        let ledger = rows.iter().map(|row| {
            let version: String = column(CLI_LEDGER, row, 0)?;
            // No file's version is as long. Cut as a status has it: the head is compared with the one that a status remembers.
            Ok((clipped(&version, VERSION_LENGTH), ledger_row(row)?))
        });
        ledger.collect()
    }

    /// Reads the statements of these versions too, which our own ledger knows with other digests.
    pub async fn read_statements(
        &self,
        ledger: &mut BTreeMap<String, LedgerRow>,
        versions: &[String],
    ) -> Result<(), QueryError> {
        let statement = "SELECT r.version::text, r.statements::text[] FROM supabase_migrations.schema_migrations r \
                         WHERE r.version::text = ANY ($1)";
        let rows = self
            .connection
            .query(statement, &[(&versions as _, Type::TEXT_ARRAY)])
            .await;
        for row in &rows.map_err(Damage::of(CLI_LEDGER))? {
            let version: String = column(CLI_LEDGER, row, 0)?;
            ledger.entry(version).or_default().statements = statements(row)?;
        }
        Ok(())
    }

    async fn operator_schema(&self) -> Result<OperatorSchema, QueryError> {
        let read = async |table, statement: &str| {
            let rows = self.connection.query(statement, &[]).await;
            rows.map_err(Damage::of(table))
        };
        // The segments of a file all have the digest with which it began: with other bytes it does not go on.
        let half = "SELECT DISTINCT version, sha256 FROM ace_ops.step";
        let plans = "SELECT digest, system_identifier, timeline, database_oid, versions, digests FROM ace_ops.plan";
        // Sent together, answered in order.
        let (owner, rows, half, plans) = tokio::try_join!(
            self.owner(),
            read(MIGRATION, "SELECT version, sha256, applied_at FROM ace_ops.migration"),
            read(STEP, half),
            read(PLAN, plans),
        )?;
        let half = half
            .iter()
            .map(|row| Ok((column(STEP, row, 0)?, column(STEP, row, 1)?)));
        Ok(OperatorSchema {
            newer: false,
            owner,
            rows: rows.iter().map(own_row).collect::<Result<_, _>>()?,
            half: half.collect::<Result<_, _>>()?,
            plan: plans.first().map(plan).transpose()?,
            reference: None,
        })
    }
}

fn ledger_row(row: &Row) -> Result<LedgerRow, QueryError> {
    Ok(LedgerRow {
        statements: statements(row)?,
        name: column(CLI_LEDGER, row, 2)?,
    })
}

fn statements(row: &Row) -> Result<Option<Vec<String>>, QueryError> {
    let statements: Option<Vec<Option<String>>> = column(CLI_LEDGER, row, 1)?;
    Ok(statements.map(|texts| texts.into_iter().map(Option::unwrap_or_default).collect()))
}

fn own_row(row: &Row) -> Result<(String, OwnRow), QueryError> {
    let time: SystemTime = column(MIGRATION, row, 2)?;
    let own = OwnRow {
        sha256: column(MIGRATION, row, 1)?,
        time: time.try_into().unwrap_or_default(),
    };
    Ok((column(MIGRATION, row, 0)?, own))
}

fn plan(row: &Row) -> Result<StoredPlan, QueryError> {
    let (versions, digests): (Vec<String>, Vec<String>) = (column(PLAN, row, 4)?, column(PLAN, row, 5)?);
    Ok(StoredPlan {
        digest: column(PLAN, row, 0)?,
        system_identifier: column(PLAN, row, 1)?,
        timeline: column(PLAN, row, 2)?,
        database_oid: column::<u32>(PLAN, row, 3)?.into(),
        items: versions.into_iter().zip(digests).collect(),
    })
}
