//! What is written down in the database: the official CLI's ledger, and our own schema `ace_ops` beside it.

mod operator_schema;
mod read;
mod reference;
mod write;

use std::time::{Duration, SystemTime};

pub use operator_schema::{Owner, Prepared};
pub use reference::{Reference, ReferenceState};
pub use write::Unrun;

/// Everything that is written down, but for the reference of the schema. What is missing is a value, not an error.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Ledgers {
    /// The official CLI's ledger, in the order of versions; `None` without its table.
    pub recorded: Option<Vec<Recorded>>,
    /// Our own.
    pub operator_schema: OperatorSchema,
}

/// A row of `supabase_migrations.schema_migrations`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Recorded {
    /// As it lies there.
    pub version: String,
    /// `None` if it is null or the table has no such column.
    pub name: Option<String>,
    /// As the CLI splits a file; `None` if they are null, or the table has no such column, or our own ledger knows the bytes of
    /// this version: they are megabytes.
    pub statements: Option<Vec<String>>,
}

/// What is in `ace_ops`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum OperatorSchema {
    /// There is none.
    Absent,
    /// A later ace-ops wrote it in this layout, which we can't read.
    Newer(i32),
    /// There is one.
    Present(Box<Notes>),
}

/// What is noted in `ace_ops`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Notes {
    /// Whose database this is.
    pub owner: Option<Owner>,
    /// In the order of versions.
    pub migrations: Vec<Migration>,
    /// The segments of files that ran half-way.
    pub steps: Vec<Step>,
    /// The plan that was begun last.
    pub plan: Option<Plan>,
}

/// A row of `ace_ops.migration`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Migration {
    /// The file's version.
    pub version: String,
    /// The file's name.
    pub name: String,
    /// Of the file's bytes, as the caller words it.
    pub sha256: String,
    /// How it came here.
    pub kind: Kind,
    /// How long it ran.
    pub duration: Duration,
    /// What the server warned of meanwhile.
    pub warnings: Vec<String>,
    /// The application's name of the session.
    pub applied_by: String,
    /// When, by the server's clock.
    pub applied_at: SystemTime,
}

/// How a version came into the ledger.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Kind {
    /// We ran it.
    Applied,
    /// Others ran it.
    Adopted,
    /// Nobody ran it: the schema was there.
    Baseline,
}

impl Kind {
    /// As it is written in the table.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Applied => "applied",
            Self::Adopted => "adopted",
            Self::Baseline => "baseline",
        }
    }
}

/// A segment of a file that can't run as one transaction: it began, and may be done. The rows of a version go when the whole file
/// is in the ledger.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Step {
    /// The file's version.
    pub version: String,
    /// Which of the file's segments, from 0.
    pub segment: i32,
    /// Of the file's bytes when it began.
    pub sha256: String,
    /// Whether it is done; if not, the catalogue tells.
    pub done: bool,
}

/// What was approved to run, where and in which order.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Plan {
    /// Its digest.
    pub digest: String,
    /// Of the server that it was made for.
    pub system_identifier: String,
    /// Of the server that it was made for.
    pub timeline: i64,
    /// Of the database that it was made for.
    pub database_oid: u32,
    /// Versions and the digests of their bytes, in order.
    pub files: Vec<(String, String)>,
}
