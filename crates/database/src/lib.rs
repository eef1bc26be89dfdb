//! Client of a project's PostgreSQL: verified connections with deadlines, which never show a password.
//!
//! - **TLS as configured**: certificate and host name verified, encrypted only, or none. See [`Tls`].
//! - **Deadlines everywhere**: nothing here waits longer than its [`Limits`], and the server cancels what is not waited for.
//! - **Answers have a budget**: what a server sends is counted before it is read. See [`Excess`].
//! - **A session is a session**: a pooler that gives each statement another backend is refused.
//! - **A file runs once or not at all**: a [`Session`] that holds the database's lock runs it with its rows in both ledgers,
//!   and statements that can't run in a transaction with a journal.
//! - **A backup is a copy of one moment**: a [`Snapshot`] under the database's lock, whose rows are counted and dumped by other
//!   sessions; a restored copy is compared with them, table by table.
//! - **A question changes nothing**: the [`Reader`] asks the queries of alert rules, whoever wrote them.
//! - **Of the page of alerts only our rows are touched**: a [`PageSession`] writes those of a group at once.
//! - **Domain's types**: what is run, and what is read of ledgers and schemas, is what decisions are made on.
//! - **Errors are small**: none has a password, the text of a statement or a value of a row. Only an error in a file has the
//!   server's message.

// What others send is read here: an index out of bounds must be an error of that sender, not a panic of the process.
#![cfg_attr(not(test), deny(clippy::string_slice, clippy::indexing_slicing))]

mod access;
mod backup;
mod clients;
mod connection;
mod error;
mod failure;
mod fingerprint;
mod identity;
mod ledger;
mod meter;
mod notices;
mod page;
mod password;
mod reader;
mod redact;
mod run;
mod scratch;
mod session;
mod tls;

pub use access::{Access, Limits};
pub use backup::{
    Attempt, Counted, Detail, Difference, Point, Proof, ProofError, Requirement, Scope, Snapshot, SnapshotError,
    TableName, TableNameError, Unmet,
};
pub use clients::{
    ArchiveError, Cause, ClientError, Clients, ClientsError, Contents, ContentsError, Dump, Omission, check_archive,
};
pub use connection::Connection;
pub use error::{CertificateFault, OpenError, QueryError, SqlState};
pub(crate) use fingerprint::OUTSIDE;
pub use fingerprint::{Change, FORM, Fingerprint, ObjectClass, Reading, SchemaObject, UnknownClass, differences};
pub use ledger::{Damage, Ledgers, Prepared, Reference, TableFault};
pub use meter::{Excess, InsecureLogin};
pub use page::{PageError, PageRow, PageRows, PageSession};
pub use password::{Password, PasswordError};
pub use reader::{AskError, Question, Reader, ReaderError, Shape};
pub use run::{Progress, RunError, Watcher};
pub use scratch::{Asserted, AssertionError, Restored, Scratch, ScratchError, sweep_scratch};
pub use session::{Locked, ReadOnlySession, Session, Settings};
pub use tls::{Authority, AuthorityError, Tls};
