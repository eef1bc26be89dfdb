use std::collections::BTreeMap;

use tokio_postgres::{Row, types::Type};

use super::{Proof, Scope, TableName};
use crate::{Connection, QueryError};

const TABLES: &str = include_str!("tables.sql");

/// The tables of a database that are within a scope.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Tables {
    /// Those with rows of their own, and their columns: `t."a", t."b"`, ordered by name.
    pub(crate) counted: BTreeMap<TableName, String>,
    /// Partitioned tables, and those of their partitions that have rows of their own.
    pub(crate) partitions: BTreeMap<TableName, Vec<TableName>>,
    /// Those whose rows are left out as was asked for.
    pub(crate) excluded: Vec<TableName>,
    /// Those of extensions, of whose rows a dump may have some.
    pub(crate) of_extensions: Vec<TableName>,
    /// Those of which this role can't read every row.
    pub(crate) unreadable: Vec<TableName>,
    /// Those of which row security would hide rows from this role.
    pub(crate) hidden: Vec<TableName>,
    /// Names of the scope that no table has.
    pub(crate) absent: Vec<TableName>,
}

/// A table that must be in a backup.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Requirement {
    pub table: TableName,
    /// Fewest rows that it has; 1 if it must not be empty.
    pub min_rows: u64,
}

/// Why a requirement is not met.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Unmet {
    /// It is not in the database, or its schema or its rows are left out.
    #[error("the backup has no rows of a table {0}: correct its name, or leave it out of what is excluded")]
    Absent(TableName),
    /// It has fewer rows.
    #[error("{table} has {rows} rows; at least {min_rows} are required")]
    TooFewRows { table: TableName, rows: u64, min_rows: u64 },
}

impl Requirement {
    /// Whether this proof meets it. Rows of a partitioned table are those of its partitions.
    pub fn met_by(&self, proof: &Proof) -> Result<(), Unmet> {
        let rows = proof
            .rows_of(&self.table)
            .ok_or_else(|| Unmet::Absent(self.table.clone()))?;
        if rows < self.min_rows {
            return Err(Unmet::TooFewRows {
                table: self.table.clone(),
                rows,
                min_rows: self.min_rows,
            });
        }
        Ok(())
    }
}

impl Tables {
    /// Reads them. Within a transaction: as they are in its snapshot.
    pub(crate) async fn read(connection: &Connection, scope: &Scope) -> Result<Self, QueryError> {
        let schemas: Vec<&str> = scope.data().iter().map(|table| table.schema.as_str()).collect();
        let names: Vec<&str> = scope.data().iter().map(|table| table.name.as_str()).collect();
        let parameters: [(&(dyn tokio_postgres::types::ToSql + Sync), Type); 3] = [
            (&scope.schemas(), Type::TEXT_ARRAY),
            (&schemas, Type::TEXT_ARRAY),
            (&names, Type::TEXT_ARRAY),
        ];
        let mut tables = Self {
            absent: scope.data().iter().cloned().collect(),
            ..Self::default()
        };
        for row in connection.query(TABLES, &parameters).await? {
            tables.add(&row).ok_or(QueryError::Protocol)?;
        }
        Ok(tables)
    }

    fn add(&mut self, row: &Row) -> Option<()> {
        let text = |at| row.try_get::<_, String>(at).ok();
        let flag = |at| row.try_get::<_, bool>(at).ok();
        let table = TableName::new(text(0)?, text(1)?);
        self.absent.retain(|absent| *absent != table);
        if flag(4)? {
            self.excluded.push(table);
        } else if flag(5)? {
            self.of_extensions.push(table);
        } else if text(2)? == "r" {
            if !flag(6)? {
                self.unreadable.push(table.clone());
            } else if flag(7)? {
                self.hidden.push(table.clone());
            }
            let parents: Vec<[String; 2]> = serde_json::from_str(&text(8)?).ok()?;
            for [schema, name] in parents {
                let partitions = self.partitions.entry(TableName { schema, name }).or_default();
                partitions.push(table.clone());
            }
            self.counted.insert(table, text(3)?);
        }
        Some(())
    }
}
