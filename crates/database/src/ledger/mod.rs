//! The ledgers in the database: that of the official CLI, and our own schema `ace_ops`.

mod damage;
mod operator_schema;
mod read;
mod reference;
mod write;

use std::collections::BTreeMap;

use ace_domain::kinds::migration_set::{LedgerRow, OperatorSchema};

pub(crate) use damage::{BOTH_LEDGERS, CLI_LEDGER, INTERFERENCE, column};
pub use damage::{Damage, TableFault};
pub use operator_schema::Prepared;
pub use reference::Reference;

/// Both ledgers, without the reference of the schema. A missing table is a value, not an error.
#[derive(Clone, Debug, PartialEq)]
pub struct Ledgers {
    /// Rows of `supabase_migrations.schema_migrations` by version as it lies there; empty also without that table.
    pub ledger: BTreeMap<String, LedgerRow>,
    /// What is in `ace_ops`, without the reference; `None` without its tables.
    pub operator_schema: Option<OperatorSchema>,
}
