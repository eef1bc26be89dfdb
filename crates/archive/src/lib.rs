//! Where backups are stored: one prefix of an object store, and what lies there.
//!
//! What a caller can rely on:
//! - **Requests leave by `ace-egress` only**, to allowed hosts; answers have a deadline and a size limit.
//! - **A refusal is told by its cause** ([`StoreProblem`]), with the store's code and without any of its text.
//! - **What a store can do is tried, not assumed** ([`Store::probe`]).
//!
//! This crate knows neither Kubernetes nor PostgreSQL.

// What others send is read here: an index out of bounds must be an error of that sender, not a panic of the process.
#![cfg_attr(not(test), deny(clippy::string_slice, clippy::indexing_slicing))]

mod connector;
mod digest;
mod error;
mod keys;
mod layout;
mod probe;
mod settings;
mod store;

pub use digest::{Digest, DigestError};
pub use error::{StoreError, StoreProblem};
pub use keys::{Identities, IdentityError, MOST_RECIPIENTS, RecipientError, Recipients};
pub use layout::{Backup, Contents, Foreign};
pub use probe::Capabilities;
pub use settings::{Azure, Gcs, S3, S3Credentials, Settings, SettingsError};
pub use store::Store;
