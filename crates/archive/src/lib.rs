//! Where backups are stored: one prefix of an object store, what lies there, and how it comes and goes.
//!
//! A backup is a [directory](RunPath) with data and, last, a [`Manifest`]. Written: [`Store::seal`], [`Seal::write`] …,
//! [`Seal::finish`] after the exit code of whoever wrote, [`Store::commit`]. Read: [`Store::contents`], [`Store::manifest`],
//! [`Store::read`]. Checked: [`Contents::present`], [`Store::verify_key`], [`Store::verify_bytes`].
//!
//! What a caller can rely on:
//! - **Requests leave by `ace-egress` only**, to allowed hosts; answers have a deadline and a size limit.
//! - **A refusal is told by its cause** ([`StoreProblem`]), with the store's code and without any of its text. What could not be looked
//!   at is an error, never a [`Finding`].
//! - **What a store can do is tried, not assumed** ([`Store::probe`]), and nothing depends on it: names are of one run alone, ranges
//!   have a way around, an `ETag` proves nothing.
//! - **Data is in the clear in memory only**, a few parts of it at a time, and no key has a text form.
//!
//! The library lists no uploads that others began and did not finish: [`Store::sweep_uploads`] does, of S3 and of directories. At
//! Google a bucket's rule `AbortIncompleteMultipartUpload` has to; Azure forgets them after a week.
//!
//! This crate knows neither Kubernetes nor PostgreSQL.

// What others send is read here: an index out of bounds must be an error of that sender, not a panic of the process.
#![cfg_attr(not(test), deny(clippy::string_slice, clippy::indexing_slicing))]

mod commit;
mod connector;
mod copy;
mod digest;
mod download;
mod error;
#[cfg(test)]
mod faulty;
mod keys;
mod layout;
mod manifest;
mod probe;
mod read;
mod run;
mod seal;
mod settings;
mod store;
mod sweep;
#[cfg(test)]
mod tests;
mod upload;
mod uploads;
mod verify;

pub use commit::{CommitError, ManifestReadError};
pub use copy::CopyError;
pub use digest::{Digest, DigestError};
pub use error::{StoreError, StoreProblem};
pub use keys::{Identities, IdentityError, MOST_RECIPIENTS, RecipientError, Recipients};
pub use layout::{Backup, Contents, Foreign};
pub use manifest::{Archive, FORMAT, Manifest, ManifestError, Origin, Scope, Snapshot, Table};
pub use probe::Capabilities;
pub use read::{Finding, Layer, ReadError, Reader};
pub use run::{DATA, DELETED, MANIFEST, RunPath, RunPathError};
pub use seal::{HEAD, Seal, Sealed};
pub use settings::{Azure, Gcs, S3, S3Credentials, Settings, SettingsError};
pub use store::Store;
pub use sweep::{GRACE, Swept};
pub use upload::Parts;
