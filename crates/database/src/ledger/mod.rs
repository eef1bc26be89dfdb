//! What is written down in the database: the official CLI's ledger, and our own schema `ace_ops` beside it.

mod operator_schema;
mod read;
mod reference;
mod write;

use std::collections::BTreeMap;

use ace_domain::kinds::migration_set::{LedgerRow, OperatorSchema};

pub use operator_schema::Prepared;
pub use reference::Reference;

/// Everything that is written down, but for the reference of the schema. What is missing is a value, not an error.
#[derive(Clone, Debug, PartialEq)]
pub struct Ledgers {
    /// Rows of `supabase_migrations.schema_migrations` by version as it lies there; empty also without that table.
    pub ledger: BTreeMap<String, LedgerRow>,
    /// What is in `ace_ops`, without the reference; `None` without its tables.
    pub operator_schema: Option<OperatorSchema>,
}
