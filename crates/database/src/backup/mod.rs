//! What a backup is a copy of, and the proof of it: a snapshot that others can read, held under the database's lock; which
//! tables are in it; and the rows of each, counted and hashed.

mod difference;
mod list;
mod point;
mod proof;
mod scope;
mod snapshot;
mod table;

pub use difference::Difference;
pub use list::{Requirement, Unmet};
pub use point::Point;
pub use proof::{Counted, Detail, Proof, ProofError};
pub use scope::Scope;
pub use snapshot::{Attempt, Snapshot, SnapshotError};
pub use table::{TableName, TableNameError};

pub(crate) use list::Tables;
pub(crate) use point::schema_of;
pub(crate) use snapshot::names;
pub(crate) use table::quoted;
