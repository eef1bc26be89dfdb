//! The way to a project's Postgres: a connection that knows whom it talks to, has deadlines, and never shows a password.
//!
//! - **TLS as the user says**: certificate and host name verified, encrypted only, or none. See [`Tls`].
//! - **Deadlines everywhere**: nothing here waits longer than its [`Limits`], and the server gives up when we do.
//! - **A session is a session**: a pooler that hands each statement to another backend is refused when it is seen.
//! - **Errors are small**: none holds a password, the text of a statement or the server's own words.

mod access;
mod connection;
mod error;
mod fingerprint;
mod identity;
mod ledger;
mod notices;
mod password;
mod redact;
mod run;
mod session;
mod tls;

pub use access::{Access, Limits};
pub use connection::Connection;
pub use error::{CertificateFault, OpenError, QueryError, SqlState};
pub use fingerprint::{Difference, Fingerprint, Look, ObjectClass, SchemaObject, UnknownClass, differences};
pub use identity::Identity;
pub use ledger::{
    Change, House, Kind, Ledgers, Migration, Notes, Owner, Plan, Prepared, Recorded, Reference, ReferenceState, Step,
    Triple, Unrun,
};
pub use password::{Password, PasswordError};
pub use run::{Alone, Applied, Progress, RunError, Script, Segment, Sentence, Watcher};
pub use session::{Blocker, Locked, Parsed, Session, Settings, Target};
pub use tls::{Authority, AuthorityError, Tls};
